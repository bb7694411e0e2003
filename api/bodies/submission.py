"""A job as it is sent, in its three forms: a JSON body with items, one with a file id, or the items as lines."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Request

from api.bodies import bounded
from api.lifespan import ApiServices
from api.schemas import JobBody, JobFields, JobQuery
from vision.errors import InvalidRequest, NotFound
from vision.files import BytesGone, IncomingFile
from vision.intake import Order, Replay
from vision.jobs import ids
from vision.storage import files

MAX_KEY_LENGTH = 255

Fields_co = TypeVar("Fields_co", bound=JobFields, covariant=True)
InBody = TypeVar("InBody", bound=JobBody)
InQuery = TypeVar("InQuery", bound=JobQuery)


@dataclass(frozen=True)
class Submission(Generic[Fields_co]):
    """What was sent, and the SHA-256 of all of it."""

    fields: Fields_co
    items: list[object] | Path
    body_hash: bytes

    @property
    def order(self) -> Order:
        """The job's fields."""
        return self.fields.order()

    def replay(self, key: str | None) -> Replay | None:
        """For the header Idempotency-Key, if it was sent."""
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise InvalidRequest(
                f"An Idempotency-Key has from 1 to {MAX_KEY_LENGTH} characters.", param="Idempotency-Key"
            )
        return Replay(key, self.body_hash)


@asynccontextmanager
async def received(
    request: Request, services: ApiServices, tenant: str, body: type[InBody], query: type[InQuery]
) -> AsyncIterator[Submission[InBody | InQuery]]:
    """Read the request: fields as `body`, or as `query` beside lines.

    Lines are spooled to disk first, so that a slow sender holds no transaction open.
    """
    kind = bounded.media_type(request)
    if kind in {"application/x-ndjson", "application/jsonl", "application/x-jsonlines"}:
        fields = _query(request, query)
        async with IncomingFile(services.store) as draft:
            async for piece in bounded.pieces_of(request, bounded.STREAM):
                await draft.write(piece)
            await draft.flush()
            yield Submission(fields, draft.path, _hash(fields, draft.sha256))
    elif kind in {"application/json", ""}:
        async with _json(request, services, tenant, body) as sent:
            yield sent
    else:
        raise InvalidRequest(
            "Send the job as application/json, or its items as application/x-ndjson.",
            code="unsupported_media_type",
            param="Content-Type",
        )


@asynccontextmanager
async def _json(
    request: Request, services: ApiServices, tenant: str, kind: type[InBody]
) -> AsyncIterator[Submission[InBody]]:
    body = await bounded.parsed(request, kind, bounded.INLINE)
    if body.input_file_id is None:
        yield Submission(body, body.items or [], _hash(body, ""))
        return
    file_id = await _manifest(services, tenant, body.input_file_id)
    async with AsyncExitStack() as stack:
        try:
            path = await stack.enter_async_context(services.store.local(file_id.hex))
        except BytesGone:
            message = f"The bytes of {body.input_file_id} are gone. Upload the manifest again."
            raise InvalidRequest(message, code="unknown_file", param="input_file_id") from None
        yield Submission(body, path, _hash(body, ""))


async def _manifest(services: ApiServices, tenant: str, file_id: str) -> UUID:
    try:
        uuid = ids.parse("file", file_id)
        async with services.engine.connect() as connection:
            await files.get(connection, tenant, uuid)
    except NotFound as error:
        raise InvalidRequest(error.message, code="unknown_file", param="input_file_id") from None
    return uuid


def _query(request: Request, kind: type[InQuery]) -> InQuery:
    pairs = request.query_params.multi_items()
    fields: Mapping[str, str] = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidRequest("A field stands twice in the query string. Send each field once.")
    return bounded.validated(kind, fields)


def _hash(fields: JobFields, lines: str) -> bytes:
    """The same for the same request, whatever its spacing and order of fields."""
    canonical = fields.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(orjson.dumps([canonical, lines], option=orjson.OPT_SORT_KEYS)).digest()
