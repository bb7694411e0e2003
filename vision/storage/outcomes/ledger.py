"""The rows of `ledger`: one for each attempt."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.recordset import recordset

_INSERT = text("""
    INSERT INTO ledger (tenant_id, job_id, number, step, attempt, lane, outcome, input_tokens, output_tokens,
                        image_tokens, cached_tokens, counted, cost, cost_is_known, request_id)
    SELECT * FROM json_to_recordset(CAST(:rows AS json))
        AS x(tenant_id text, job_id uuid, number int, step int, attempt int, lane text, outcome text, input_tokens int,
             output_tokens int, image_tokens int, cached_tokens int, counted bool, cost numeric, known bool,
             request_id text)
""")


async def write(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Write the charges of these attempts; an outcome without a charge gets no row."""
    rows = [
        {
            "tenant_id": outcome.item.tenant_id,
            "job_id": outcome.item.job_id,
            "number": outcome.item.number,
            "step": outcome.item.step,
            "attempt": outcome.attempts,
            "lane": outcome.charge.lane,
            "outcome": outcome.charge.outcome,
            "counted": outcome.charge.counted,
            "cost": outcome.charge.cost,
            "known": outcome.charge.known,
            "request_id": outcome.charge.request_id,
            **outcome.tokens,
        }
        for outcome in outcomes
        if outcome.charge
    ]
    if rows:
        await connection.execute(_INSERT, {"rows": recordset(rows)})
