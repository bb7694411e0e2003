"""The fakes are believed by every other test, so they are held against captured facts and the official SDK first."""

import base64
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import jsonschema
import openai
import orjson
import pytest

from tests.fakes import FakeProcess, start

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "kind", "score", "tags", "brand", "parts"],
    "properties": {
        "title": {"type": "string"},
        "kind": {"enum": ["a", "b"], "type": "string"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "brand": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
    },
    "$defs": {
        "part": {
            "type": "object",
            "additionalProperties": False,
            "required": ["count", "below"],
            "properties": {
                "count": {"type": ["integer", "null"], "minimum": 3, "maximum": 4},
                "below": {"anyOf": [{"$ref": "#/$defs/part"}, {"type": "null"}]},
            },
        }
    },
}
CLIENTS: dict[tuple[str, str], openai.OpenAI] = {}
STRICT = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}


@pytest.fixture(scope="module")
def host() -> Iterator[FakeProcess]:
    with start("image_host") as process:
        yield process


@pytest.fixture(scope="module")
def roomy() -> Iterator[FakeProcess]:
    with start("provider") as process:
        yield process


@pytest.fixture
def provider(roomy: FakeProcess) -> FakeProcess:
    roomy.post("/_/reset")
    return roomy


@pytest.fixture(scope="module", autouse=True)
def _closing() -> Iterator[None]:
    yield
    for client in CLIENTS.values():
        client.close()
    CLIENTS.clear()


def ask(fake: FakeProcess, url: str = "http://images/1024x1024/a.jpg", **options: Any) -> Any:
    """One image through chat completions → the SDK's object."""
    image = {"url": url, "detail": options.pop("detail", "high")}
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": image}]
    options = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **options}
    return sdk(fake).chat.completions.create(**options)


def sdk(fake: FakeProcess, key: str = "sk-test") -> openai.OpenAI:
    where = f"{fake.url}/v1", key
    if where not in CLIENTS:
        CLIENTS[where] = openai.OpenAI(base_url=where[0], api_key=key, max_retries=0, timeout=60)
    return CLIENTS[where]


def download(url: str) -> tuple[bytes, str]:
    """A body and its media type."""
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.read(), reply.headers["content-type"]


def test_chat_through_the_sdk(provider: FakeProcess) -> None:
    done = ask(provider, response_format=STRICT, extra_headers={"X-Client-Request-Id": "attempt-1"})
    answer = orjson.loads(done.choices[0].message.content)
    jsonschema.validate(answer, SCHEMA)
    assert "1024x1024 a.jpg" in answer["title"]
    assert done.usage.prompt_tokens_details.image_tokens == 765
    [call] = provider.get("/_/log")["calls"]
    assert (call["request_id"], call["client_request_id"]) == (done._request_id, "attempt-1")
    assert (call["input"], call["output"]) == (done.usage.prompt_tokens, done.usage.completion_tokens)
    assert call["images"] == [{"url": "http://images/1024x1024/a.jpg"}]


def test_responses_through_the_sdk(provider: FakeProcess) -> None:
    image = {"type": "input_image", "image_url": "http://images/1024x1024/a.jpg", "detail": "high"}
    content = [{"type": "input_text", "text": "What is this?"}, image]
    form = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}}
    create: Any = sdk(provider).responses.create
    done = create(model="gpt-5.1", input=[{"role": "user", "content": content}], text=form)
    cut = create(model="gpt-5.1", input=[{"role": "user", "content": content}], max_output_tokens=3)
    assert "gpt-4o-mini" in [model.id for model in sdk(provider).models.list()]
    jsonschema.validate(orjson.loads(done.output_text), SCHEMA)
    assert done.usage.input_tokens > 630
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert provider.get("/_/stats")["billed"]["image"] == 1260


