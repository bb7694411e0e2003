"""Items that go on to another step: their answers so far, and the ranges in which they wait for it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.conditions import StepOutcome, parse
from vision.jobs.lifecycle import RUNNABLE, Phase, sql_list
from vision.jobs.steps import Step, following
from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.recordset import recordset
from vision.storage.outcomes.results import storable

Key = tuple[UUID, int]
"""Job and number of an item."""
Waiting = tuple[str, Phase]
"""A lane, and what items wait for on it."""


@dataclass(frozen=True, slots=True)
class Onward:
    """An item whose step has ended, and the step that follows for it."""

    outcome: Outcome
    step: Step


_STEPS = text("""
    SELECT job_id, position, name, lane, condition, by_size FROM steps
    WHERE job_id = ANY(CAST(:job_ids AS uuid[])) ORDER BY job_id, position
""")

_EARLIER = text("""
    SELECT a.job_id, a.number, a.step, a.status, a.answer, a.error_code
    FROM unnest(CAST(:job_ids AS uuid[]), CAST(:numbers AS int[])) AS x(job_id, number)
    JOIN answers a ON a.job_id = x.job_id AND a.number = x.number
""")


async def decide(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> list[Onward]:
    """Those of these items that go on to another step; the others have their result."""
    going = [outcome for outcome in outcomes if not outcome.item.is_last]
    if not going:
        return []
    plans = await _plans(connection, {outcome.item.job_id for outcome in going})
    earlier = await _earlier(connection, [outcome for outcome in going if outcome.item.step > 1], plans)
    found = []
    for outcome in going:
        item, plan = outcome.item, plans[outcome.item.job_id]
        known = earlier[item.job_id, item.number]
        known[plan[item.step - 1].name] = StepOutcome(str(outcome.status), outcome.answer, outcome.error_code)
        if step := following(plan, item.step, known):
            found.append(Onward(outcome, step))
    return found


async def _plans(connection: AsyncConnection, job_ids: Collection[UUID]) -> Mapping[UUID, list[Step]]:
    plans: defaultdict[UUID, list[Step]] = defaultdict(list)
    for row in await connection.execute(_STEPS, {"job_ids": list(job_ids)}):
        plan = plans[row.job_id]
        condition = row.condition and parse(row.condition, [step.name for step in plan])
        plan.append(Step(row.position, row.name, row.lane, condition, row.by_size))
    return plans


async def _earlier(
    connection: AsyncConnection, outcomes: Sequence[Outcome], plans: Mapping[UUID, list[Step]]
) -> defaultdict[Key, dict[str, StepOutcome]]:
    """Earlier steps' answers about these items, by name of the step."""
    found: defaultdict[Key, dict[str, StepOutcome]] = defaultdict(dict)
    if outcomes:
        items = [outcome.item for outcome in outcomes]
        values = {"job_ids": [item.job_id for item in items], "numbers": [item.number for item in items]}
        for row in await connection.execute(_EARLIER, values):
            name = plans[row.job_id][row.step - 1].name
            found[row.job_id, row.number][name] = StepOutcome(row.status, row.answer, row.error_code)
    return found


_ANSWERS = text("""
    INSERT INTO answers (tenant_id, job_id, number, step, status, answer, error_code, error_message, attempts)
    SELECT x.tenant_id, x.job_id, x.number, x.step, x.status, x.answer::json, x.error_code, x.error_message, x.attempts
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(tenant_id text, job_id uuid, number int, step int, status text, answer text, error_code text,
              error_message text, attempts int)
    ON CONFLICT (job_id, number, step) DO NOTHING RETURNING job_id, number
""")

