"""The reference for overhead: a bare asyncio loop makes the same calls and stores nothing. A process of its own.

python -m benchmarks.bare --client sdk --base-url http://127.0.0.1:9000/v1 --items 2000 --in-flight 256 --image URL
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
from pydantic import SecretStr

from benchmarks.service import MODEL
from vision import presets
from vision.prices import FREE, Tariff
from vision.provider.catalogue import Lane, Provider
from vision.provider.requests import Question, build

Call = Callable[[str, bytes], Awaitable[bytes]]


def bodies(options: argparse.Namespace) -> tuple[str, list[bytes]]:
    """Path and bodies exactly as a worker builds them."""
    provider = Provider("fake", options.base_url, SecretStr("sk-test"), "chat", "url")
    lane = Lane(f"fake/{MODEL}", provider, MODEL, 1, 1, f"openai:{MODEL}", Tariff(MODEL, FREE), None)
    preset = presets.get("moderation")
    question = Question(preset.render("en"), "moderation", preset.schema, "high", preset.max_output_tokens)
    built = [build(lane, question, [options.image.format(number)]) for number in range(1, options.items + 1)]
    return built[0][0], [body for _, body in built]


async def with_aiohttp(options: argparse.Namespace, path: str, work: list[bytes]) -> float:
    """The fastest client there is in Python; seconds."""
    headers = {"Authorization": "Bearer sk-test", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=options.in_flight)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def call(target: str, body: bytes) -> bytes:
            async with session.post(options.base_url + target, data=body) as response:
                response.raise_for_status()
                return await response.read()

        return await timed(call, path, work, options.in_flight)


async def with_sdk(options: argparse.Namespace, path: str, work: list[bytes]) -> float:
    """The official SDK by its shortest way, as the workers use it; seconds."""
    limits = httpx2.Limits(max_connections=options.in_flight, max_keepalive_connections=options.in_flight)
    client = openai.DefaultAioHttpClient(limits=limits, timeout=httpx2.Timeout(60), base_url=options.base_url)
    async with openai.AsyncOpenAI(
        api_key="sk-test", base_url=options.base_url, max_retries=0, http_client=client
    ) as sdk:
        headers = {"Content-Type": "application/json"}

        async def call(target: str, body: bytes) -> bytes:
            response = await sdk.post(target, cast_to=httpx2.Response, content=body, options={"headers": headers})
            return response.content

        return await timed(call, path, work, options.in_flight)


async def timed(call: Call, path: str, work: list[bytes], in_flight: int) -> float:
    """Make all calls, `in_flight` at a time, after some that warm the connections up; seconds."""

    async def lane(own: list[bytes]) -> None:
        while own:
            await call(path, own.pop())

    await asyncio.gather(*[call(path, body) for body in work[:64]])
    rest = list(work)
    started = time.monotonic()
    await asyncio.gather(*[lane(rest) for _ in range(in_flight)])
    return time.monotonic() - started


def main() -> None:
    """Print `{"seconds", "cpu_seconds"}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=("aiohttp", "sdk"), required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--image", required=True, help="address of an image; {} becomes its number")
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    options = parser.parse_args()
    path, work = bodies(options)
    before = _cpu()
    seconds = asyncio.run({"aiohttp": with_aiohttp, "sdk": with_sdk}[options.client](options, path, work))
    print(json.dumps({"seconds": seconds, "cpu_seconds": _cpu() - before}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
