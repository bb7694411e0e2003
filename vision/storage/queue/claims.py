"""Ranges of items: taken with a lease, kept by heartbeats.

A claim moves the start of a job's range and writes one lease row; item rows stay untouched, so it costs the same with
ten million items as with a thousand. Postgres's clock alone counts.

Nobody blocks anybody for good, because rows are waited for in one order: leased ranges by id, jobs by id, then a job's
turn and its waiting ranges. A claim comes from the other end, so it waits for its job alone, and for that first.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.jobs.lifecycle import START, Stage, StatusCode, sql_list
from vision.prices import Price
from vision.storage.queue.budget import affordable
from vision.storage.queue.demand import Cost, WaitingItem, service
from vision.storage.queue.leases import NO_PROCESS, Lease


@dataclass(frozen=True, slots=True)
class Held:
    """An item in this worker's hands, for one step, and the lease that says so."""

    tenant_id: str
    job_id: UUID
    step: int
    steps: int
    """How many the job has; after the last one comes the result."""
    number: int
    images: list[str]
    image_tokens: int | None
    width: int | None
    height: int | None
    range_id: int
    token: UUID
    attempt: int
    crashes: int
    reserved: Decimal
    unseen: bool = False

    @property
    def is_last(self) -> bool:
        """Whether no step comes after this one."""
        return self.step == self.steps

    @property
    def lease(self) -> Lease:
        """What the item is fenced by."""
        return self.range_id, self.token


@dataclass(frozen=True, slots=True)
class Lessee:
    """Who takes a lease, and for how long.

    A worker process lives as long as it extends the lease. Another owner (a batch at the provider, a person) does not
    extend it: then the seconds are all the time that it has, and nothing has crashed when they are over.
    """

    owner: str
    seconds: float
    is_process: bool = True

    @property
    def name(self) -> str:
        """As it is stored."""
        return self.owner if self.is_process else f"{NO_PROCESS}{self.owner}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """The part of a waiting range that a claim takes."""

    range_id: int
    start: int
    stop: int
    end: int
    attempt: int
    crashes: int


# The question of the only step stands in the job's row.
_NEXT = text(f"""
    SELECT t.job_id, t.step, t.tenant_id, j.steps, j.status IN ({sql_list(START.sources)}) AS fresh,
           j.max_cost IS NOT NULL AS capped,
           coalesce(s.detail, j.detail) AS detail, coalesce(s.fit, j.fit) AS fit,
           CASE WHEN s.job_id IS NULL THEN j.max_side ELSE s.max_side END AS max_side, s.rule,
           coalesce(s.prompt_tokens, j.prompt_tokens) AS prompt_tokens,
           coalesce(s.max_output_tokens, j.max_output_tokens) AS max_output_tokens, j.weight
    FROM turns t JOIN jobs j ON j.id = t.job_id LEFT JOIN steps s ON s.job_id = t.job_id AND s.position = t.step
    WHERE t.lane = :lane AND t.runnable AND (t.job_id, t.step) NOT IN (
            SELECT * FROM unnest(CAST(:passed_jobs AS uuid[]), CAST(:passed_steps AS smallint[])))
      AND EXISTS (SELECT 1 FROM ranges r WHERE r.job_id = t.job_id AND r.step = t.step AND r.stage = :stage
                  AND r.lease_token IS NULL AND (r.run_at IS NULL OR r.run_at <= now()))
    ORDER BY t.priority DESC, t.service, t.job_id LIMIT 1
""")

_JOB = text("SELECT 1 FROM jobs WHERE id = :job_id FOR NO KEY UPDATE")

_TURN = text("SELECT 1 FROM turns WHERE job_id = :job_id AND step = :step AND runnable FOR UPDATE")

_IN_ORDER = """
    SELECT id, start, stop, attempt, crashes FROM ranges
    WHERE job_id = :job_id AND step = :step AND stage = :stage AND lease_token IS NULL
      AND (run_at IS NULL OR run_at <= now())
    ORDER BY {}, start LIMIT :want
    FOR UPDATE SKIP LOCKED