# Image tokens of a later step follow from the sizes; only where they are not known is the item measured first.
_WAIT = text("""
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop)
    SELECT tenant_id, job_id, step, lane, phase, min(number), max(number) + 1
    FROM (SELECT *, number - row_number() OVER (PARTITION BY job_id, step, phase ORDER BY number) AS island
          FROM (SELECT x.*, CASE WHEN x.by_size AND i.sizes IS NULL AND (cardinality(i.images) > 1 OR i.width IS NULL)
                                 THEN 'measure' ELSE 'call' END AS phase
                FROM json_to_recordset(CAST(:rows AS json))
                     AS x(tenant_id text, job_id uuid, number int, step int, lane text, by_size bool)
                JOIN items i ON i.job_id = x.job_id AND i.number = x.number) AS going) AS runs
    GROUP BY tenant_id, job_id, step, lane, phase, island
    RETURNING lane, phase
""")

# Level with what else runs on the lane: a step that had nothing to do meanwhile does not take the lane for itself.
_TURN = text(f"""
    INSERT INTO turns (job_id, step, tenant_id, lane, priority, service, runnable)
    SELECT j.id, CAST(:step AS smallint), j.tenant_id, CAST(:lane AS text), j.priority,
           coalesce((SELECT min(o.service) FROM turns o
                     WHERE o.lane = CAST(:lane AS text) AND o.runnable
                       AND (o.job_id, o.step) <> (j.id, CAST(:step AS smallint))
                       AND EXISTS (SELECT FROM ranges r WHERE r.job_id = o.job_id AND r.step = o.step)), 0),
           j.status IN ({sql_list(RUNNABLE)})
    FROM jobs j WHERE j.id = :job_id AND j.finished_at IS NULL AND j.ending IS NULL
    ON CONFLICT (job_id, step) DO UPDATE SET service = greatest(turns.service, EXCLUDED.service)
    WHERE (SELECT count(*) FROM (SELECT FROM ranges r WHERE r.job_id = :job_id AND r.step = CAST(:step AS smallint)
                                 LIMIT CAST(:new AS int) + 1) AS waiting) <= :new
""")


async def store(connection: AsyncConnection, going: Sequence[Onward]) -> list[Onward]:
    """Store these answers; returns the items whose answer at this step was not stored before."""
    if not going:
        return []
    values = {"rows": recordset([_answer(each.outcome) for each in going])}
    new = {(row.job_id, row.number) for row in await connection.execute(_ANSWERS, values)}
    return [each for each in going if (each.outcome.item.job_id, each.outcome.item.number) in new]


async def wait(connection: AsyncConnection, stored: Sequence[Onward]) -> set[Waiting]:
    """Add ranges in which these items wait for their next step; returns the lanes and phases."""
    if not stored:
        return set()
    rows = recordset([_range(each) for each in stored])
    return {(row.lane, Phase(row.phase)) for row in await connection.execute(_WAIT, {"rows": rows})}


async def take_turns(connection: AsyncConnection, stored: Sequence[Onward]) -> None:
    """Give each step that these items go to its turn in its lane. The caller has locked the jobs' rows."""
    counts = Counter((each.outcome.item.job_id, each.step.position, each.step.lane) for each in stored)
    for job_id, step, lane in sorted(counts):
        values = {"job_id": job_id, "step": step, "lane": lane, "new": counts[job_id, step, lane]}
        await connection.execute(_TURN, values)


def _range(going: Onward) -> dict[str, object]:
    item, step = going.outcome.item, going.step
    return {
        "tenant_id": item.tenant_id,
        "job_id": item.job_id,
        "number": item.number,
        "step": step.position,
        "lane": step.lane,
        "by_size": step.by_size,
    }


def _answer(outcome: Outcome) -> dict[str, object]:
    item = outcome.item
    return {
        "tenant_id": item.tenant_id,
        "job_id": item.job_id,
        "number": item.number,
        "step": item.step,
        "status": outcome.status,
        "answer": None if outcome.answer is None else orjson.dumps(outcome.answer).decode(),
        "error_code": outcome.error_code,
        "error_message": storable(outcome.error_message),
        "attempts": outcome.attempts,
    }
