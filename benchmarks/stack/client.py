"""The service's public API, as a client uses it: submit lines, wait for the end."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from benchmarks.stack.service import MODEL, PRESET, Service

POLL_SECONDS = 0.2
"""The poll only shows that a job has ended; the database has the time."""
NDJSON = {"Content-Type": "application/x-ndjson"}
Size = tuple[int, int]


class ApiClient:
    """A client with the admin key."""

    def __init__(self, service: Service) -> None:
        self._session = aiohttp.ClientSession(
            service.url,
            headers={"Authorization": f"Bearer {service.key}"},
            timeout=aiohttp.ClientTimeout(600),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def submit(
        self, lines: bytes | Path, *, model: str = MODEL, detail: str = "high", priority: int = 0
    ) -> dict[str, Any]:
        """POST /v1/jobs with one item a line → the job."""
        fields = {"preset": PRESET, "detail": detail, "model": model, "priority": str(priority)}
        if isinstance(lines, bytes):
            return await self._post(lines, fields)
        with lines.open("rb") as file:
            return await self._post(file, fields)

    async def finished(self, job_id: str, seconds: float = 600) -> dict[str, Any]:
        """The job once it is terminal; RuntimeError unless all its items succeeded."""
        deadline = time.monotonic() + seconds
        while True:
            job = await self._get(f"/v1/jobs/{job_id}")
            if job["finished_at"]:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{job_id} is not finished after {seconds:.0f} s: {job['request_counts']}")
            await asyncio.sleep(POLL_SECONDS)
        counts = job["request_counts"]
        if counts["succeeded"] != counts["total"]:
            raise RuntimeError(f"{job_id} ended as {job['status']} with {counts}")
        return job

    async def cancel(self, job_id: str) -> None:
        """Cancel the job; calls in flight go on."""
        async with self._session.post(f"/v1/jobs/{job_id}/cancel") as response:
            await _answer(response, 200)

    async def _post(self, data: Any, fields: dict[str, str]) -> dict[str, Any]:
        async with self._session.post("/v1/jobs", params=fields, data=data, headers=NDJSON) as response:
            return await _answer(response, 201)

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._session.get(path) as response:
            return await _answer(response, 200)


def manifest(urls: Iterable[str], size: Size | None) -> bytes:
    """One line for each image; with its size, nothing has to be measured."""
    return b"".join(_line(number, url, size) for number, url in enumerate(urls, 1))


def sized(sizes: Iterable[Size]) -> bytes:
    """One line for each size, with an image of declared size that nobody fetches."""
    return b"".join(
        _line(number, f"http://127.0.0.1/{size[0]}x{size[1]}/{number}.jpg", size)
        for number, size in enumerate(sizes, 1)
    )


def _line(number: int, url: str, size: Size | None) -> bytes:
    known = {"width": size[0], "height": size[1]} if size else {}
    return orjson.dumps({"custom_id": f"item-{number}", "image": url, **known}) + b"\n"


async def _answer(response: aiohttp.ClientResponse, expected: int) -> dict[str, Any]:
    body = await response.read()
    if response.status != expected:
        raise RuntimeError(f"{response.method} {response.url.path} answered {response.status}: {body[:500]!r}")
    answer: dict[str, Any] = orjson.loads(body)
    return answer
