"""Engines from a URL. One pool per process; no transaction is held across a call."""

import logging
import select
from time import monotonic
from typing import Any

import orjson
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vision.errors import ConfigurationError

log = logging.getLogger(__name__)

UNUSED_SECONDS = 30.0
"""A connection that was unused for longer than this is checked before use."""

OPTIONS = {"TimeZone": "UTC", "statement_timeout": "60000", "lock_timeout": "10000"}
"""Milliseconds where they are times."""


def connect(
    database_url: str, *, pool_size: int = 5, application: str = "tessera", pooled: bool = False
) -> AsyncEngine:
    """An async engine on psycopg; connections are checked before use, so that a restarted server is no error.

    `pooled`: the address is a pooler's in transaction mode. Each transaction may meet another server connection then:
    nothing is prepared, and options are set at the beginning of each.
    """
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
            **({"prepare_threshold": None} if pooled else {"options": _at_start()}),
        },
    )
    _check_before_use(engine)
    if pooled:
        event.listen(engine.sync_engine, "begin", _set_options)
    else:
        event.listen(engine.sync_engine, "handle_error", _explain)
    return engine


def _at_start() -> str:
    return " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())


def _set_options(connection: Connection) -> None:
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in OPTIONS.items())
    connection.exec_driver_sql(f"SELECT {settings}")


def _explain(context: ExceptionContext) -> None:
    if "unsupported startup parameter" in str(context.original_exception):
        log.error("The database is behind a pooler that takes no options: set TESSERA_DATABASE_POOLED=true.")


def _check_before_use(engine: AsyncEngine) -> None:
    """Does what `pool_pre_ping` does, mostly without its query, which costs as much as three statements.

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