def test_inline_images_are_told_apart(provider: FakeProcess, host: FakeProcess) -> None:
    for suffix in ("jpg", "png", "webp", "gif"):
        data, kind = download(f"{host.url}/640x480/item-1.{suffix}")
        url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        assert f"640x480 item-1.{suffix}" in ask(provider, url).choices[0].message.content
        assert provider.get("/_/log")["calls"][-1]["images"][0]["name"] == f"/640x480/item-1.{suffix}"
    fetched = ask(provider, f"{host.url}/photo/coffee.png")
    assert "600x400" in fetched.choices[0].message.content


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"url": "data:image/png;base64,bm90IGFuIGltYWdl"}, "invalid_image_format"),
        ({"url": "data:image/png;base64,?"}, "invalid_base64_image"),
        ({"url": "https://example.com/a.jpg"}, "invalid_image_url"),
        ({"url": "http://i/8000x6000/a.jpg", "model": "gpt-5.6-luna", "detail": "auto"}, "invalid_value"),
        ({"detail": "original"}, "invalid_value"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
         "invalid_json_schema"),
    ],
)  # fmt: skip
def test_bad_requests(provider: FakeProcess, options: dict[str, Any], code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(provider, **options)
    assert caught.value.code == code
    assert provider.get("/_/stats")["billed"]["input"] == 0


def test_unknown_key_and_model(provider: FakeProcess) -> None:
    with pytest.raises(openai.AuthenticationError):
        sdk(provider, key="sk-wrong").responses.create(model="gpt-4o", input="hello")
    with pytest.raises(openai.NotFoundError):
        ask(provider, model="gpt-9")


def test_token_limit_and_the_stated_wait() -> None:
    with start("provider", "--limit", "gpt-4o=500/6000") as provider:
        with pytest.raises(openai.RateLimitError) as caught:  # noqa: PT012  (the eighth, or a later one if they are slow)
            for _ in range(100):
                ask(provider)
        assert provider.get("/_/stats")["lanes"][0]["calls"] >= 7
        error, headers = caught.value, caught.value.response.headers
        assert (error.code, error.type) == ("rate_limit_exceeded", "tokens")
        assert "on tokens per min (TPM): Limit 6000, Used " in error.message
        assert int(headers["retry-after"]) >= 1
        time.sleep(int(headers["retry-after-ms"]) / 1000)
        ask(provider)
        with pytest.raises(openai.RateLimitError, match=r"Request too large for gpt-4o .* Requested 8"):
            ask(provider, messages=[{"role": "user", "content": "word " * 8000}])
        assert provider.get("/_/stats")["rate_limited"] == 2


def test_charging_max_tokens_and_requests() -> None:
    with start("provider", "--charge", "max", "--rpm", "2", "--tpm", "10000") as provider:
        ask(provider, max_tokens=4000)
        assert provider.get("/_/log")["calls"][0]["charged"] == 4000 + 765 + 10
        ask(provider, max_tokens=10)
        with pytest.raises(openai.RateLimitError, match=r"requests per min \(RPM\): Limit 2, Used 2, Requested 1"):
            ask(provider)
        provider.post("/_/limits", {"gpt-4o": {"rpm": 100, "tpm": 100_000}})
        ask(provider)


def test_buckets_that_are_not_full() -> None:
    with start("provider", "--tpm", "60000", "--remaining", "answer", "--latency", "0.5") as provider:
        began = time.monotonic()
        provider.post("/_/levels", {"share": 0.5})
        ask(provider)
        [lane] = provider.get("/_/levels")["lanes"]
        assert 30_000 - 800 < lane["tokens"] < 30_000 - 765 + 1_000 * (time.monotonic() - began)
        provider.post("/_/levels", {"share": 0})
        with pytest.raises(openai.RateLimitError):
            ask(provider, messages=[{"role": "user", "content": "word " * 50_000}])
        provider.post("/_/forget")
        assert provider.get("/_/stats")["calls"] == 0
        time.sleep(1)
        create: Any = sdk(provider).chat.completions.with_raw_response.create
        raw = create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
        assert int(raw.headers["x-ratelimit-remaining-tokens"]) > 1_400, "half a second more than at its admission"
        [lane] = provider.get("/_/stats")["lanes"]
        assert lane["first_admitted"] == lane["last_admitted"] < lane["last_ended"] - 0.45


def test_scripted_errors(provider: FakeProcess) -> None:
    lines: list[Any] = [
        {"match": {"url_contains": "/item-3"}, "times": 2, "fault": {"kind": "status", "status": 503}},
        {"match": {"nth": 2, "model": "o3"}, "fault": "insufficient_quota"},
        {"match": {"size": "17x17"}, "fault": {"kind": "rate_limited", "seconds": 2.5}},
    ]
    provider.post("/_/faults", lines)
    seen = []
    for url, model in (("item-3", "gpt-4o"), ("item-3", "gpt-4o"), ("item-3", "gpt-4o"), ("b", "o3"), ("b", "o3")):
        try:
            ask(provider, f"http://i/32x32/{url}.jpg", model=model)
            seen.append("ok")
        except openai.APIStatusError as error:
            seen.append(error.code or str(error.status_code))
    assert seen == ["503", "503", "ok", "ok", "insufficient_quota"]
    with pytest.raises(openai.RateLimitError) as caught:
        ask(provider, "http://i/17x17/a.jpg")
    assert caught.value.response.headers["retry-after-ms"] == "2500"
    assert [call["input"] > 0 for call in provider.get("/_/log")["calls"]] == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("kind", "finish", "content"),
    [("refusal", "stop", None), ("content_filter", "content_filter", None), ("length", "length", '{"title"')],
)
def test_answers_by_magic_path(provider: FakeProcess, kind: str, finish: str, content: str | None) -> None:
    done = ask(provider, f"http://i/32x32/fault-{kind}~1.item-9.jpg", response_format=STRICT).choices[0]
    assert done.finish_reason == finish
    assert (done.message.content or "").startswith(content or "")
    assert bool(done.message.refusal) == (kind == "refusal")
    again = ask(provider, f"http://i/32x32/fault-{kind}~1.item-9.jpg", response_format=STRICT).choices[0]
    jsonschema.validate(orjson.loads(again.message.content), SCHEMA)


