"""Lua scripts on a connection of their own: half of what a call by the client costs."""

import asyncio
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Argument = str | int | float | None

_PARTS = {
    "reserve": ("lane", "reserve"),
    "settle": ("lane", "memory", "slow_start", "factor", "others", "charge", "learn", "settle"),
    "settle_without_headers": ("lane", "memory", "slow_start", "factor", "settle"),
    "pause": ("lane", "memory", "slow_start", "factor", "charge", "pause"),
    "resume": ("lane", "resume"),
    "state": ("lane", "memory", "others", "state"),
    "concurrency": ("concurrency",),
}
"""The files that make up a script."""


class Scripts:
    """Run the scripts of this package, one after the other."""

    def __init__(self, redis: Redis) -> None:
        self._pool: Any = redis.connection_pool
        self._connection: Any = None
        self._lock = asyncio.Lock()

    async def run(self, name: str, keys: list[str], args: list[Argument]) -> Any:
        """The script's answer; RedisError or OSError when Redis is away."""
        text, digest = _script(name)
        # One argument: the client takes longer over a hundred of them than the script over their splitting.
        words = " ".join(["-" if arg in ("", None) else str(arg) for arg in args])
        async with self._lock:
            try:
                return await self._send("EVALSHA", digest, len(keys), *keys, words)
            except NoScriptError:
                return await self._send("EVAL", text, len(keys), *keys, words)

    async def _send(self, *words: Argument) -> Any:
        if self._connection is None:
            self._connection = await self._pool.get_connection()
        try:
            await self._connection.send_command(*words)
            answer = await self._connection.read_response()
        except NoScriptError:
            raise
        except BaseException:
            # An answer may be under way that nobody waits for any more.
            await self._connection.disconnect(nowait=True)
            raise
        return answer


@cache
def _script(name: str) -> tuple[str, str]:
    folder = resources.files(__package__) / "lua"
    text = "".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in _PARTS[name])
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
