"""A job's max_cost: what was spent, may have been spent, and is set aside for leased items never passes it."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import StatusCode
from vision.storage.outcomes.finish import pause

_BUDGET = text("""
    SELECT j.max_cost - j.spent - j.doubted_cost - j.unknown_cost - coalesce(sum(r.reserved), 0) AS left,
           coalesce(sum(r.reserved), 0) AS held
    FROM jobs j LEFT JOIN ranges r ON r.job_id = j.id AND r.lease_token IS NOT NULL
    WHERE j.id = :job_id GROUP BY j.id
""")


async def affordable(connection: AsyncConnection, job_id: UUID, costs: Sequence[Decimal]) -> int:
    """How many of these items max_cost still pays for; pauses the job when none and none is in flight.

    The caller holds the job's row since before this looks, so that what others set aside is seen.
    """
    budget = (await connection.execute(_BUDGET, {"job_id": job_id})).one()
    left: Decimal = budget.left
    count = 0
    for cost in costs:
        if cost > left:
            break
        left -= cost
        count += 1
    if not count and not budget.held and costs:
        await pause(connection, job_id, StatusCode.CAP_REACHED)
    return count