@pytest.mark.parametrize("kind", ["hang", "hang_body", "drip", "reset", "malformed", "html", "empty"])
def test_trouble_on_the_wire_is_billed(provider: FakeProcess, kind: str) -> None:
    image = {"type": "image_url", "image_url": {"url": f"http://i/32x32/fault-{kind}.jpg"}}
    body: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": [image]}]}
    request = urllib.request.Request(f"{provider.url}/v1/chat/completions", orjson.dumps(body))
    request.add_header("authorization", "Bearer sk-test")
    with pytest.raises((OSError, ValueError)):  # noqa: PT012, SIM117  (reading the body may be what fails)
        with urllib.request.urlopen(request, timeout=2) as reply:
            started, text = time.monotonic(), b""
            while (byte := reply.read(1)) and time.monotonic() < started + 0.5:
                text += byte
            orjson.loads(text)
    [call] = provider.get("/_/log")["calls"]
    assert (call["fault"], call["status"]) == (kind, 0 if kind == "reset" else 200)
    assert call["image"] == 255
    deadline = time.monotonic() + 60
    while provider.get("/_/stats")["in_flight"]:
        assert time.monotonic() < deadline, "it has not seen that its caller left"
        time.sleep(0.01)


def test_somebody_else_on_the_key_takes_a_part_in_bursts() -> None:
    with start("provider", "--key", "sk-test", "--limit", "gpt-4o-mini=500/60000") as provider:
        provider.post("/_/stranger", {"model": "gpt-4o-mini", "part": 0.5})
        end = time.monotonic() + 10
        while not (took := provider.get("/_/stranger")) and time.monotonic() < end:
            time.sleep(0.02)
        provider.post("/_/stranger", {"model": "gpt-4o-mini", "part": 0})
    assert [tokens for _, tokens in took] == [50] * 20
