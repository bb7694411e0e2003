"""Whether a failed request may have changed something, for its error message."""

from contextvars import ContextVar

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp, Receive, Scope, Send

_commit_sent: ContextVar[bool] = ContextVar("commit_sent", default=False)


class Changes:
    """Middleware; each request begins with nothing changed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        _commit_sent.set(False)
        await self._app(scope, receive, send)


def watch(engine: AsyncEngine) -> None:
    """Note every commit before it is sent: after that only the database server knows its outcome."""
    event.listen(engine.sync_engine, "commit", _note)


def are_possible() -> bool:
    """Whether this request has sent a commit."""
    return _commit_sent.get()


def _note(_: Connection) -> None:
    _commit_sent.set(True)
