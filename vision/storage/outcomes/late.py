"""What a worker brings that was taken for dead: its result is not wanted any more, but what it cost is known now."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.storage.outcomes.outcome import Outcome

_RELEASE = text("""
    DELETE FROM ledger WHERE id = (SELECT min(id) FROM ledger WHERE job_id = :job_id AND number = :number
                                   AND step = :step AND attempt = :attempt AND outcome = 'unknown')
    RETURNING cost
""")


async def release(connection: AsyncConnection, late: Iterable[Outcome]) -> dict[UUID, Decimal]:
    """Take the unknown cost of these calls out of the ledger, now that they bring their own; dollars by job."""
    released: dict[UUID, Decimal] = defaultdict(Decimal)
    for item in (outcome.item for outcome in late):
        values = {"job_id": item.job_id, "number": item.number, "step": item.step, "attempt": item.attempt + 1}
        released[item.job_id] += (await connection.execute(_RELEASE, values)).scalar_one_or_none() or 0
    return released
