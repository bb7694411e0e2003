"""How a transaction ended whose connection broke while it was committed: the server knows."""

import asyncio
import logging

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = logging.getLogger(__name__)

ASK_SECONDS = 0.5

_NUMBER = text("SELECT CAST(pg_current_xact_id() AS text)")

_STATUS = text("SELECT pg_xact_status(CAST(:transaction AS xid8))")


async def number(connection: AsyncConnection) -> str:
    """The number of the connection's transaction, to ask about it later."""
    return str((await connection.execute(_NUMBER)).scalar_one())


async def succeeded(engine: AsyncEngine, transaction: str) -> bool:
    """Whether the transaction was committed; waits until the server can tell."""
    while True:
        try:
            async with engine.connect() as connection:
                status = (await connection.execute(_STATUS, {"transaction": transaction})).scalar_one()
        except DBAPIError as error:
            log.warning("How a transaction ended will be asked again (%s).", type(error).__name__)
        else:
            if status != "in progress":
                return bool(status == "committed")
        await asyncio.sleep(ASK_SECONDS)
