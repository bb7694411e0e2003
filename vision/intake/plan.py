"""The plan of a job: its order checked, with all defaults filled in."""

from dataclasses import dataclass, replace
from typing import Self

from vision import presets
from vision.errors import InvalidRequest
from vision.intake.context import IntakeContext
from vision.intake.expected import expected
from vision.intake.order import Order, StepOrder
from vision.jobs.conditions import parse
from vision.jobs.steps import check_names
from vision.outbound.guard import Blocked
from vision.presets import Preset
from vision.provider.catalogue import Lane
from vision.storage.outcomes.earlier_answers import Observed
from vision.tokens import NO_FIT, Fit, fixed_tokens
from vision.tokens.text import call_tokens

FALLBACK_DETAILS = ("high", "auto", "low")


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A step as it will run: question, lane, detail, fit, and its text tokens by our count and as expected."""

    order: StepOrder
    preset: Preset
    lane: Lane
    detail: str
    fit: Fit
    prompt: str
    prompt_tokens: int
    expected_prompt_tokens: int
    expected_output_tokens: int
    high_output_tokens: int | None = None

    @property
    def rule(self) -> str:
        """The rule that counts image tokens."""
        return self.lane.image_tokens

    @property
    def fixed_tokens(self) -> int | None:
        """Tokens of any image; None if they depend on its size."""
        return fixed_tokens(self.rule, self.detail)

    @property
    def sees_no_image(self) -> bool:
        """Whether the provider fetches images itself, so that a wrongly declared size is not noticed here."""
        return self.lane.provider.images == "url" and self.fit == NO_FIT and self.fixed_tokens is None

    def learned(self, observed: Observed | None) -> Self:
        """The same step, with token numbers learned from earlier answers."""
        call = expected(self.preset, self.prompt_tokens, observed)
        return replace(
            self,
            expected_prompt_tokens=call.text_tokens,
            expected_output_tokens=call.output_tokens,
            high_output_tokens=call.high_output_tokens,
        )


@dataclass(frozen=True)
class Plan:
    """A checked order, and its steps: at least one."""

    order: Order
    steps: tuple[PlannedStep, ...]

    @property
    def first(self) -> PlannedStep:
        """The step that every item reaches."""
        return self.steps[0]

    @property
    def trusts_no_size(self) -> bool:
        """Whether declared sizes are not enough: the job has a cap, and a provider fetches images itself."""
        return self.order.max_cost is not None and any(step.sees_no_image for step in self.steps)


def plan(context: IntakeContext, order: Order) -> Plan:
    """Check an order against the catalogue; InvalidRequest names the field."""
    if order.steps:
        _check_steps(order)
    if order.webhook_url:
        _check_webhook(context, order.webhook_url)
    return Plan(order, tuple(_planned(context, order, step) for step in order.steps or (order,)))


def _check_steps(order: Order) -> None:
    if order.preset is not None or order.prompt is not None:
        message = "With `steps`, each step has its own question; leave out the job's own preset and prompt."
        raise InvalidRequest(message, code="steps_or_question", param="steps")
    names = [step.name for step in order.steps]
    check_names(names)
    if order.steps[0].when is not None:
        message = "The first step is reached by every item; leave out its `when`."
        raise InvalidRequest(message, code="invalid_condition", param="when")
    for position, step in enumerate(order.steps):
        if step.when is not None:
            parse(step.when, names[:position])


def _planned(context: IntakeContext, job: Order, order: StepOrder) -> PlannedStep:
    preset = preset_of(order)
    lane = context.catalogue.resolve(order.model, order.preset, has_question=order.has_question)
    _check_price(job, lane)
    prompt = preset.render(order.language)
    prompt_tokens = text_tokens(preset, prompt)
    return PlannedStep(
        order=order,
        preset=preset,
        lane=lane,
        detail=_detail(order, preset, lane),
        fit=Fit(order.fit, order.max_side),
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        expected_prompt_tokens=prompt_tokens,
        expected_output_tokens=preset.expected_output_tokens,
    )


def _check_price(order: Order, lane: Lane) -> None:
    if lane.price is not None or (order.allow_unpriced and order.max_cost is None):
        return
    kept = "so max_cost could not be kept" if order.max_cost is not None else "so its cost would not be known"
    way = "leave max_cost out" if order.max_cost is not None else "send allow_unpriced"
    raise InvalidRequest(
        f"No price is known for {lane.name}, {kept}. Set its price in providers.toml, or {way}.",
        code="unpriced_model",
        param="model" if order.max_cost is None else "max_cost",
    )


def preset_of(order: StepOrder) -> Preset:
    """The named preset, one for the caller's own prompt, or `NO_QUESTION`; InvalidRequest names the field."""
    if not order.has_question:
        return presets.NO_QUESTION
    if (order.preset is None) == (order.prompt is None):
        raise InvalidRequest("Send `preset` or `prompt`: one of the two.", code="preset_or_prompt", param="preset")
    if order.prompt is not None:
        return presets.custom(order.prompt, order.schema, order.max_output_tokens)
    if order.schema is not None:
        message = "A preset brings its own schema; `schema` goes with `prompt`."
        raise InvalidRequest(message, code="preset_or_prompt", param="schema")
    preset = presets.get(order.preset or "")
    return preset if order.max_output_tokens is None else preset.limited_to(order.max_output_tokens)


def text_tokens(preset: Preset, prompt: str) -> int:
    """Text tokens of a call by our own count; 0 without a question."""
    return 0 if preset is presets.NO_QUESTION else call_tokens(prompt, preset.schema)


def _detail(order: StepOrder, preset: Preset, lane: Lane) -> str:
    """The order's detail, or the preset's, or the best that the model has."""
    known = lane.details
    if order.detail is None:
        return next((each for each in (preset.detail, *FALLBACK_DETAILS) if each in known), known[0])
    if order.detail not in known:
        raise InvalidRequest(
            f"{lane.name} knows no detail {order.detail!r}; it knows {', '.join(known)}.",
            code="unsupported_detail",
            param="detail",
        )
    return order.detail


def _check_webhook(context: IntakeContext, url: str) -> None:
    try:
        context.guard.check(url)
    except Blocked as error:
        raise InvalidRequest(f"webhook_url: {error.message}", code="webhook_url_blocked", param="webhook_url") from None
