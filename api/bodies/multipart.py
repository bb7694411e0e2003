"""A form with one file, parsed as it arrives: parts in any order, chunked or not, nothing held in memory."""

import mimetypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.bodies import bounded
from vision.errors import InvalidRequest
from vision.files import IncomingFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELDS = 10
MAX_FIELD_BYTES = 4_096
GENERIC = "application/octet-stream"


@dataclass
class Form:
    """What came with the file, whose bytes went to the draft."""

    filename: str = ""
    media_type: str = GENERIC
    fields: dict[str, str] = field(default_factory=dict)
    has_file: bool = False


async def receive(request: Request, draft: IncomingFile) -> Form:
    """Read the form, the part `file` into the draft; InvalidRequest if it is not such a form, TooLarge."""
    parts = _Parts()
    parser = MultipartParser(_boundary(request), parts.callbacks())
    try:
        async for piece in bounded.pieces_of(request, bounded.STREAM):
            parser.write(piece)
            await parts.pour(draft)
        parser.finalize()
    except MultipartParseError as error:
        raise InvalidRequest(f"The form is malformed: {error}.", code="invalid_form") from None
    if not parts.form.has_file or not parts.ended:
        raise InvalidRequest("The form has no complete part `file`.", code="missing_field", param="file")
    return parts.form


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest(
            "Send the file as multipart/form-data, in a part `file`.",
            code="unsupported_media_type",
            param="Content-Type",
        )
    return boundary


class _Parts:
    """Collects what the parser finds; file bytes only until they are poured."""

    def __init__(self) -> None:
        self.form = Form()
        self.ended = False
        self._bytes: list[bytes] = []
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._name, self._is_file, self._text = "", False, b""

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    async def pour(self, draft: IncomingFile) -> None:
        """Hand on what has arrived of the file."""
        if self._bytes:
            await draft.write(b"".join(self._bytes))
            self._bytes.clear()

    def _begin(self) -> None:
        self._headers.clear()
        self._text = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._name == "file"
        if self._is_file:
            if self.form.has_file:
                raise InvalidRequest("Send one file at a time.", code="invalid_form", param="file")
            self._describe(options.get(b"filename", b"").decode("utf-8", "replace"))
        elif len(self.form.fields) >= MAX_FIELDS:
            raise InvalidRequest(f"The form has more than {MAX_FIELDS} fields.", code="invalid_form")

    def _describe(self, filename: str) -> None:
        name = filename.replace("\\", "/").rpartition("/")[2].replace("\0", "")[:255] or "upload"
        sent = self._headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        guessed = mimetypes.guess_type(name)[0]
        self.form.has_file, self.form.filename = True, name
        self.form.media_type = sent if sent not in {"", GENERIC} else guessed or GENERIC

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._bytes.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"The field {self._name[:40]!r} is too long.", code="invalid_form", param=self._name)

    def _end(self) -> None:
        if not self._is_file:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace").replace("\0", "")

    def _finish(self) -> None:
        self.ended = True
