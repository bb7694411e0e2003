"""Every way that a call to a provider can end, over real connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from tests.fakes import FakeProcess, start
from vision import presets
from vision.kinds import KINDS, Ending, Question
from vision.provider import client
from vision.provider.call_result import CallResult, read
from vision.provider.catalogue import Provider
from vision.provider.catalogue.lane import Account
from vision.provider.client import Client
from vision.provider.failures import Then

KEY = "sk-test-0123456789abcdef"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProcess]:
    """A fake provider that knows one key."""
    with start("provider", "--key", KEY) as process:
        yield process


@pytest.fixture(autouse=True)
def _fresh(fake: FakeProcess) -> None:
    fake.post("/_/reset")
    fake.post("/_/latency", {"latency": 0})
    fake.post("/_/limits", {"gpt-4o-mini": {"rpm": 0, "tpm": 0}})


Server = Callable[..., Awaitable[tuple[str, list[web.BaseRequest]]]]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Starts a server that answers every request with these bytes, and keeps the requests."""
    started: list[TestServer] = []

    async def start_server(body: bytes = b"{}") -> tuple[str, list[web.BaseRequest]]:
        seen: list[web.BaseRequest] = []

        async def answer(request: web.BaseRequest) -> web.Response:
            seen.append(request)
            return web.Response(body=body)

        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{rest:.*}", answer)
        started.append(TestServer(application))
        await started[-1].start_server()
        return str(started[-1].make_url("")).rstrip("/"), seen

    yield start_server
    for one in started:
        await one.close()


def at(url: str, key: str = KEY) -> Provider:
    """A provider at this address."""
    return Provider("fake", f"{url}/v1", SecretStr(key), "chat", "inline")


async def call(asked: Client) -> CallResult:
    """A call as workers make it, and how it ended."""
    kind, preset = KINDS["chat"], presets.get("moderation")
    question = Question(preset.render("en"), "moderation", preset.schema, "low", 300)
    return read(kind, await asked.post(kind.path, kind.request("gpt-4o-mini", question, [PIXEL]), "item_1-1"))


async def ask(provider: Provider, *, within: float = 60.0) -> CallResult:
    """The same with a client of its own."""
    async with Client(provider, timeout_seconds=within) as asked:
        return await call(asked)


async def hit(fake: FakeProcess, within: float = 60.0, **fault: Any) -> CallResult:
    """A call that is hit by a fault."""
    fake.post("/_/faults", [{"fault": fault}])
    return await ask(at(fake.url), within=within)


def failed(called: CallResult) -> tuple[Then, str, bool]:
    """What follows, why, and whether it may have been charged for."""
    assert called.failure
    assert called.reply is None
    return called.failure.then, called.failure.code, called.failure.unknown_cost


async def test_an_answer_comes_with_its_request_id_and_what_is_left_of_the_limit(fake: FakeProcess) -> None:
    fake.post("/_/limits", {"gpt-4o-mini": {"rpm": 10, "tpm": 100_000}})
    called = await ask(at(fake.url))
    assert called.reply
    assert called.reply.ending == Ending.ANSWERED
    assert called.request_id
    assert called.limits.left("requests", 60) == 9
    assert 90_000 < (called.limits.left("tokens", 60) or 0) < 100_000
    (entry,) = fake.get("/_/log")["calls"]
    assert entry["client_request_id"] == "item_1-1"


async def test_a_wrong_key_stops_the_lane_and_is_told_nowhere(fake: FakeProcess) -> None:
    called = await ask(at(fake.url, key="sk-wrong-0123456789abcdef"))
    assert failed(called) == (Then.PAUSE, "upstream_auth", False)
    assert "0123456789" not in repr(called)


async def test_a_user_in_the_address_takes_the_place_of_the_key(fake: FakeProcess) -> None:
    called = await ask(at(fake.url.replace("//", "//user:hush@")))
    assert called.failure
    assert "Basic" in called.failure.message
    assert "hush" not in repr(called)


async def test_a_refusal_by_the_limit_states_its_wait(fake: FakeProcess) -> None:
    called = await hit(fake, kind="rate_limited", seconds=2)
    assert failed(called) == (Then.PACE, "rate_limit_exceeded", False)
    assert called.failure
    assert called.failure.retry_after == pytest.approx(2, abs=0.01)


async def test_an_error_page_that_is_no_json_is_an_error_of_its_status(fake: FakeProcess) -> None:
    called = await hit(fake, kind="html", status=502)
    assert failed(called) == (Then.DOWN, "upstream_error", False)


