"""Lets the admin key in: what `up` and `migrate` do once the tables are there."""

import asyncio

from vision.storage.engine import connect
from vision.storage.keys import ensure_admin


def admit(database_url: str, secret: str) -> None:
    """Give a key all scopes; idempotent."""
    asyncio.run(_admit(database_url, secret))


async def _admit(database_url: str, secret: str) -> None:
    engine = connect(database_url)
    try:
        await ensure_admin(engine, secret)
    finally:
        await engine.dispose()
