"""Asks one lane a tiny question, and says what its server understands."""

from dataclasses import dataclass
from decimal import Decimal

from vision.errors import ItemError
from vision.kinds import Dialect, Question
from vision.provider.call_result import CallResult, read
from vision.provider.catalogue import Lane
from vision.provider.client import Client
from vision.provider.dialects import Change, Learning

MOST_CALLS = 10
RED = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAUElEQVR42u3PQREAAAQAMATRP4pYUn"
    "i42xospzs+q3hOQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA4N4CQ3UBhF8gRisAAAAASUVORK"
    "5CYII="
)
"""64 x 64 pixels of red."""
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "description": "The main colour of the image, in English."}},
    "required": ["colour"],
    "additionalProperties": False,
}
QUESTION = Question("Name the main colour of the image.", "colour", SCHEMA, "auto", 1_000)


@dataclass(frozen=True)
class Understood:
    """What a lane understands. `problem`: why no call was taken, or None. `changes`: what it had to be told otherwise.

    `structured`: the answer fits the schema. `by_url`: whether it fetches images itself (None: not tried).
    """

    lane: str
    problem: str | None
    dialect: Dialect
    changes: tuple[Change, ...] = ()
    structured: bool = False
    usage_stated: bool = False
    limits_stated: bool = False
    by_url: bool | None = None
    cost: Decimal | None = None

    @property
    def lines(self) -> list[str]:
        """What to write into providers.toml so that nothing has to be learned."""
        omitted = [change.setting for change in self.changes if change.new == "omitted"]
        stated = {change.setting: change.new for change in self.changes if change.new != "omitted"}
        if not self.problem and not self.structured:
            stated["structure"] = "prompt"
        lines = [f'{setting} = "{value}"' for setting, value in stated.items()]
        if omitted:
            names = ", ".join(f'"{name}"' for name in omitted)
            lines.append(f"omit = [{names}]")
        return lines


async def check(lane: Lane, client: Client, image_url: str | None = None) -> Understood:
    """One call, and one more for each field that is refused; with `image_url` another with the image by its address."""
    learning, changes = Learning(lane), list[Change]()
    while True:
        spoken = learning.current
        called = await _ask(lane, client, spoken, RED)
        change = learning.hear(spoken, called)
        if change is None or len(changes) >= MOST_CALLS:
            break
        changes.append(change)
    if called.failure:
        return Understood(lane.name, called.failure.message, learning.current, tuple(changes))
    by_url = None
    if image_url:
        by_url = (await _ask(lane, client, learning.current, image_url)).reply is not None
    return Understood(
        lane.name,
        None,
        learning.current,
        tuple(changes),
        structured=_fits(lane, called),
        usage_stated=bool(called.reply and called.reply.usage),
        limits_stated=called.limits.known,
        by_url=by_url,
        cost=lane.price.cost(called.reply.usage) if lane.price and called.reply and called.reply.usage else None,
    )


async def _ask(lane: Lane, client: Client, dialect: Dialect, image: str) -> CallResult:
    body = lane.kind.request(lane.model, QUESTION, [image], dialect)
    return read(lane.kind, await client.post(lane.kind.path, body, "check", lane.kind.headers))


def _fits(lane: Lane, called: CallResult) -> bool:
    if called.reply is None:
        return False
    if not lane.kind.prompted:
        return True
    try:
        lane.kind.answer(called.reply, QUESTION)
    except ItemError:
        return False
    return True
