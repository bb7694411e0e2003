"""All image hosts of a process, and how many requests they get at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from vision.images.host import Clock, Host

MANY = 256


class Hosts:
    """All image hosts of a process: `per_host` requests at once to each, `at_once` to all together."""

    def __init__(self, per_host: int, at_once: int, clock: Clock = time.monotonic) -> None:
        self._per_host, self._clock = per_host, clock
        self._turns = asyncio.Semaphore(at_once)
        self._hosts: dict[str, Host] = {}
        self._most = MANY

    @asynccontextmanager
    async def turn(self, url: URL) -> AsyncIterator[None]:
        """Wait until this URL's host may get a request, and make it inside; HostBusy or HostFailed as above."""
        host = self._host(f"{(url.host or '').lower().rstrip('.')}:{url.port}")
        with host.queued():
            patience = host.patience()
            try:
                async with patience, host.turns, self._turns:
                    patience.reschedule(None)
                    host.require()
                    with host.request(str(url)):
                        yield
            except TimeoutError:
                if patience.expired():
                    raise host.busy() from None
                raise

    def _host(self, name: str) -> Host:
        host = self._hosts.get(name)
        if host is None or host.expired:
            self._drop_expired()
            host = self._hosts[name] = Host(self._per_host, self._clock)
        return host

    def _drop_expired(self) -> None:
        if len(self._hosts) >= self._most:
            self._hosts = {name: host for name, host in self._hosts.items() if not host.expired}
            self._most = max(MANY, 2 * len(self._hosts))
