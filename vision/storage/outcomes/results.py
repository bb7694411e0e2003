"""The rows of `results`: items' final results."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.recordset import recordset

_INSERT = text("""
    INSERT INTO results (tenant_id, job_id, number, step, status, answer, error_code, error_message, input_tokens,
                         output_tokens, image_tokens, cached_tokens, counted, cost, attempts, latency_ms, request_id)
    SELECT x.tenant_id, x.job_id, x.number, x.step, x.status, x.answer::json, x.error_code, x.error_message,
           x.input_tokens, x.output_tokens, x.image_tokens, x.cached_tokens, x.counted,
           -- An item's cost is that of all its attempts; this one is not in the ledger yet.
           x.cost + coalesce((SELECT sum(l.cost) FROM ledger l
                              WHERE x.tried AND l.job_id = x.job_id AND l.number = x.number), 0),
           x.attempts, x.latency_ms, x.request_id
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(tenant_id text, job_id uuid, number int, step int, status text, answer text, error_code text,
              error_message text, input_tokens int, output_tokens int, image_tokens int, cached_tokens int,
              counted bool, cost numeric, attempts int, latency_ms int, request_id text, tried bool)
    ON CONFLICT (job_id, number) DO NOTHING RETURNING job_id, number
""")


async def write(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> set[tuple[UUID, int]]:
    """Write the results of these items; those that had none before, by job and number."""
    if not outcomes:
        return set()
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "number": outcome.item.number,
            "step": outcome.item.step,
            "status": outcome.status,
            "answer": None if outcome.answer is None else orjson.dumps(outcome.answer).decode(),
            "error_code": outcome.error_code,
            "error_message": storable(outcome.error_message),
            "counted": bool(outcome.charge and outcome.charge.counted),
            "cost": outcome.charge.cost if outcome.charge else Decimal(0),
            "attempts": outcome.attempts,
            "latency_ms": outcome.latency_ms,
            "request_id": outcome.charge.request_id if outcome.charge else None,
            "tried": outcome.item.step > 1 or outcome.item.attempt > 0 or outcome.item.crashes > 0,
            **outcome.tokens,
        }
        for outcome in outcomes
    ]
    return {(row.job_id, row.number) for row in await connection.execute(_INSERT, {"rows": recordset(rows)})}


def storable(message: str | None) -> str | None:
    """PostgreSQL stores neither NUL nor lone surrogates; one of them must not hold up its batch."""
    return message and message.replace("\0", "").encode(errors="replace").decode()
