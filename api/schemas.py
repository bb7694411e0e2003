"""Request bodies. Unknown fields are refused."""

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from vision.errors import InvalidRequest, NotFound
from vision.estimate import EstimateRequest
from vision.intake import Order
from vision.jobs import ids
from vision.jobs.item_fields import MAX_SIDE
from vision.jobs.lifecycle import ItemStatus, JobStatus
from vision.jobs.untrusted import Unfit, dumped, has_nul, load
from vision.storage.keys import Scope

MAX_INLINE_ITEMS = 1_000
MAX_OBJECT_BYTES = 65_536
MAX_DIGITS = 64
MAX_INT4 = 2**31 - 1
MAX_DEADLINE_SECONDS = 90 * 24 * 3_600


def _small(value: dict[str, object], info: ValidationInfo) -> dict[str, object]:
    try:
        size = len(dumped(value, info.field_name or ""))
    except Unfit as unfit:
        raise PydanticCustomError("unfit", "{reason}", {"reason": unfit.message}) from None
    if size > MAX_OBJECT_BYTES:
        raise ValueError(f"must not be larger than {MAX_OBJECT_BYTES:,} bytes")
    return value


def _no_truth(value: object) -> object:
    """Refuse `true` as a number, which Python treats as 1."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _short(value: object) -> object:
    """Refuse long numbers in strings: parsing them takes time, and no amount of money is that long."""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > MAX_DIGITS):
        raise PydanticKnownError("decimal_type")
    return value


def _unwrapped(value: object) -> object:
    """JSON in a text, as query strings have it."""
    return load(value.encode()) if isinstance(value, str) else value


def _listed(value: object) -> object:
    """`a,b` → ["a", "b"]; null is as good as absent."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",")]
    return [] if value is None else value


MAX_MODELS, MAX_DETAILS = 50, 4
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
DetailName = Annotated[str, StringConstraints(min_length=1, max_length=16)]
ModelNames = Annotated[list[ModelName], BeforeValidator(_listed), Field(max_length=MAX_MODELS)]
DetailNames = Annotated[list[DetailName], BeforeValidator(_listed), Field(max_length=MAX_DETAILS)]
Whole = BeforeValidator(_no_truth)
"""A whole number within the bounds of its database column."""
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), Whole]
OutputTokens = Annotated[int, Field(ge=1, le=MAX_INT4), Whole]
Priority = Annotated[int, Field(ge=-100, le=100), Whole]
Weight = Annotated[int, Field(ge=1, le=100), Whole]
Seconds = Annotated[int, Field(ge=1, le=MAX_DEADLINE_SECONDS), Whole]
Dollars = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=8), BeforeValidator(_short)]
SmallObject = Annotated[dict[str, object], AfterValidator(_small)]
WrittenObject = Annotated[SmallObject, BeforeValidator(_unwrapped)]
ScopeName = Annotated[Scope, WithJsonSchema({"type": "string", "enum": [scope.value for scope in Scope]})]