"""
_WAITING = text(_IN_ORDER.format("run_at NULLS LAST"))
# Whether a lane is back is better asked with an item that has not failed before.
_UNTRIED_FIRST = text(_IN_ORDER.format("run_at NULLS FIRST"))

# Bounded for each piece, or else the planner reads the whole table for a job that is a large part of it.
_ITEMS = text("""
    SELECT i.number, i.images, i.image_tokens, i.width, i.height, i.sizes, i.unseen, p.place
    FROM unnest(CAST(:starts AS int[]), CAST(:stops AS int[])) WITH ORDINALITY AS p(start, stop, place)
    CROSS JOIN LATERAL (SELECT * FROM items WHERE job_id = :job_id AND number >= p.start AND number < p.stop
                        ORDER BY number LIMIT p.stop - p.start) i
    ORDER BY p.place, i.number
""")

_LEASE_WHOLE = text("""
    UPDATE ranges SET lease_token = :token, lease_until = now() + :seconds * interval '1 second', worker = :worker,
                      done = 0, reserved = :reserved, decoding = '{}', sent = '{}', sent_costs = '{}'
    WHERE id = :id RETURNING id
""")

_LEASE_PART = text("""
    WITH cut AS (UPDATE ranges SET start = :stop WHERE id = :id RETURNING tenant_id, job_id, step, lane, stage, run_at)
    INSERT INTO ranges (tenant_id, job_id, step, lane, stage, start, stop, run_at, attempt, crashes,
                        lease_token, lease_until, worker, reserved)
    SELECT tenant_id, job_id, step, lane, stage, :start, :stop, run_at, :attempt, :crashes,
           :token, now() + :seconds * interval '1 second', :worker, :reserved
    FROM cut RETURNING id
""")

_SERVED = text("UPDATE turns SET service = service + :service WHERE job_id = :job_id AND step = :step")

_STARTED = text(f"""
    UPDATE jobs SET status = '{START.target}', status_code = '{StatusCode.WORKING}',
                    started_at = coalesce(started_at, now())
    WHERE id = :job_id AND status IN ({sql_list(START.sources)})
