"""What earlier answers tell of the next ones."""

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.queries import run
from vision.presets import get
from vision.storage.outcomes.earlier_answers import Observed, observed

FINGERPRINT = get("moderation").fingerprint


async def look(engine: AsyncEngine, **other: str) -> Observed | None:
    question = {"tenant": "default", "fingerprint": FINGERPRINT, "lane": "fake/gpt-4o-mini", "language": "en", **other}
    async with engine.connect() as connection:
        return await observed(connection, **question)


async def answered(engine: AsyncEngine, job_id: UUID, outputs: list[int], text: int = 500) -> None:
    """Results of so many output tokens each, for the job's first items, with `text` tokens beside the image."""
    await run(
        engine,
        "INSERT INTO results (job_id, number, tenant_id, status, input_tokens, image_tokens, output_tokens) "
        "SELECT :job_id, n, 'default', 'succeeded', 1000 + n + :text, 1000 + n, o "
        "FROM unnest(CAST(:outputs AS int[])) WITH ORDINALITY AS x(o, n)",
        job_id=job_id,
        outputs=outputs,
        text=text,
    )
    await run(engine, "UPDATE jobs SET succeeded = :n WHERE id = :id", n=len(outputs), id=job_id)


async def test_a_few_answers_tell_nothing(engine: AsyncEngine) -> None:
    assert await look(engine) is None
    await answered(engine, await make_measured_job(engine, 30), [50] * 19)
    assert await look(engine) is None


async def test_mean_and_high_and_text_of_the_same_question(engine: AsyncEngine) -> None:
    await answered(engine, await make_measured_job(engine, 200), [*range(1, 100), 10_000])
    found = await look(engine)
    assert found == Observed(100, pytest.approx(149.5), 99, 500)


@pytest.mark.parametrize(
    "other", [{"tenant": "else"}, {"fingerprint": "0" * 16}, {"lane": "other/gpt-4o-mini"}, {"language": "de"}], ids=str
)
async def test_another_question_tells_nothing(engine: AsyncEngine, other: dict[str, str]) -> None:
    await answered(engine, await make_measured_job(engine, 30), [50] * 30)
    assert await look(engine) is not None
    assert await look(engine, **other) is None


async def test_only_the_newest_jobs_count(engine: AsyncEngine) -> None:
    await answered(engine, await make_measured_job(engine, 30), [9_999] * 30)
    for _ in range(5):
        await answered(engine, await make_measured_job(engine, 30), [50] * 30)
    assert await look(engine) == Observed(150, 50.0, 50, 500)


async def test_text_that_is_counted_now_so_now_otherwise_is_not_learned(engine: AsyncEngine) -> None:
    await answered(engine, await make_measured_job(engine, 30), [50] * 30, text=500)
    await answered(engine, await make_measured_job(engine, 30), [50] * 30, text=510)
    found = await look(engine)
    assert found is not None
    assert found.text is None
