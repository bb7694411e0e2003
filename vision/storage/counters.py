"""A job's counters: how many items are done, and what they took."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.lifecycle import ItemStatus
from vision.storage.finish import finish_if_over
from vision.storage.outcome import Outcome

_UPDATE = text("""
    UPDATE jobs SET succeeded = succeeded + :succeeded, failed = failed + :failed,
        input_tokens = input_tokens + :input_tokens, output_tokens = output_tokens + :output_tokens,
        image_tokens = image_tokens + :image_tokens, cached_tokens = cached_tokens + :cached_tokens,
        spent = spent + :spent, unknown_cost = unknown_cost + :unknown,
        sizes_corrected = sizes_corrected + :corrected
    WHERE id = :job_id
    RETURNING succeeded + failed = total OR ending IS NOT NULL AS maybe_over
""")


@dataclass(slots=True)
class _Change:
    """What a batch changes in a job's row."""

    succeeded: int = 0
    failed: int = 0
    usage: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: Decimal = Decimal(0)
    unknown: Decimal = Decimal(0)


async def count(
    connection: AsyncConnection,
    outcomes: Iterable[Outcome],
    results: Iterable[Outcome],
    corrected: Counter[UUID],
) -> set[UUID]:
    """Add what these outcomes took to their jobs' rows, and those that became results; the jobs that ended so.

    `corrected`: how many sizes that were told wrong have been put right, by job.
    """
    changes: dict[UUID, _Change] = defaultdict(_Change)
    for outcome in outcomes:
        change = changes[outcome.item.job_id]
        if outcome.charge:
            for name, tokens in outcome.tokens.items():
                change.usage[name] += tokens
            if outcome.charge.known:
                change.spent += outcome.charge.cost
            else:
                change.unknown += outcome.charge.cost
    for outcome in results:
        changes[outcome.item.job_id].succeeded += outcome.status == ItemStatus.SUCCEEDED
        changes[outcome.item.job_id].failed += outcome.status == ItemStatus.FAILED
    ended = set()
    for job_id in sorted(changes):
        if await _change_job(connection, job_id, changes[job_id], corrected[job_id]):
            ended.add(job_id)
    return ended


async def _change_job(connection: AsyncConnection, job_id: UUID, change: _Change, corrected: int) -> bool:
    names = ("input_tokens", "output_tokens", "image_tokens", "cached_tokens")
    values = {
        "job_id": job_id,
        "succeeded": change.succeeded,
        "failed": change.failed,
        "spent": change.spent,
        "unknown": change.unknown,
        "corrected": corrected,
        **{name: change.usage[name] for name in names},
    }
    job = (await connection.execute(_UPDATE, values)).one()
    return bool(job.maybe_over) and await finish_if_over(connection, job_id)
