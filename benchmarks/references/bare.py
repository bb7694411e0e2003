"""The reference for overhead: a bare asyncio loop in its own process makes the same calls and stores nothing.

python -m benchmarks.references.bare --client sdk --base-url http://127.0.0.1:9000/v1 --items 9 --in-flight 4 --image X
"""

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx2
import openai

from benchmarks.references.request_bodies import bodies
from benchmarks.stack.service import KEY

Call = Callable[[str, bytes], Awaitable[object]]
WARM_UP = 64


async def with_aiohttp(options: argparse.Namespace, path: str, work: list[bytes]) -> dict[str, float]:
    """The fastest client there is in Python."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=options.in_flight)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def call(target: str, body: bytes) -> bytes:
            async with session.post(options.base_url + target, data=body) as response:
                response.raise_for_status()
                return await response.read()

        return await timed(call, path, work, options.in_flight)


async def with_sdk(options: argparse.Namespace, path: str, work: list[bytes]) -> dict[str, float]:
    """The official SDK as its page shows it, with the faster of the two HTTP clients that it comes with."""
    async with _sdk(options) as sdk:

        async def call(target: str, body: bytes) -> object:
            return await sdk.chat.completions.create(**json.loads(body))

        return await timed(call, path, work, options.in_flight)


async def with_sdk_bytes(options: argparse.Namespace, path: str, work: list[bytes]) -> dict[str, float]:
    """The official SDK with bytes in and bytes out, without its models."""
    headers = {"headers": {"Content-Type": "application/json"}}
    async with _sdk(options) as sdk:

        async def call(target: str, body: bytes) -> object:
            return await sdk.post(target, cast_to=httpx2.Response, content=body, options=headers)

        return await timed(call, path, work, options.in_flight)


def _sdk(options: argparse.Namespace) -> openai.AsyncOpenAI:
    limits = httpx2.Limits(max_connections=options.in_flight, max_keepalive_connections=options.in_flight)
    client = openai.DefaultAioHttpClient(limits=limits)
    return openai.AsyncOpenAI(api_key=KEY, base_url=options.base_url, max_retries=0, http_client=client)


CLIENTS = {"aiohttp": with_aiohttp, "sdk": with_sdk, "sdk-bytes": with_sdk_bytes}


async def timed(call: Call, path: str, work: list[bytes], in_flight: int) -> dict[str, float]:
    """Make all calls, `in_flight` at a time, after some that warm the connections up and are not counted."""

    async def lane(own: list[bytes]) -> None:
        while own:
            await call(path, own.pop())

    await asyncio.gather(*[call(path, body) for body in work[:WARM_UP]])
    rest = list(work)
    cpu, started = _cpu(), time.monotonic()
    await asyncio.gather(*[lane(rest) for _ in range(in_flight)])
    return {"seconds": time.monotonic() - started, "cpu_seconds": _cpu() - cpu}


def main() -> None:
    """Print `{"seconds", "cpu_seconds"}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=tuple(CLIENTS), required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--image", required=True, help="address of an image; {} becomes its number")
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    options = parser.parse_args()
    path, work = bodies(options.base_url, options.image, options.items)
    print(json.dumps(asyncio.run(CLIENTS[options.client](options, path, work))))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
