"""Text and output tokens of earlier calls with the same question on the same lane."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ENOUGH = 20
"""With fewer earlier answers than this, our own count and the preset's figure are used."""

_OBSERVED = text("""
    SELECT count(*) AS answers, avg(output_tokens) AS mean,
           percentile_disc(ARRAY[0.99]) WITHIN GROUP (ORDER BY output_tokens) AS outputs,
           percentile_disc(ARRAY[0.05, 0.95]) WITHIN GROUP (ORDER BY input_tokens - image_tokens) AS texts
    FROM (SELECT id FROM jobs
          WHERE tenant_id = :tenant AND fingerprint = :fingerprint AND model = :model AND lane = :lane
                AND language = :language AND succeeded + failed > 0
          ORDER BY id DESC LIMIT 5) job
    CROSS JOIN LATERAL (
        SELECT output_tokens, input_tokens, image_tokens FROM results r
        WHERE r.job_id = job.id AND r.step = 1 AND output_tokens > 0 AND NOT counted
        ORDER BY number DESC LIMIT 400) answer
""")


@dataclass(frozen=True)
class Observed:
    """Tokens of one call: `mean` of the output for estimates, `high` (99 of 100 stay within it) for reservations.

    `text`: of the input beside the images, as the provider counts it; None where it has not been the same every time.
    """

    count: int
    mean: float
    high: int
    text: int | None


async def observed(
    connection: AsyncConnection, tenant: str, fingerprint: str, lane: str, language: str
) -> Observed | None:
    """The newest answers of the tenant's last five jobs with this question on this lane; None if there are too few.

    Of the lane alone: what one provider tells of a model says nothing of another.
    """
    values = {"tenant": tenant, "fingerprint": fingerprint, "lane": lane, "language": language}
    values["model"] = lane.partition("/")[2]
    row = (await connection.execute(_OBSERVED, values)).one()
    if row.answers < ENOUGH:
        return None
    (high,), (least, most) = row.outputs, row.texts
    return Observed(row.answers, float(row.mean), int(high), int(least) if least == most else None)
