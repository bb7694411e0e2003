"""SQL by hand: what a test sets up or looks up past the code."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


async def run(engine: AsyncEngine, statement: str, **values: Any) -> None:
    """One statement, committed."""
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


async def rows(engine: AsyncEngine, statement: str, **values: Any) -> list[Any]:
    """All rows of a query."""
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), values)).all())


async def one(engine: AsyncEngine, statement: str, **values: Any) -> Any:
    """The only row of a query."""
    (row,) = await rows(engine, statement, **values)
    return row
