"""Engines from a URL. One pool per process; no transaction is held across a call."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vision.errors import ConfigurationError


def connect(database_url: str, *, pool_size: int = 5, application: str = "tessera") -> AsyncEngine:
    """An async engine on psycopg; connections are checked before use, so that a restarted server is no error."""
    if not database_url.startswith("postgresql"):
        raise ConfigurationError("TESSERA_DATABASE_URL must start with postgresql+psycopg://.")
    url = "postgresql+psycopg://" + database_url.partition("://")[2]
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c statement_timeout=60000 -c lock_timeout=10000",
        },
    )
