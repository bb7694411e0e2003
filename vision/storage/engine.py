"""Engines from a URL. One pool per process; no transaction is held across a call."""

import select
from time import monotonic
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vision.errors import ConfigurationError

UNUSED_SECONDS = 30.0
"""After this long a connection may have gone without a word: it is asked before it is used."""


def connect(database_url: str, *, pool_size: int = 5, application: str = "tessera") -> AsyncEngine:
    """An async engine on psycopg; connections are checked before use, so that a restarted server is no error."""
    if not database_url.startswith("postgresql"):
        raise ConfigurationError("TESSERA_DATABASE_URL must start with postgresql+psycopg://.")
    url = "postgresql+psycopg://" + database_url.partition("://")[2]
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        json_serializer=orjson.dumps,
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c statement_timeout=60000 -c lock_timeout=10000",
        },
    )
    _check_before_use(engine)
    return engine


def _check_before_use(engine: AsyncEngine) -> None:
    """As `pool_pre_ping`, whose question before each transaction costs as much as three statements, but mostly by ear.

    A server that goes says so, and then there is something to read on a connection that nobody asked anything.
    """

    def checkout(connection: Any, record: Any, _: Any) -> None:
        driver, used = record.driver_connection, record.info.get("used")
        if used is None or (not driver.closed and not _speaks(driver.fileno()) and monotonic() - used < UNUSED_SECONDS):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    def checkin(_: Any, record: Any) -> None:
        record.info["used"] = monotonic()

    event.listen(engine.sync_engine, "checkout", checkout)
    event.listen(engine.sync_engine, "checkin", checkin)


def _speaks(number: int) -> bool:
    listener = select.poll()
    listener.register(number, select.POLLIN)
    return bool(listener.poll(0))
