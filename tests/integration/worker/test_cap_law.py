"""Never over the cap: whatever providers tell, whatever sizes were declared, whoever dies when."""

import os
from collections import Counter

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.simulation.spending import TELLINGS, check

CASES = int(os.environ.get("CAP_CASES", "2000"))
PARTS = 10


async def test_no_bill_passes_the_cap(engine: AsyncEngine) -> None:
    kinds = Counter([await check(engine, seed) for seed in range(100)])
    assert set(kinds) == set(TELLINGS)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("part", range(PARTS))
async def test_no_bill_passes_the_cap_in_thousands_of_cases(engine: AsyncEngine, part: int) -> None:
    for seed in range(1_000 + part, 1_000 + CASES, PARTS):
        await check(engine, seed)
