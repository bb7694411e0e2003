"""The rows of `ledger`: one an attempt, also when nothing came of it."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.storage.columns import columns
from vision.storage.outcome import Outcome

_INSERT = text("""
    INSERT INTO ledger (tenant_id, job_id, number, attempt, lane, outcome, input_tokens, output_tokens, image_tokens,
                        cached_tokens, cost, cost_is_known, request_id)
    SELECT * FROM unnest(CAST(:tenant_id AS text[]), CAST(:job_id AS uuid[]), CAST(:number AS int[]),
        CAST(:attempt AS int[]), CAST(:lane AS text[]), CAST(:outcome AS text[]), CAST(:input_tokens AS int[]),
        CAST(:output_tokens AS int[]), CAST(:image_tokens AS int[]), CAST(:cached_tokens AS int[]),
        CAST(:cost AS numeric[]), CAST(:known AS bool[]), CAST(:request_id AS text[]))
""")


async def write(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Write down what these attempts cost; an outcome without a charge leaves no row."""
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
            **outcome.tokens,
        }
        for outcome in outcomes
        if outcome.charge
    ]
    if rows:
        await connection.execute(_INSERT, columns(rows))
