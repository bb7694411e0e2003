"""One component at a time, on real servers."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.storage.engine import connect


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database of the test's own."""
    engine = connect(database_url)
    yield engine
    await engine.dispose()
