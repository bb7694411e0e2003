"""An item's image by its source: an http(s) URL, a data URL, or the id of an uploaded file."""

import asyncio
import binascii
import re
from pathlib import Path

from vision.errors import ImageError
from vision.images.fetch import Fetcher
from vision.images.probe import HEADS, NeedsMoreBytes, Probe, probe, probe_file

_FILE = re.compile(r"file_([0-9a-f]{32})")
_DATA = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


class Images:
    """Reads images; uploaded files are named by the hex of their id in `files_dir`."""

    def __init__(self, fetcher: Fetcher, files_dir: Path) -> None:
        self._fetcher, self._files_dir = fetcher, files_dir

    async def measure(self, source: str, seconds: float | None = None) -> tuple[int, int]:
        """Width and height in pixels, upright, from as few bytes as tell them; ImageError.

        `seconds`: how long a host may take over these bytes, if not as long as over a whole image.
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
        """Up to `size` bytes, or all, and whether that is all."""
        if source[:5].lower() == "data:":
            data = self._decode(source)
            return data, True
        if file := _FILE.fullmatch(source):
            return await asyncio.to_thread(self._read_file, file[1], size)
        if size is None:
            return await self._fetcher.fetch(source), True
        return await self._fetcher.head(source, size, seconds)

    def _decode(self, source: str) -> bytes:
        head = _DATA.match(source)
        if not head:
            raise ImageError("A data URL must hold base64: data:image/png;base64,…", code="image_unsupported")
        if (len(source) - head.end()) // 4 * 3 > self._fetcher.max_bytes + 2:
            raise self._too_large()
        try:
            return binascii.a2b_base64(source[head.end() :], strict_mode=True)
        except ValueError:
            raise ImageError("The data URL is not valid base64.") from None

    def _read_file(self, name: str, size: int | None) -> tuple[bytes, bool]:
        path = self._files_dir / name
        try:
            total = path.stat().st_size
            if total > self._fetcher.max_bytes:
                raise self._too_large()
            with path.open("rb") as file:
                return file.read(size if size is not None else -1), size is None or total <= size
        except OSError:
            raise ImageError(
                "The uploaded file is gone or never was. Upload it again.", code="image_unreachable"
            ) from None

    def _too_large(self) -> ImageError:
        limit = self._fetcher.max_bytes
        return ImageError(f"The image is larger than {limit:,} bytes. Shrink it.", code="image_too_large")
