"""The HTTP server: the part of OpenAI's API that image jobs use, and no more."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pkgutil import resolve_name
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from local import MODEL, chat, responses
from local.errors import WireError, translate
from local.gate import Gate
from local.local_request import ABOUT, ImageRef, LocalRequest
from local.request_body import declared_size, read_body
from local.tasks import NAMES, Answer, Tasks, work
from vision.errors import TesseraError
from vision.jobs import ids

MAX_WAITING = 512_000_000  # bytes of all requests together
STARTED = 1_788_000_000  # `created` of the model: the date of this version

Read = Callable[[dict[str, Any]], LocalRequest]
Reply = Callable[[Answer], dict[str, Any]]


def create_app(*, max_requests: int = 128, allow_private: bool = False, tasks: Tasks | None = None) -> Starlette:
    """The server; `max_requests` may be in progress or wait, `allow_private` opens private image addresses."""
    service = Service(tasks or Tasks(), max_requests, allow_private)
    api = [
        Route("/chat/completions", service.handler(chat.read, chat.reply), methods=["POST"]),
        Route("/responses", service.handler(responses.read, responses.reply), methods=["POST"]),
        Route("/models", _models),
        Route(f"/models/{MODEL}", _model),
    ]
    return Starlette(
        # A base URL with and without /v1 works.
        routes=[Route("/healthz", _health), Mount("/v1", routes=api), *api],
        exception_handlers={WireError: _refuse, TesseraError: _refuse, HTTPException: _refuse, Exception: _refuse},
        lifespan=service.lifespan,
    )


class Service:
    """The state that all requests share."""

    def __init__(self, tasks: Tasks, max_requests: int, allow_private: bool) -> None:
        self._tasks, self._allow_private = tasks, allow_private
        self._gate = Gate(threads=os.cpu_count() or 1, max_requests=max_requests, max_bytes=MAX_WAITING)
        self._exit = AsyncExitStack()
        self._fetching = asyncio.Lock()
        self._fetcher: Any = None

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._exit:
            yield
        self._gate.close()

    def handler(self, read: Read, reply: Reply) -> Callable[[Request], Any]:
        """The handler of one of the two APIs."""

        async def handle(request: Request) -> Response:
            began = time.monotonic()
            async with self._gate.admit(declared_size(request)):
                parsed = read(await read_body(request))
                answer = await self._answer(parsed, request)
            return _json(reply(answer), {"openai-processing-ms": str(int((time.monotonic() - began) * 1000))})

        return handle

    async def _answer(self, parsed: LocalRequest, request: Request) -> Answer:
        images = [(await self._load(image), image.detail) for image in parsed.images]

        def compute() -> Answer:
            return work(self._tasks[parsed.task], parsed.schema, parsed.text, images)

        return await self._gate.run(compute, unless=request.is_disconnected)

    async def _load(self, image: ImageRef) -> str | bytes:
        """A data URL unchanged (a thread decodes it later); for a web address, the bytes fetched from it."""
        if image.source.startswith("data:"):
            return image.source
        async with self._fetching:
            if self._fetcher is None:
                # aiohttp is imported at first use: most callers send bytes.
                guard = resolve_name("vision.outbound.guard:Guard")(self._allow_private)
                fetcher = resolve_name("vision.images.fetch:Fetcher")(guard)
                self._fetcher = await self._exit.enter_async_context(fetcher)
        data: bytes = await self._fetcher.fetch(image.source)
        return data


async def _models(_: Request) -> Response:
    return _json({"object": "list", "data": [_description()]})


async def _model(_: Request) -> Response:
    return _json(_description())


async def _health(_: Request) -> Response:
    return _json({"status": "ok"})


def _description() -> dict[str, Any]:
    about = {"description": ABOUT, "tasks": list(NAMES)}
    return {"id": MODEL, "object": "model", "created": STARTED, "owned_by": "tessera", **about}


async def _refuse(_: Request, error: Exception) -> Response:
    """Any exception, in OpenAI's wire form."""
    if isinstance(error, TesseraError):
        error = translate(error)
    elif isinstance(error, HTTPException):
        error = WireError(f"{error.detail}. See GET /v1/models.", "unknown_route", status=error.status_code)
    elif not isinstance(error, WireError):
        error = WireError(
            "Something went wrong in the server; its log tells.", "server_error", status=500, kind="server_error"
        )
    wait = {} if error.retry_after is None else {"retry-after": str(max(1, round(error.retry_after)))}
    return _json(error.body(), wait, error.status)


def _json(body: dict[str, Any], headers: dict[str, str] | None = None, status: int = 200) -> Response:
    request_id = {"x-request-id": f"req_{ids.new().hex}"}
    return Response(orjson.dumps(body), status, request_id | (headers or {}), "application/json")
