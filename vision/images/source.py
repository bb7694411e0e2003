"""An item's image by its source: an http(s) URL, a data URL, or the id of an uploaded file."""

from vision.errors import ImageError, Retry
from vision.files import BytesGone, Store, StoreUnavailable
from vision.files.keys import of_source
from vision.images.data_urls import decode, too_large
from vision.images.fetch import Fetcher
from vision.images.probe import HEADS, NeedsMoreBytes, Probe, probe, probe_file


class Images:
    """Reads images from URLs, data URLs and the file store."""

    def __init__(self, fetcher: Fetcher, store: Store) -> None:
        self._fetcher, self._store = fetcher, store

    async def measure(self, source: str, seconds: float | None = None) -> tuple[int, int]:
        """Width and height in pixels, upright, from as few bytes as needed; ImageError.

        `seconds`: how long a host may take; None: as long as for a whole image.
        """
        found = await self._probe(source, seconds)
        return found.width, found.height

    async def load(self, source: str) -> bytes:
        """The whole image as it is; ImageError."""
        return (await self._read(source, None))[0]

    async def _probe(self, source: str, seconds: float | None) -> Probe:
        for size in HEADS:
            data, complete = await self._read(source, size, seconds)
            if complete:
                return probe_file(data)
            if not data:
                continue
            try:
                return probe(data)
            except NeedsMoreBytes:
                continue
        return probe_file(await self.load(source))

    async def _read(self, source: str, size: int | None, seconds: float | None = None) -> tuple[bytes, bool]:
        """Up to `size` bytes (None: all), and whether they are the whole image."""
        if source[:5].lower() == "data:":
            return decode(source, self._fetcher.max_bytes), True
        if key := of_source(source):
            return await self._read_stored(key, size)
        if size is None:
            return await self._fetcher.fetch(source), True
        return await self._fetcher.head(source, size, seconds)

    async def _read_stored(self, key: str, size: int | None) -> tuple[bytes, bool]:
        most = self._fetcher.max_bytes
        try:
            content = await self._store.read(key, most if size is None else size)
        except BytesGone:
            message = "The uploaded file is gone or never was. Upload it again."
            raise ImageError(message, code="image_unreachable") from None
        except StoreUnavailable as error:
            raise ImageError(str(error), code="image_unreachable", retry=Retry.LATER) from error
        if content.total > most:
            raise too_large(most)
        return content.data, len(content.data) == content.total
