"""Image hosts: how many requests each of them sees at once, and whether it is well.

Waiting for a host is our own politeness, and a host that is ill says nothing about one of its images. Both end in
HostBusy: the image comes back later, and that was no try of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from yarl import URL

from vision.errors import ImageError, Retry

WAIT_SECONDS = 10.0
"""Longer than this nobody waits for a turn: others' images are not to stand behind them."""
FAILURES = 5
"""So many images that fail in a row make a host ill: it is asked by one request at a time."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 8.0
"""Seconds between two of these requests: twice as many after each."""
LONGEST_TOLD = 300.0
"""A host's own Retry-After counts up to so many seconds."""
DEAD_SECONDS = 600.0
"""A host that has answered nothing well for so long is gone; from then on its failures count as tries."""
LONGEST_AWAY = 30.0
"""Images that are sent away come back spread over so many seconds."""
FORGOTTEN_SECONDS = 120.0
"""What is known of a host that nobody has asked for so long may have changed."""
GUESS_SECONDS = 0.1
"""How long a request takes, until one has been seen."""
MANY = 256

Clock = Callable[[], float]


class HostBusy(ImageError):
    """The image's host cannot be asked now. Ask again after `seconds`; it was no try."""

    code = "image_unreachable"
    retry = Retry.LATER

    def __init__(self, seconds: float, *, ill: bool = False) -> None:
        super().__init__()
        self.seconds = seconds
        self.ill = ill
        """Whether it has answered badly, and is not merely asked by many."""


class HostFailed(ImageError):
    """The image's host did not answer, or not well. `told`: seconds that it asks to be left alone."""

    code = "image_unreachable"
    retry = Retry.LATER

    def __init__(self, message: str, *, told: float | None = None, overrun: bool = False) -> None:
        super().__init__(message)
        self.told = told
        self.overrun = overrun
        """Whether it said that it is asked too often."""


class Host:
    """One host's turns and health, as one process sees them."""

    def __init__(self, turns: int, clock: Clock = time.monotonic) -> None:
        self.turns = asyncio.Semaphore(turns)
        self._most, self._clock = turns, clock
        self._inside = self._asking = 0
        self._seconds = 0.0
        self._failed_urls: set[str] = set()
        self._failing_since: float | None = None
        self.ill = False
        """Whether many images in a row have failed, or it said that it is asked too often."""
        self._pause = FIRST_PAUSE
        self._closed_until = self._line = self._used = clock()

    @property
    def forgotten(self) -> bool:
        """Whether it may be taken for a new one."""
        return not self._inside and self._clock() - max(self._used, self._closed_until) > FORGOTTEN_SECONDS

    @property
    def dead(self) -> bool:
        """Whether that has gone on for so long that it counts against its images."""
        return self._failing_since is not None and self._clock() - self._failing_since >= DEAD_SECONDS

    @contextmanager
    def line(self) -> Iterator[None]:
        """Stand in line for a turn and have it; HostBusy if that would take too long, or the host is to be left alone.

        HostFailed if it is gone.
        """
        self.require(self._ahead() <= WAIT_SECONDS)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._used = self._clock()

    def require(self, fits: bool = True) -> None:
        """Raise unless it may be asked now."""
        closed = self._clock() < self._closed_until or (self.ill and self._asking > 0)
        if closed and self.dead:
            raise HostFailed("The image's server has not answered for some time.")
        if closed or not fits:
            raise self.busy()

    def busy(self) -> HostBusy:
        """When to come back: one after the other, as far as can be told."""
        now = self._clock()
        opens = max(now + max(FIRST_PAUSE, self._ahead()), self._closed_until)
        self._line = max(self._line, opens) + self._pace()
        if self._line > opens + LONGEST_AWAY:
            self._line = opens
        return HostBusy(self._line - now, ill=self.ill)

    @contextmanager
    def asked(self, url: str) -> Iterator[None]:
        """One request, in its turn: how it ends says how the host is. HostBusy in place of what is no fault of images.

        A request that was broken off, or an answer that came too slowly to an end, says nothing.
        """
        began, self._asking = self._clock(), self._asking + 1
        try:
            yield
        except HostFailed as error:
            self._failed(error, url)
            if not self.dead and (self.ill or self._clock() < self._closed_until):
                raise self.busy() from None
            raise
        except ImageError as error:
            if error.retry is Retry.NEVER:
                self._answered(self._clock() - began)
            raise
        else:
            self._answered(self._clock() - began)
        finally:
            self._asking -= 1

    def _answered(self, seconds: float) -> None:
        self._seconds += (seconds - self._seconds) / (8 if self._seconds else 1)
        self._failed_urls.clear()
        self._failing_since, self.ill, self._pause = None, False, FIRST_PAUSE

    def _failed(self, error: HostFailed, url: str) -> None:
        now, probe = self._clock(), self.ill and self._asking == 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        if not self.ill:
            self._failed_urls.add(url)
            self.ill = error.overrun or len(self._failed_urls) >= FAILURES
        if self.ill:
            self._pause = min(LONGEST_PAUSE, self._pause * 2) if probe else self._pause
            self._closed_until = max(self._closed_until, now + self._pause)
        if error.told is not None:
            self._closed_until = max(self._closed_until, now + min(error.told, LONGEST_TOLD))

    def _pace(self) -> float:
        return (self._seconds or GUESS_SECONDS) / self._most

    def _ahead(self) -> float:
        """How long those take who stand in line already."""
        return max(0, self._inside - self._most) * self._pace()


class Hosts:
    """All image hosts of a process, `per_host` requests at once to each, and `at_once` in all."""

    def __init__(self, per_host: int, at_once: int, clock: Clock = time.monotonic) -> None:
        self._per_host, self._clock = per_host, clock
        self._turns = asyncio.Semaphore(at_once)
        self._hosts: dict[str, Host] = {}
        self._most = MANY

    @asynccontextmanager
    async def turn(self, url: URL) -> AsyncIterator[None]:
        """Wait for a turn at this URL's host, and have it; HostBusy, HostFailed as above."""
        host = self._host(f"{(url.host or '').lower().rstrip('.')}:{url.port}")
        with host.line():
            patience = asyncio.timeout(WAIT_SECONDS)
            try:
                async with patience, host.turns, self._turns:
                    patience.reschedule(None)  # its turn has come
                    host.require()
                    with host.asked(str(url)):
                        yield
            except TimeoutError:
                if patience.expired():
                    raise host.busy() from None
                raise

    def _host(self, name: str) -> Host:
        host = self._hosts.get(name)
        if host is None or host.forgotten:
            self._forget()
            host = self._hosts[name] = Host(self._per_host, self._clock)
        return host

    def _forget(self) -> None:
        if len(self._hosts) >= self._most:
            self._hosts = {name: host for name, host in self._hosts.items() if not host.forgotten}
            self._most = max(MANY, 2 * len(self._hosts))
