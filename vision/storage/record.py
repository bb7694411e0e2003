"""What became of the items in hand, in one short transaction: results, ledger, counters, retries.

Fenced by the lease token: what a worker brings whose lease has gone to another one is not recorded as a result, but
its cost is. Idempotent: a second result of the same item cannot exist.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.lifecycle import ItemStatus, Stage
from vision.prices import Usage
from vision.storage import commit
from vision.storage.finish import finish_if_over
from vision.storage.leases import Lease, hold
from vision.storage.ranges import Held

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt, for the ledger. `known` False: the call's end was not seen and `cost` is the most it can be."""

    lane: str
    outcome: str
    usage: Usage
    cost: Decimal
    known: bool = True
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item in hand: a result, another try after `again_seconds`, or (neither) given back unsent.

    `burned` is False where the try does not count: nothing was sent, or our own pacing was at fault.
    """

    item: Held
    charge: Charge | None = None
    status: ItemStatus | None = None
    answer: Any = None
    error_code: str | None = None
    error_message: str | None = None
    latency_ms: int | None = None
    again_seconds: float | None = None
    stage: Stage = Stage.WORK
    burned: bool = True
    image_tokens: int | None = None
    """What its images cost after all, where that is more than was set aside: kept for the next try."""

    @property
    def attempts(self) -> int:
        """Tries up to now."""
        return self.item.attempt + self.burned


@dataclass(slots=True)
class _Change:
    """What a batch changes in a job's row."""

    succeeded: int = 0
    failed: int = 0
    usage: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: Decimal = ZERO
    unknown: Decimal = ZERO


_TICK = text("""
    UPDATE ranges r SET done = r.done + x.n, reserved = greatest(0, r.reserved - x.money)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:counts AS int[]), CAST(:moneys AS numeric[])) AS x(id, n, money)
    WHERE r.id = x.id
""")

_EMPTY = text("DELETE FROM ranges WHERE id = ANY(CAST(:ids AS bigint[])) AND done >= stop - start")

_RESULTS = text("""
    INSERT INTO results (tenant_id, job_id, number, status, answer, error_code, error_message, input_tokens,
                         output_tokens, image_tokens, cached_tokens, cost, attempts, latency_ms, request_id)
    SELECT x.tenant_id, x.job_id, x.number, x.status, x.answer::json, x.error_code, x.error_message, x.input_tokens,
           x.output_tokens, x.image_tokens, x.cached_tokens,
           -- An item's cost is that of all its attempts; this one is not in the ledger yet.
           x.cost + coalesce((SELECT sum(l.cost) FROM ledger l
                              WHERE x.tried AND l.job_id = x.job_id AND l.number = x.number), 0),
           x.attempts, x.latency_ms, x.request_id
    FROM unnest(CAST(:tenant_id AS text[]), CAST(:job_id AS uuid[]), CAST(:number AS int[]), CAST(:status AS text[]),
                CAST(:answer AS text[]), CAST(:error_code AS text[]), CAST(:error_message AS text[]),
                CAST(:input_tokens AS int[]), CAST(:output_tokens AS int[]), CAST(:image_tokens AS int[]),
                CAST(:cached_tokens AS int[]), CAST(:cost AS numeric[]), CAST(:attempts AS int[]),
                CAST(:latency_ms AS int[]), CAST(:request_id AS text[]), CAST(:tried AS bool[]))
         AS x(tenant_id, job_id, number, status, answer, error_code, error_message, input_tokens, output_tokens,
              image_tokens, cached_tokens, cost, attempts, latency_ms, request_id, tried)
    ON CONFLICT (job_id, number) DO NOTHING RETURNING job_id, number
""")

