"""Which migrations a database has had."""

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

_REVISIONS = text("SELECT version_num FROM alembic_version")


async def revisions(engine: AsyncEngine) -> frozenset[str]:
    """The newest migrations of the database; empty where it has had none."""
    async with engine.connect() as connection:
        try:
            return frozenset((await connection.execute(_REVISIONS)).scalars())
        except ProgrammingError:  # there is no such table
            return frozenset()
