"""Whose turn it is on a lane: the step of a job whose items are claimed next."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import START, Phase, StatusCode, sql_list


@dataclass(frozen=True, slots=True)
class Turn:
    """A step that has waiting items, and what its calls take."""

    tenant_id: str
    job_id: UUID
    step: int
    steps: int
    """How many the job has."""
    fresh: bool
    """The job has not started yet."""
    capped: bool
    """The job has a max_cost."""
    detail: str
    fit: str
    max_side: int | None
    rule: str | None
    """Of the image tokens; None where the job's only step is meant, whose items carry their tokens."""
    prompt_tokens: int
    max_output_tokens: int
    weight: int


# The question of the only step is in the job's row.
_NEXT = text(f"""
    SELECT t.tenant_id, t.job_id, t.step, j.steps, j.status IN ({sql_list(START.sources)}) AS fresh,
           j.max_cost IS NOT NULL AS capped,
           coalesce(s.detail, j.detail) AS detail, coalesce(s.fit, j.fit) AS fit,
           CASE WHEN s.job_id IS NULL THEN j.max_side ELSE s.max_side END AS max_side, s.rule,
           coalesce(s.prompt_tokens, j.prompt_tokens) AS prompt_tokens,
           coalesce(s.max_output_tokens, j.max_output_tokens) AS max_output_tokens, j.weight
    FROM turns t JOIN jobs j ON j.id = t.job_id LEFT JOIN steps s ON s.job_id = t.job_id AND s.position = t.step
    WHERE t.lane = :lane AND t.runnable AND (t.job_id, t.step) NOT IN (
            SELECT * FROM unnest(CAST(:passed_jobs AS uuid[]), CAST(:passed_steps AS smallint[])))
      AND EXISTS (SELECT 1 FROM ranges r WHERE r.job_id = t.job_id AND r.step = t.step AND r.phase = :phase
                  AND r.lease_token IS NULL AND (r.run_at IS NULL OR r.run_at <= now()))
    ORDER BY t.priority DESC, t.service, t.job_id LIMIT 1
""")

_HOLD_JOB = text("SELECT 1 FROM jobs WHERE id = :job_id FOR NO KEY UPDATE")

_HOLD_TURN = text("SELECT 1 FROM turns WHERE job_id = :job_id AND step = :step AND runnable FOR UPDATE")

_START_JOB = text(f"""
    UPDATE jobs SET status = '{START.target}', status_code = '{StatusCode.WORKING}',
                    started_at = coalesce(started_at, now())
    WHERE id = :job_id AND status IN ({sql_list(START.sources)})
""")

_ADD_SERVICE = text("UPDATE turns SET service = service + :service WHERE job_id = :job_id AND step = :step")


async def next_turn(connection: AsyncConnection, lane: str, phase: Phase, passed: Sequence[Turn]) -> Turn | None:
    """The lane's next turn but for those passed over; None when nothing waits in this phase."""
    values = {
        "lane": lane,
        "phase": phase,
        "passed_jobs": [turn.job_id for turn in passed],
        "passed_steps": [turn.step for turn in passed],
    }
    row = (await connection.execute(_NEXT, values)).first()
    return Turn(*row) if row else None


async def hold(connection: AsyncConnection, turn: Turn, *, job: bool) -> bool:
    """Lock the turn, and its job's row first if asked for; False if it is not runnable any more."""
    if job:
        await connection.execute(_HOLD_JOB, {"job_id": turn.job_id})
    held = await connection.execute(_HOLD_TURN, {"job_id": turn.job_id, "step": turn.step})
    return held.first() is not None


async def serve(connection: AsyncConnection, turn: Turn, service: float) -> None:
    """Charge the turn for what was claimed, and start its job."""
    if turn.fresh:
        await connection.execute(_START_JOB, {"job_id": turn.job_id})
    await connection.execute(_ADD_SERVICE, {"job_id": turn.job_id, "step": turn.step, "service": service})