_LEDGER = text("""
    INSERT INTO ledger (tenant_id, job_id, number, attempt, lane, outcome, input_tokens, output_tokens, image_tokens,
                        cached_tokens, cost, cost_is_known, request_id)
    SELECT * FROM unnest(CAST(:tenant_id AS text[]), CAST(:job_id AS uuid[]), CAST(:number AS int[]),
        CAST(:attempt AS int[]), CAST(:lane AS text[]), CAST(:outcome AS text[]), CAST(:input_tokens AS int[]),
        CAST(:output_tokens AS int[]), CAST(:image_tokens AS int[]), CAST(:cached_tokens AS int[]),
        CAST(:cost AS numeric[]), CAST(:known AS bool[]), CAST(:request_id AS text[]))
""")

_AGAIN = text("""
    INSERT INTO ranges (tenant_id, job_id, lane, stage, start, stop, run_at, attempt, crashes)
    SELECT x.tenant_id, x.job_id, x.lane, x.stage, x.number, x.number + 1,
           now() + x.seconds * interval '1 second', x.attempt, x.crashes
    FROM unnest(CAST(:tenant_id AS text[]), CAST(:job_id AS uuid[]), CAST(:lane AS text[]), CAST(:stage AS text[]),
                CAST(:number AS int[]), CAST(:seconds AS float8[]), CAST(:attempt AS int[]), CAST(:crashes AS int[]))
         AS x(tenant_id, job_id, lane, stage, number, seconds, attempt, crashes)
""")

_CORRECT = text("""
    UPDATE items i SET image_tokens = x.tokens
    FROM unnest(CAST(:job_ids AS uuid[]), CAST(:numbers AS int[]), CAST(:tokens AS int[])) AS x(job_id, number, tokens)
    WHERE i.job_id = x.job_id AND i.number = x.number
""")

_JOB = text("""
    UPDATE jobs SET succeeded = succeeded + :succeeded, failed = failed + :failed,
        input_tokens = input_tokens + :input_tokens, output_tokens = output_tokens + :output_tokens,
        image_tokens = image_tokens + :image_tokens, cached_tokens = cached_tokens + :cached_tokens,
        spent = spent + :spent, unknown_cost = unknown_cost + :unknown
    WHERE id = :job_id
    RETURNING succeeded + failed = total OR ending IS NOT NULL AS maybe_over
""")


async def record(engine: AsyncEngine, outcomes: Sequence[Outcome]) -> set[UUID]:
    """Write a batch of outcomes; the jobs that ended with it. If it raises, nothing was written."""
    transaction, ended = "", set[UUID]()
    try:
        async with engine.begin() as connection:
            transaction = await commit.number(connection)
            ended = await record_in(connection, outcomes)
    except DBAPIError as error:
        # A batch that is written twice would count its items twice, and so lose others of the same lease.
        if not (error.connection_invalidated and transaction and await commit.succeeded(engine, transaction)):
            raise
    return ended