async def test_a_request_id_that_could_not_be_stored_is_dropped(fake: FakeProcess) -> None:
    called = await hit(fake, kind="lying_headers", headers={"x-request-id": "req_\xe9"})
    assert called.reply
    assert called.request_id is None


@pytest.mark.parametrize("kind", ["malformed", "html", "empty"])
async def test_success_without_an_answer_of_the_protocol_may_have_cost(fake: FakeProcess, kind: str) -> None:
    assert failed(await hit(fake, kind=kind)) == (Then.LATER, "upstream_invalid_response", True)


@pytest.mark.parametrize("kind", ["hang", "hang_body", "drip"])
async def test_the_deadline_holds_for_the_whole_call(fake: FakeProcess, kind: str) -> None:
    assert failed(await hit(fake, 2.0, kind=kind)) == (Then.LATER, "upstream_timeout", True)


async def test_a_connection_that_broke_may_have_cost(fake: FakeProcess) -> None:
    assert failed(await hit(fake, kind="reset")) == (Then.LATER, "upstream_unreachable", True)


async def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as deaf:  # has the port, and does not listen
        deaf.bind(("127.0.0.1", 0))
        called = await ask(at(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
    assert failed(called) == (Then.DOWN, "upstream_unreachable", False)
    assert failed(await ask(at("http://nobody.invalid"))) == (Then.DOWN, "upstream_unreachable", False)


async def test_a_connection_that_is_not_made_in_time_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and never shakes hands
        called = await ask(at(f"https://127.0.0.1:{silent.getsockname()[1]}"))
    assert failed(called) == (Then.DOWN, "upstream_unreachable", False)


async def test_a_redirect_is_not_followed(fake: FakeProcess) -> None:
    location = {"location": f"{fake.url}/v1/chat/completions"}
    called = await hit(fake, kind="status", status=307, headers=location, body={})
    assert failed(called) == (Then.LATER, "upstream_error", False)
    assert called.failure
    assert "base_url" in called.failure.message
    assert fake.get("/_/stats")["calls"] == 1


async def test_calls_never_wait_for_a_connection(fake: FakeProcess) -> None:
    fake.post("/_/latency", {"latency": None})
    async with Client(at(fake.url), timeout_seconds=120) as asked, asyncio.TaskGroup() as calls:
        called = [calls.create_task(call(asked)) for _ in range(300)]
        async with asyncio.timeout(60):
            while (await asyncio.to_thread(fake.get, "/_/stats"))["in_flight"] < 300:
                await asyncio.sleep(0.01)
        fake.post("/_/latency", {"latency": 0})
    assert all(one.result().reply for one in called)


async def test_the_way_leads_through_the_proxy_of_the_environment(
    fake: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", fake.url)
    called = await ask(at("http://nobody.invalid"))
    assert called.failure
    assert called.failure.message == "Unknown route http://nobody.invalid/v1/chat/completions."


async def test_nothing_out_of_the_environment_is_sent_to_a_relay(
    fake: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Inside: secret\nAuthorization: Bearer secret")
    async with Client(at(fake.url), timeout_seconds=60) as client:
        assert "secret" not in str(dict(client._session.headers))
        assert {name.lower() for name in client._session.headers} == {
            "accept", "authorization", "content-type", "user-agent",
        }  # fmt: skip
        assert (await call(client)).reply
    account = replace(at(fake.url), account=Account("org-1", "proj-1"))
    async with Client(account, timeout_seconds=60) as client:
        sent = client._session.headers
        assert (sent["OpenAI-Organization"], sent["OpenAI-Project"]) == ("org-1", "proj-1")


async def test_headers_and_a_query_go_with_every_call(server: Server) -> None:
    url, seen = await server()
    provider = replace(
        at(url),
        base_url=f"{url}/v1?tenant=a%20b",
        headers={"authorization": SecretStr(""), "Api-Key": SecretStr("sk-1"), "User-Agent": SecretStr("curl/8")},
        query={"api-version": SecretStr("2024-10-21")},
    )
    await ask(provider)
    (request,) = seen
    assert (request.path, dict(request.query)) == (
        "/v1/chat/completions",
        {"api-version": "2024-10-21", "tenant": "a b"},
    )
    assert (request.headers["api-key"], request.headers["user-agent"]) == ("sk-1", "curl/8")
    assert "authorization" not in request.headers
    assert "sk-1" not in repr(provider)


async def test_a_body_without_end_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST_BODY", 1_000)
    url, _ = await server(b"x" * 100_000)
    assert failed(await ask(at(url))) == (Then.LATER, "upstream_unreachable", True)
