"""One image host: the requests that wait for it, and its health.

We choose to wait for a busy host, and an unhealthy host says nothing about one of its images. Both end in HostBusy: the
image is tried again later, and no attempt is counted.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vision.errors import ImageError, Retry

WAIT_SECONDS = 10.0
"""The longest wait for a turn, so that images of other hosts need not wait behind these."""

FAILURES = 5
"""After so many failures in a row a host is unhealthy: it gets one request at a time."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 8.0
"""Seconds between two of these requests; they double after each."""

LONGEST_RETRY_AFTER = 300.0
"""A longer Retry-After of a host is cut to so many seconds."""

DEAD_SECONDS = 600.0
"""A host without a good answer for so long is gone; from then on its failures count as attempts."""

LONGEST_AWAY = 30.0
"""Refused images are tried again at times spread over so many seconds."""

FORGOTTEN_SECONDS = 120.0
"""After so long without a request, what we know of a host may be out of date."""

GUESS_SECONDS = 0.1
"""Assumed duration of a request before the first one has ended."""

Clock = Callable[[], float]


class HostBusy(ImageError):
    """The image's host takes no request now. Try again after `seconds`; no attempt is counted."""

    code = "image_unreachable"
    retry = Retry.LATER

    def __init__(self, seconds: float, *, unhealthy: bool = False) -> None:
        super().__init__()
        self.seconds = seconds
        self.unhealthy = unhealthy
        """Whether the host has failed; otherwise it only has too many requests waiting."""


class HostFailed(ImageError):
    """The image's host did not answer, or with an error. `retry_after`: seconds that it asks us to wait."""

    code = "image_unreachable"
    retry = Retry.LATER

    def __init__(self, message: str, *, retry_after: float | None = None, overrun: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.overrun = overrun
        """Whether the host said that it gets too many requests."""


class Host:
    """One host: the requests that wait for it, and its health, as this process sees it."""

    def __init__(self, turns: int, clock: Clock = time.monotonic) -> None:
        self.turns = asyncio.Semaphore(turns)
        self._most, self._clock = turns, clock
        self._inside = self._asking = 0
        self._seconds = 0.0
        self._failed_urls: set[str] = set()
        self._failing_since: float | None = None
        self.unhealthy = False
        """Whether many images in a row have failed, or the host said that it gets too many requests."""
        self._pause = FIRST_PAUSE
        self._closed_until = self._next_return = self._used = clock()

    @property
    def expired(self) -> bool:
        """Whether what is known of it is out of date."""
        return not self._inside and self._clock() - max(self._used, self._closed_until) > FORGOTTEN_SECONDS

    @property
    def gone(self) -> bool:
        """Whether it has failed for so long that its failures count as attempts of its images."""
        return self._failing_since is not None and self._clock() - self._failing_since >= DEAD_SECONDS

    @contextmanager
    def queued(self) -> Iterator[None]:
        """Count as waiting for this host. HostBusy if the wait would be too long, or requests are paused.

        HostFailed if the host is gone.
        """
        self.require(self._ahead() <= WAIT_SECONDS)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._used = self._clock()

    def patience(self) -> asyncio.Timeout:
        """A limit for the wait of one request."""
        return asyncio.timeout(WAIT_SECONDS)

    def require(self, fits: bool = True) -> None:
        """HostBusy or HostFailed unless the host may get a request now, and `fits`."""
        closed = self._clock() < self._closed_until or (self.unhealthy and self._asking > 0)
        if closed and self.gone:
            raise HostFailed("The image's server has not answered for some time.")
        if closed or not fits:
            raise self.busy()

    def busy(self) -> HostBusy:
        """A HostBusy with the time of the next try; each call gets a later one."""
        now = self._clock()
        opens = max(now + max(FIRST_PAUSE, self._ahead()), self._closed_until)
        self._next_return = max(self._next_return, opens) + self._pace()
        if self._next_return > opens + LONGEST_AWAY:
            self._next_return = opens
        return HostBusy(self._next_return - now, unhealthy=self.unhealthy)

    @contextmanager
    def request(self, url: str) -> Iterator[None]:
        """One request; its end changes the host's health. HostBusy where the failure says nothing about the image.

        A cancelled request, or an answer that came too slowly to its end, does not change the health.
        """
        began, self._asking = self._clock(), self._asking + 1
        try:
            yield
        except HostFailed as error:
            self._failed(error, url)
            if not self.gone and (self.unhealthy or self._clock() < self._closed_until):
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
        self._failing_since, self.unhealthy, self._pause = None, False, FIRST_PAUSE

    def _failed(self, error: HostFailed, url: str) -> None:
        now, probe = self._clock(), self.unhealthy and self._asking == 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        if not self.unhealthy:
            self._failed_urls.add(url)
            self.unhealthy = error.overrun or len(self._failed_urls) >= FAILURES
        if self.unhealthy:
            self._pause = min(LONGEST_PAUSE, self._pause * 2) if probe else self._pause
            self._closed_until = max(self._closed_until, now + self._pause)
        if error.retry_after is not None:
            self._closed_until = max(self._closed_until, now + min(error.retry_after, LONGEST_RETRY_AFTER))

    def _pace(self) -> float:
        return (self._seconds or GUESS_SECONDS) / self._most

    def _ahead(self) -> float:
        """Seconds until the requests that wait already are done."""
        return max(0, self._inside - self._most) * self._pace()
