"""Twins of a create request, at the same moment."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import Conflict
from vision.jobs import ids
from vision.storage.idempotency import claim


async def test_a_twin_is_waited_for_and_then_asked_to_come_again(engine: AsyncEngine) -> None:
    first, second = ids.new(), ids.new()
    async with engine.begin() as one:
        assert await claim(one, "default", "key", b"body", first) is None
        async with engine.connect() as other:
            await other.execute(text("SET lock_timeout = '100ms'"))
            with pytest.raises(Conflict) as refused:
                await claim(other, "default", "key", b"body", second)
        assert refused.value.code == "idempotency_in_flight"
    async with engine.begin() as again:
        assert await claim(again, "default", "key", b"body", second) == first