class Body(BaseModel):
    """Refuses unknown fields, and texts that cannot be stored."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _storable(cls, value: object) -> object:
        if has_nul(value):
            raise ValueError("a NUL character cannot be stored")
        return value


class JobFields(Body):
    """A job without its items."""

    preset: str | None = Field(None, max_length=64, description="Prompt, schema and defaults by name.")
    prompt: str | None = Field(None, description="Your own instructions, instead of a preset.")
    answer_schema: SmallObject | None = Field(
        None, alias="schema", description="With `prompt`: the strict JSON schema of each answer."
    )
    model: str | None = Field(
        None, max_length=256, description="A model, or `provider/model`. Default: the first one that serves the preset."
    )
    detail: str | None = Field(None, max_length=16, description="low, high, original or auto; the preset's by default.")
    fit: Literal["none", "snap", "max"] = Field(
        "none",
        description="`snap` shrinks an image by a few percent where that drops a row or column of patches or tiles; "
        "`max` shrinks it to `max_side`. Nothing is enlarged.",
    )
    max_side: Side | None = Field(None, description="With fit `max`: pixels of the long side.")
    language: str = Field("en", max_length=35, description="Language of free text, as a BCP 47 tag.")
    max_output_tokens: OutputTokens | None = Field(None, description="Ceiling for the length of one answer.")
    max_cost: Dollars | None = Field(None, description="Hard cap for the whole job in US dollars.")
    allow_unpriced: bool = Field(False, description="Run on a model whose price is not known; its cost reads as 0.")
    priority: Priority = Field(0, description="Jobs with a higher one go first.")
    weight: Weight = Field(
        1, description="Among jobs of its lane and priority, a job of weight 3 gets three times the tokens of one of 1."
    )
    deadline_seconds: Seconds | None = Field(None, description="The job expires after this.")
    webhook_url: str | None = Field(None, max_length=8_192, description="Is sent the job's events, signed.")
    metadata: SmallObject = Field(default_factory=dict, description="Yours; comes back with the job.")

    def order(self) -> Order:
        """The fields as intake takes them."""
        names = JobFields.model_fields.keys() - {"answer_schema"}
        return Order(schema=self.answer_schema, **{name: getattr(self, name) for name in names})


class JobQuery(JobFields):
    """The same in a query string, where objects are JSON."""

    answer_schema: WrittenObject | None = Field(None, alias="schema")
    metadata: WrittenObject = Field(default_factory=dict)


class JobBody(JobFields):
    """A job with items inline, or in an uploaded manifest."""

    items: list[object] | None = Field(
        None,
        max_length=MAX_INLINE_ITEMS,
        description="Objects with `image` or `images`, and maybe `custom_id`, `metadata`, `width` and `height`.",
    )
    input_file_id: str | None = Field(None, description="An uploaded manifest: one item as JSON on each line.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.items is not None and self.input_file_id is not None:
            raise ValueError("send items or input_file_id, not both")
        return self


class EstimateFields(JobFields):
    """A job's fields, and what it is to be estimated for. Lists are names with commas where fields are in a query."""

    models: ModelNames = Field(
        [],
        description="Models, or `provider/model`, also ones that no provider here has. Default: `model`, or every "
        "model that serves the preset.",
    )
    details: DetailNames = Field([], description="Levels of detail. Default: `detail`, or every level but auto.")

    def ask(self) -> EstimateRequest:
        """The fields as intake takes them."""
        return EstimateRequest(self.order(), self.models, self.details)


class EstimateQuery(EstimateFields, JobQuery):
    """The same in a query string."""


class EstimateBody(EstimateFields, JobBody):
    """A job to be estimated. Items may have `sizes` ([[width, height], …]) instead of images."""


class KeyBody(Body):
    """A new API key."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")
    scopes: list[ScopeName] = Field(
        default=[Scope.JOBS_READ, Scope.JOBS_WRITE, Scope.FILES_READ, Scope.FILES_WRITE], min_length=1
    )


class PageQuery(Body):
    """Where a page of a list starts, and how long it is."""

    limit: int = Field(20, ge=1, le=100)
    after: str | None = Field(None, max_length=64, description="The id after which the page starts: `last_id`.")

    def start(self, prefix: str) -> UUID | None:
        """The id of a `job`, `file` … after which the page starts."""
        try:
            return ids.parse(prefix, self.after) if self.after else None
        except NotFound:
            message = f"`after` is not the id of a {prefix}."
            raise InvalidRequest(message, code="invalid_cursor", param="after") from None


class JobsQuery(PageQuery):
    """A page of jobs."""

    status: JobStatus | None = None


class ItemsQuery(PageQuery):
    """A page of items."""

    limit: int = Field(100, ge=1, le=1_000)
    status: ItemStatus | None = None


class FilesQuery(PageQuery):
    """A page of files."""

    purpose: str | None = Field(None, min_length=1, max_length=64)
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="Only files of these bytes.")
