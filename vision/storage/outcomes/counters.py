"""A job's counters: items, tokens and money."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import ItemStatus
from vision.storage.outcomes.finish import finish_if_over
from vision.storage.outcomes.outcome import Charge, Outcome

_UPDATE = text("""
    UPDATE jobs SET succeeded = succeeded + :succeeded, failed = failed + :failed,
        input_tokens = input_tokens + :input_tokens, output_tokens = output_tokens + :output_tokens,
        image_tokens = image_tokens + :image_tokens, cached_tokens = cached_tokens + :cached_tokens,
        spent = spent + :spent, unknown_cost = unknown_cost + :unknown,
        doubted_cost = doubted_cost + :doubt, excess_cost = excess_cost + :excess,
        sizes_corrected = sizes_corrected + :corrected
    WHERE id = :job_id
    RETURNING succeeded + failed = total OR ending IS NOT NULL AS maybe_over
""")


@dataclass(frozen=True, slots=True)
class Beside:
    """By job: sizes that were declared wrong and put right, and dollars of unknown cost that have become known."""

    corrected: Counter[UUID]
    released: Mapping[UUID, Decimal]


@dataclass(slots=True)
class _Change:
    """What a batch changes in a job's row."""

    succeeded: int = 0
    failed: int = 0
    usage: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: Decimal = Decimal(0)
    unknown: Decimal = Decimal(0)
    doubt: Decimal = Decimal(0)
    excess: Decimal = Decimal(0)

    def charge(self, charge: Charge) -> None:
        """Add what one attempt cost."""
        if charge.known:
            self.spent += charge.cost
        else:
            self.unknown += charge.cost
        self.doubt += charge.doubt
        self.excess += charge.excess


async def count(
    connection: AsyncConnection,
    outcomes: Iterable[Outcome],
    results: Iterable[Outcome],
    beside: Beside,
) -> set[UUID]:
    """Add these outcomes to their jobs' counters; returns the jobs that are complete now."""
    changes: dict[UUID, _Change] = defaultdict(_Change)
    for outcome in outcomes:
        change = changes[outcome.item.job_id]
        if outcome.charge:
            for name, tokens in outcome.tokens.items():
                change.usage[name] += tokens
            change.charge(outcome.charge)
    for outcome in results:
        changes[outcome.item.job_id].succeeded += outcome.status == ItemStatus.SUCCEEDED
        changes[outcome.item.job_id].failed += outcome.status == ItemStatus.FAILED
    ended = set()
    for job_id in sorted(changes):
        if await _change_job(connection, job_id, changes[job_id], beside):
            ended.add(job_id)
    return ended


async def _change_job(connection: AsyncConnection, job_id: UUID, change: _Change, beside: Beside) -> bool:
    names = ("input_tokens", "output_tokens", "image_tokens", "cached_tokens")
    values = {
        "job_id": job_id,
        "succeeded": change.succeeded,
        "failed": change.failed,
        "spent": change.spent,
        "unknown": change.unknown - beside.released.get(job_id, Decimal(0)),
        "doubt": change.doubt,
        "excess": change.excess,
        "corrected": beside.corrected[job_id],
        **{name: change.usage[name] for name in names},
    }
    job = (await connection.execute(_UPDATE, values)).one_or_none()  # None: deleted meanwhile, with all that it cost
    return bool(job and job.maybe_over) and await finish_if_over(connection, job_id)
