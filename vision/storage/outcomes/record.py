"""Records outcomes in one short transaction: results, ledger, counters, retries.

Fenced by the lease token: what a worker brings whose lease has gone to another one is not recorded as a result, but
its cost is. Idempotent: a second result of the same item cannot exist.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage.outcomes import counters, interrupted_commits, ledger, onward, results, step_counters
from vision.storage.outcomes.late import release
from vision.storage.outcomes.onward import Waiting
from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.recordset import recordset
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lease, hold

_TICK = text("""
    WITH x AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:counts AS int[]), CAST(:moneys AS numeric[]))
                          AS x(id, n, money)),
         over AS (DELETE FROM ranges r USING x WHERE r.id = x.id AND r.done + x.n >= r.stop - r.start)
    UPDATE ranges r SET done = r.done + x.n, reserved = greatest(0, r.reserved - x.money)
    FROM x WHERE r.id = x.id AND r.done + x.n < r.stop - r.start
""")

_AGAIN = text("""
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop, run_at, attempt, crashes)
    SELECT x.tenant_id, x.job_id, x.step, x.lane, x.phase, x.number, x.number + 1,
           now() + x.seconds * interval '1 second', x.attempt, x.crashes
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(tenant_id text, job_id uuid, step int, lane text, phase text, number int, seconds float8, attempt int,
              crashes int)
""")

_CORRECT = text("""
    UPDATE items i SET image_tokens = CASE WHEN x.step = 1 THEN x.tokens ELSE i.image_tokens END,
                       width = coalesce(x.width, i.width), height = coalesce(x.height, i.height),
                       sizes = coalesce(x.sizes, i.sizes)
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(job_id uuid, number int, step int, tokens int, width int, height int, sizes int[])
    WHERE i.job_id = x.job_id AND i.number = x.number
    RETURNING i.job_id, x.width IS NOT NULL AS declared_wrong
""")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Jobs that ended with a batch of outcomes, and lanes on which items wait for a further step since."""

    ended: Set[UUID] = frozenset()
    waiting: Set[Waiting] = frozenset()


async def record(engine: AsyncEngine, outcomes: Sequence[Outcome]) -> Recorded:
    """Write a batch of outcomes. If it raises, nothing was written."""
    transaction, recorded = "", Recorded()
    try:
        async with engine.begin() as connection:
            transaction = await interrupted_commits.number(connection)
            recorded = await record_in(connection, outcomes)
    except DBAPIError as error:
        # A batch that is written twice would count its items twice, and so lose others of the same lease.
        if not (
            error.connection_invalidated and transaction and await interrupted_commits.succeeded(engine, transaction)
        ):
            raise
    return recorded


async def record_in(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> Recorded:
    """The same, inside the caller's transaction."""
    lanes = await tick_off(connection, [outcome.item for outcome in outcomes])
    held = [outcome for outcome in outcomes if outcome.item.lease in lanes]
    stepped = [outcome for outcome in held if outcome.status]
    went_on = await onward.store(connection, going := await onward.decide(connection, stepped))
    waiting = await onward.wait(connection, went_on)
    going_on = {id(each.outcome) for each in going}
    written = await results.write(connection, [outcome for outcome in stepped if id(outcome) not in going_on])
    released = await release(connection, [late for late in outcomes if late.charge and late.item.lease not in lanes])
    await ledger.write(connection, outcomes)
    await _write_again(connection, [outcome for outcome in held if not outcome.status], lanes)
    corrected = await _correct_items(connection, [outcome for outcome in held if outcome.image_tokens is not None])
    # The same item may be here twice: with a lease that has run out, and with the one it was claimed anew under.
    recorded = [outcome for outcome in held if (outcome.item.job_id, outcome.item.number) in written]
    ended = await counters.count(connection, outcomes, recorded, counters.Beside(corrected, released))
    await step_counters.count(connection, outcomes, [*recorded, *(each.outcome for each in went_on)], went_on)
    await onward.take_turns(connection, went_on)
    return Recorded(ended, waiting)


async def tick_off(connection: AsyncConnection, items: Sequence[LeasedItem]) -> dict[Lease, str]:
    """Count these items as done in their leases, which end with the last one; those that held, and their lanes."""
    lanes = await hold(connection, [item.lease for item in items])
    counts: dict[int, int] = defaultdict(int)
    moneys: dict[int, Decimal] = defaultdict(Decimal)
    for item in items:
        if item.lease in lanes:
            counts[item.range_id] += 1
            moneys[item.range_id] += item.reserved
    if lanes:
        values = {"ids": list(counts), "counts": list(counts.values()), "moneys": list(moneys.values())}
        await connection.execute(_TICK, values)
    return lanes


async def _correct_items(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> Counter[UUID]:
    """Write the true sizes and tokens of these items' images; returns how many were declared wrong, by job."""
    if not outcomes:
        return Counter()
    rows = [
        {
            "job_id": outcome.item.job_id,
            "number": outcome.item.number,
            "step": outcome.item.step,
            "tokens": outcome.image_tokens,
            "width": outcome.size and outcome.size[0],
            "height": outcome.size and outcome.size[1],
            "sizes": [side for size in outcome.sizes for side in size] or None,
        }
        for outcome in outcomes
    ]
    values = {"rows": recordset(rows)}
    return Counter(row.job_id for row in await connection.execute(_CORRECT, values) if row.declared_wrong)


async def _write_again(connection: AsyncConnection, outcomes: Sequence[Outcome], lanes: dict[Lease, str]) -> None:
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "step": outcome.item.step,
            "lane": lanes[outcome.item.lease],
            "phase": outcome.phase,
            "number": outcome.item.number,
            "seconds": outcome.again_seconds or 0.0,
            "attempt": outcome.attempts,
            "crashes": outcome.item.crashes,
        }
        for outcome in outcomes
    ]
    if rows:
        await connection.execute(_AGAIN, {"rows": recordset(rows)})