async def record_in(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> set[UUID]:
    """The same, inside the caller's transaction."""
    lanes = await tick_off(connection, [outcome.item for outcome in outcomes])
    held = [outcome for outcome in outcomes if outcome.item.lease in lanes]
    written = await _write_results(connection, [outcome for outcome in held if outcome.status])
    await _write_ledger(connection, [outcome for outcome in outcomes if outcome.charge])
    await _write_again(connection, [outcome for outcome in held if not outcome.status], lanes)
    await _correct_items(connection, [outcome for outcome in held if outcome.image_tokens is not None])
    await connection.execute(_EMPTY, {"ids": [range_id for range_id, _ in lanes]})
    return await _change_jobs(connection, outcomes, written)


async def tick_off(connection: AsyncConnection, items: Sequence[Held]) -> dict[Lease, str]:
    """Count these items as done in their leases; the leases that still hold, and their lanes."""
    lanes = await hold(connection, [item.lease for item in items])
    counts: dict[int, int] = defaultdict(int)
    moneys: dict[int, Decimal] = defaultdict(Decimal)
    for item in items:
        if item.lease in lanes:
            counts[item.range_id] += 1
            moneys[item.range_id] += item.reserved
    values = {"ids": list(counts), "counts": list(counts.values()), "moneys": list(moneys.values())}
    await connection.execute(_TICK, values)
    return lanes


async def _correct_items(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    if outcomes:
        values = {
            "job_ids": [outcome.item.job_id for outcome in outcomes],
            "numbers": [outcome.item.number for outcome in outcomes],
            "tokens": [outcome.image_tokens for outcome in outcomes],
        }
        await connection.execute(_CORRECT, values)


def _storable(message: str | None) -> str | None:
    """PostgreSQL stores neither NUL nor lone surrogates; one of them must not hold up its batch."""
    return message and message.replace("\0", "").encode(errors="replace").decode()


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _usage(charge: Charge | None) -> dict[str, int]:
    usage = charge.usage if charge else Usage(0, 0)
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "image_tokens": usage.image_tokens,
        "cached_tokens": usage.cached_tokens,
    }


async def _write_results(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> set[tuple[UUID, int]]:
    if not outcomes:
        return set()
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "number": outcome.item.number,
            "status": outcome.status,
            "answer": None if outcome.answer is None else orjson.dumps(outcome.answer).decode(),
            "error_code": outcome.error_code,
            "error_message": _storable(outcome.error_message),
            "cost": outcome.charge.cost if outcome.charge else ZERO,
            "attempts": outcome.attempts,
            "latency_ms": outcome.latency_ms,
            "request_id": outcome.charge.request_id if outcome.charge else None,
            "tried": outcome.item.attempt > 0 or outcome.item.crashes > 0,
            **_usage(outcome.charge),
        }
        for outcome in outcomes
    ]
    return {(row.job_id, row.number) for row in await connection.execute(_RESULTS, _columns(rows))}


async def _write_ledger(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "number": outcome.item.number,
            "attempt": outcome.attempts,
            "lane": outcome.charge.lane,
            "outcome": outcome.charge.outcome,
            "cost": outcome.charge.cost,
            "known": outcome.charge.known,
            "request_id": outcome.charge.request_id,
            **_usage(outcome.charge),
        }
        for outcome in outcomes
        if outcome.charge
    ]
    if rows:
        await connection.execute(_LEDGER, _columns(rows))


async def _write_again(connection: AsyncConnection, outcomes: Sequence[Outcome], lanes: dict[Lease, str]) -> None:
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "lane": lanes[outcome.item.lease],
            "stage": outcome.stage,
            "number": outcome.item.number,
            "seconds": outcome.again_seconds or 0.0,
            "attempt": outcome.attempts,
            "crashes": outcome.item.crashes,
        }
        for outcome in outcomes
    ]
    if rows:
        await connection.execute(_AGAIN, _columns(rows))


async def _change_jobs(
    connection: AsyncConnection, outcomes: Iterable[Outcome], written: set[tuple[UUID, int]]
) -> set[UUID]:
    changes: dict[UUID, _Change] = defaultdict(_Change)
    for outcome in outcomes:
        change = changes[outcome.item.job_id]
        if (outcome.item.job_id, outcome.item.number) in written:
            change.succeeded += outcome.status == ItemStatus.SUCCEEDED
            change.failed += outcome.status == ItemStatus.FAILED
        if outcome.charge:
            for name, tokens in _usage(outcome.charge).items():
                change.usage[name] += tokens
            if outcome.charge.known:
                change.spent += outcome.charge.cost
            else:
                change.unknown += outcome.charge.cost
    ended = set()
    for job_id in sorted(changes):
        if await _change_job(connection, job_id, changes[job_id]):
            ended.add(job_id)
    return ended


async def _change_job(connection: AsyncConnection, job_id: UUID, change: _Change) -> bool:
    names = ("input_tokens", "output_tokens", "image_tokens", "cached_tokens")
    values = {
        "job_id": job_id,
        "succeeded": change.succeeded,
        "failed": change.failed,
        "spent": change.spent,
        "unknown": change.unknown,
        **{name: change.usage[name] for name in names},
    }
    job = (await connection.execute(_JOB, values)).one()
    return bool(job.maybe_over) and await finish_if_over(connection, job_id)
