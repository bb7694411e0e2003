"""The counters of steps, of jobs that have several: items, tokens and money."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import ItemStatus
from vision.storage.outcomes.onward import Onward
from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.recordset import recordset

Change = defaultdict[str, int | Decimal]

_UPDATE = text("""
    UPDATE steps s SET reached = s.reached + x.reached, succeeded = s.succeeded + x.succeeded,
        failed = s.failed + x.failed, input_tokens = s.input_tokens + x.input_tokens,
        output_tokens = s.output_tokens + x.output_tokens, image_tokens = s.image_tokens + x.image_tokens,
        cached_tokens = s.cached_tokens + x.cached_tokens, spent = s.spent + x.spent
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(job_id uuid, position int, reached int, succeeded int, failed int, input_tokens bigint,
              output_tokens bigint, image_tokens bigint, cached_tokens bigint, spent numeric)
    WHERE s.job_id = x.job_id AND s.position = x.position
""")
_NAMES = ("reached", "succeeded", "failed", "input_tokens", "output_tokens", "image_tokens", "cached_tokens", "spent")


async def count(
    connection: AsyncConnection, outcomes: Iterable[Outcome], ended: Iterable[Outcome], went_on: Iterable[Onward]
) -> None:
    """Add what these attempts took, and the items whose step ended with them. The caller has locked the jobs' rows."""
    changes: defaultdict[tuple[UUID, int], Change] = defaultdict(lambda: defaultdict(int))
    for outcome in outcomes:
        if outcome.item.steps > 1 and outcome.charge:
            change = changes[outcome.item.job_id, outcome.item.step]
            for name, tokens in outcome.tokens.items():
                change[name] += tokens
            if outcome.charge.known:
                change["spent"] += outcome.charge.cost
    for outcome in ended:
        if outcome.item.steps > 1:
            name = "succeeded" if outcome.status == ItemStatus.SUCCEEDED else "failed"
            changes[outcome.item.job_id, outcome.item.step][name] += 1
    for each in went_on:
        changes[each.outcome.item.job_id, each.step.position]["reached"] += 1
    if changes:
        rows = [
            {"job_id": job_id, "position": step, **{name: change[name] for name in _NAMES}}
            for (job_id, step), change in changes.items()
        ]
        await connection.execute(_UPDATE, {"rows": recordset(rows)})