""")


async def claim(
    engine: AsyncEngine,
    lane: str,
    want: int,
    *,
    stage: Stage,
    lessee: Lessee,
    price: Price | None = None,
    rule: str = "none",
    untried_first: bool = False,
) -> list[Held]:
    """Take up to `want` items of the job and step whose turn it is; empty when no job on this lane has any.

    With a price, each item's highest possible cost is set aside, and a job's max_cost is never passed, under any
    concurrency, because the claim holds the job's row before it looks. `rule`: of the lane's image tokens; an image of
    a size that was only declared may be as large as it admits.
    """
    passed: dict[str, list[Any]] = {"passed_jobs": [], "passed_steps": []}
    while True:
        async with engine.begin() as connection:
            turn = await _first(connection, _NEXT, lane=lane, stage=stage, **passed)
            if turn is None:
                return []
            waiting = _UNTRIED_FIRST if untried_first else _WAITING
            if held := await _take(connection, turn, want, stage, lessee, Cost(price, rule), waiting=waiting):
                return held
        passed["passed_jobs"].append(turn.job_id)
        passed["passed_steps"].append(turn.step)


async def _take(
    connection: AsyncConnection,
    turn: Any,
    want: int,
    stage: Stage,
    lessee: Lessee,
    cost: Cost,
    *,
    waiting: Any,
) -> list[Held]:
    capped = turn.capped and cost.price is not None
    if capped or turn.fresh:
        await connection.execute(_JOB, {"job_id": turn.job_id})
    if not await _first(connection, _TURN, job_id=turn.job_id, step=turn.step):
        return []
    pieces = await _pieces(connection, waiting, turn, stage, want)
    rows = await _items(connection, turn, pieces)
    costs = [cost.most(turn, row) for row in rows]
    if rows and capped:
        rows = rows[: await affordable(connection, turn.job_id, costs)]
    if not rows:
        return []
    if turn.fresh:
        await connection.execute(_STARTED, {"job_id": turn.job_id})
    served = {"job_id": turn.job_id, "step": turn.step, "service": service(turn, rows, stage)}
    await connection.execute(_SERVED, served)
    return await _lease(connection, turn, pieces, rows, costs, lessee)


async def _first(connection: AsyncConnection, statement: Any, **values: Any) -> Any:
    return (await connection.execute(statement, values)).first()


async def _pieces(connection: AsyncConnection, waiting: Any, turn: Any, stage: Stage, want: int) -> list[_Piece]:
    pieces: list[_Piece] = []
    values = {"job_id": turn.job_id, "step": turn.step, "stage": stage, "want": want}
    for row in await connection.execute(waiting, values):
        if want <= 0:
            break
        stop = min(row.stop, row.start + want)
        pieces.append(_Piece(row.id, row.start, stop, row.stop, row.attempt, row.crashes))
        want -= stop - row.start
    return pieces


async def _items(connection: AsyncConnection, turn: Any, pieces: Sequence[_Piece]) -> list[WaitingItem]:
    starts, stops = [piece.start for piece in pieces], [piece.stop for piece in pieces]
    rows = await connection.execute(_ITEMS, {"job_id": turn.job_id, "starts": starts, "stops": stops})
    return [WaitingItem.of(row, turn) for row in rows]


async def _lease(
    connection: AsyncConnection,
    turn: Any,
    pieces: Sequence[_Piece],
    rows: Sequence[WaitingItem],
    costs: Sequence[Decimal],
    lessee: Lessee,
) -> list[Held]:
    token = uuid4()
    taken = Counter(row.place for row in rows)
    ids: dict[int, int] = {}
    place_costs: defaultdict[int, Decimal] = defaultdict(Decimal)
    for row, cost in zip(rows, costs, strict=False):
        place_costs[row.place] += cost
    for place, count in taken.items():
        piece = replace(pieces[place - 1], stop=pieces[place - 1].start + count)
        statement = _LEASE_WHOLE if piece.stop == piece.end else _LEASE_PART
        values = {
            "id": piece.range_id,
            "start": piece.start,
            "stop": piece.stop,
            "attempt": piece.attempt,
            "crashes": piece.crashes,
            "token": token,
            "reserved": place_costs[place],
            "worker": lessee.name,
            "seconds": lessee.seconds,
        }
        ids[place] = (await connection.execute(statement, values)).scalar_one()
    return [
        Held(
            tenant_id=turn.tenant_id,
            job_id=turn.job_id,
            step=turn.step,
            steps=turn.steps,
            number=row.number,
            images=row.images,
            image_tokens=row.image_tokens,
            width=row.width,
            height=row.height,
            range_id=ids[row.place],
            token=token,
            attempt=pieces[row.place - 1].attempt,
            crashes=pieces[row.place - 1].crashes,
            reserved=cost,
            unseen=row.unseen,
        )
        for row, cost in zip(rows, costs, strict=False)
    ]


_LANES = text("""
    SELECT DISTINCT t.lane FROM turns t WHERE t.runnable AND EXISTS (
        SELECT 1 FROM ranges r WHERE r.job_id = t.job_id AND r.step = t.step AND r.stage = :stage
        AND r.lease_token IS NULL AND (r.run_at IS NULL OR r.run_at <= now()))
""")


async def waiting_lanes(engine: AsyncEngine, stage: Stage) -> list[str]:
    """Lanes on which items wait for this stage and may run now."""
    async with engine.connect() as connection:
        return list((await connection.execute(_LANES, {"stage": stage})).scalars())
