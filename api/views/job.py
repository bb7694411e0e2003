"""The job object: OpenAI's style of fields, money as decimal strings, unix seconds."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel

from api.lane_states import Pace
from api.views.lists import Listed, unix
from vision.jobs import ids
from vision.jobs.money import money
from vision.jobs.reports.job_figures import Comparison, RequestCounts
from vision.jobs.reports.job_report import JobReport
from vision.prices import Usage
from vision.provider.catalogue import Lane

Metadata = Mapping[str, object]
"""Whatever the caller has sent."""


class Tokens(BaseModel):
    """Of all calls so far; `estimated` and `saved` (by shrinking images) are of all items, from those measured."""

    estimated: int
    input: int
    output: int
    image: int
    cached: int
    saved: int


class Cost(BaseModel):
    """Dollars. `unknown`, `doubted`, `excess`: see docs/decisions/0012-what-the-cap-rests-on.md."""

    currency: Literal["USD"] = "USD"
    estimated: str
    reserved: str
    spent: str
    unknown: str
    doubted: str
    excess: str
    saved: str
    cap: str | None


class TokensCompared(BaseModel):
    """What was estimated, and what came of it."""

    estimated: int
    actual: int


class CostCompared(BaseModel):
    """The same, in dollars."""

    estimated: str
    actual: str


class JobComparison(BaseModel):
    """What was estimated beside what came of it."""

    input_tokens: TokensCompared
    image_tokens: TokensCompared
    output_tokens: TokensCompared
    cost: CostCompared


class JobCheck(BaseModel):
    """Where a job of these fields would run, and with which detail."""

    object: Literal["job.check"] = "job.check"
    provider: str
    model: str
    detail: str


class Job(Listed):
    """A job as it stands."""

    object: Literal["job"] = "job"
    status: str
    status_code: str
    waiting_since: int | None
    preset: str | None
    model: str
    provider: str
    detail: str
    fit: str
    max_side: int | None
    language: str
    fingerprint: str
    priority: int
    weight: int
    max_output_tokens: int
    webhook_url: str | None
    request_counts: RequestCounts
    measured: int
    progress: float
    eta_seconds: int | None
    tokens: Tokens
    sizes_corrected: int
    comparison: JobComparison | None
    cost: Cost
    created_at: int
    started_at: int | None
    finished_at: int | None
    expires_at: int | None
    metadata: Metadata


def view(report: JobReport, lane: Lane | None, pace: Pace | None = None) -> Job:
    """The job object; `lane` and its pace are None when it is no longer offered."""
    return Job(
        id=ids.public("job", report.id),
        status=report.status,
        status_code=report.code(lane_is_offered=lane is not None),
        waiting_since=unix(report.waiting_since),
        preset=report.preset,
        model=report.model,
        provider=report.provider,
        detail=report.detail,
        fit=report.fit,
        max_side=report.max_side,
        language=report.language,
        fingerprint=report.fingerprint,
        priority=report.priority,
        weight=report.weight,
        max_output_tokens=report.max_output_tokens,
        webhook_url=report.webhook_url,
        request_counts=report.counts,
        measured=report.measured,
        progress=report.progress,
        eta_seconds=pace.seconds_until_done(report) if pace else None,
        tokens=_tokens(report),
        sizes_corrected=report.sizes_corrected,
        comparison=_comparison(report.comparison),
        cost=_cost(report, lane),
        created_at=int(report.created_at.timestamp()),
        started_at=unix(report.started_at),
        finished_at=unix(report.finished_at),
        expires_at=unix(report.expires_at),
        metadata=report.metadata,
    )


def _tokens(report: JobReport) -> Tokens:
    return Tokens(
        estimated=report.for_all(report.estimated_tokens),
        input=report.input_tokens,
        output=report.output_tokens,
        image=report.image_tokens,
        cached=report.cached_tokens,
        saved=report.for_all(report.saved_image_tokens),
    )


def _cost(report: JobReport, lane: Lane | None) -> Cost:
    return Cost(
        estimated=money(report.estimated_cost_of_all),
        reserved=money(report.reserved),
        spent=money(report.spent),
        unknown=money(report.unknown_cost),
        doubted=money(report.doubted_cost),
        excess=money(report.excess_cost),
        saved=_saved(report, lane),
        cap=None if report.max_cost is None else money(report.max_cost),
    )


def _saved(report: JobReport, lane: Lane | None) -> str:
    """What the image tokens that shrinking saves would have cost, in dollars."""
    price = lane.price if lane else None
    return money(price.cost(Usage(report.for_all(report.saved_image_tokens), 0))) if price else "0"


def _comparison(compared: Comparison | None) -> JobComparison | None:
    if compared is None:
        return None
    estimated, actual = asdict(compared.estimated), asdict(compared.actual)
    return JobComparison(
        **{name: TokensCompared(estimated=estimated[name], actual=actual[name]) for name in estimated},
        cost=CostCompared(estimated=money(compared.estimated_cost), actual=money(compared.actual_cost)),
    )
