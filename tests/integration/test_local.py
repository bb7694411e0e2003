"""The offline provider as it runs: `python -m local`, real models, real photographs, the official SDK."""

import base64
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import openai
import pytest

from local.tasks import NAMES
from tests.ports import free_port
from tests.processes import tied
from vision import presets
from vision.tokens import count_image

_SKIMAGE = importlib.util.find_spec("skimage")
assert _SKIMAGE
assert _SKIMAGE.submodule_search_locations
PHOTOS = Path(_SKIMAGE.submodule_search_locations[0]) / "data"


def start(*options: str, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    process = subprocess.Popen(tied("-m", "local", "--port", str(port), *options), env=os.environ | environment)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/healthz").status_code == 200:
                return process, url
        except httpx2.TransportError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the offline provider did not start")


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    process, url = start(TESSERA_ALLOW_PRIVATE_NETWORKS="true")
    yield url
    assert stop(process) in (0, -signal.SIGTERM)


@pytest.fixture
def client(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=240) as client:
        yield client


def data_url(name: str) -> str:
    return "data:image/png;base64," + base64.b64encode((PHOTOS / name).read_bytes()).decode()


def chat(preset: str, *urls: str, detail: str = "low") -> dict[str, Any]:
    chosen = presets.get(preset)
    images = [{"type": "image_url", "image_url": {"url": url, "detail": detail}} for url in urls]
    schema = {"name": preset, "strict": True, "schema": chosen.schema}
    return {
        "model": "tessera-local",
        "messages": [{"role": "user", "content": [{"type": "text", "text": chosen.render()}, *images]}],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def ask(client: httpx2.Client, preset: str, *urls: str, detail: str = "low") -> dict[str, Any]:
    """The answer, checked against the preset's own schema."""
    response = client.post("/v1/chat/completions", json=chat(preset, *urls, detail=detail))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = json.loads(response.json()["choices"][0]["message"]["content"])
    jsonschema.validate(answer, presets.get(preset).schema or {})
    return answer


@pytest.mark.parametrize("preset", NAMES)
@pytest.mark.parametrize("photo", ["coffee.png", "page.png", "horse.png", "hubble_deep_field.jpg"])
def test_every_served_preset_validates_on_every_photograph(client: httpx2.Client, preset: str, photo: str) -> None:
    ask(client, preset, data_url(photo))


def test_tags_are_what_the_classifier_sees(client: httpx2.Client) -> None:
    answer = ask(client, "product_tagging", data_url("coffee.png"))
    assert (answer["title"], answer["category"], answer["tags"]) == (
        "Espresso",
        "Food & drink > Espresso",
        ["espresso"],
    )
    assert answer["confidence"] == pytest.approx(0.95, abs=0.03)
    assert (answer["brand"], answer["attributes"]) == (None, [])


def test_nothing_is_claimed_of_what_is_not_recognised(client: httpx2.Client) -> None:
    answer = ask(client, "product_tagging", data_url("gravel.png"))
    assert (answer["title"], answer["category"], answer["tags"]) == ("", "", [])
    assert answer["description"].startswith("No object was recognised")
    assert answer["confidence"] < 0.2


def test_text_is_read_with_its_layout(client: httpx2.Client) -> None:
    answer = ask(client, "ocr", data_url("page.png"), detail="high")
    assert [block["kind"] for block in answer["blocks"]] == ["heading", "paragraph", "paragraph"]
    assert answer["text"].startswith(
        "# Region-based segmentation\n\nLet us first determine markers of the coins and the\n"
    )
    assert answer["blocks"][1]["text"].count("\n") == 4
    assert answer["confidence"] > 0.95


def test_harmless_photographs_pass_and_only_nudity_is_scored(client: httpx2.Client) -> None:
    answer = ask(client, "moderation", data_url("coffee.png"), data_url("astronaut.png"))
    assert (answer["flagged"], answer["action"]) == (False, "approve")
    assert {name for name, score in answer["categories"].items() if score is not None} == {"sexual", "nudity"}
    assert "Probably: espresso (0.95)." in answer["alt_text"]
    assert "Only nudity" in answer["rationale"]


def test_usage_follows_the_published_rule(client: httpx2.Client) -> None:
    for detail in ("low", "high"):
        body = chat("product_tagging", data_url("coffee.png"), data_url("rocket.jpg"), detail=detail)
        usage = client.post("/v1/chat/completions", json=body).json()["usage"]
        expected = sum(count_image("openai:gpt-4o", detail, *size).tokens for size in ((600, 400), (640, 427)))
        assert usage["prompt_tokens_details"]["image_tokens"] == expected
        assert usage["prompt_tokens"] > expected
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_the_official_sdk_at_both_doors(server: str) -> None:
    preset = presets.get("ocr")
    async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as sdk:
        chatted = await sdk.chat.completions.create(**chat("ocr", data_url("page.png")))
        content = [{"type": "input_image", "image_url": data_url("page.png"), "detail": "low"}]
        form = {"type": "json_schema", "name": "ocr", "strict": True, "schema": preset.schema}
        asked: Any = {"input": [{"role": "user", "content": content}], "text": {"format": form}}
        responded = await sdk.responses.create(model="tessera-local", instructions=preset.render(), **asked)
        with pytest.raises(openai.BadRequestError) as caught:
            await sdk.chat.completions.create(**chat("chart", data_url("page.png")))
        models = await sdk.models.list()
    assert chatted.choices[0].message.content == responded.output_text
    assert chatted.system_fingerprint == "classifiers-and-ocr-not-a-language-model-1"
    assert responded.usage is not None
    assert responded.usage.input_tokens > 85
    assert caught.value.code == "unsupported_task"
    assert [model.id for model in models.data] == ["tessera-local"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64,@@@@", "invalid_base64_image"),
        ("data:image/png;base64," + base64.b64encode(b"no image, just text").decode(), "image_parse_error"),
        ("data:image/png;base64," + base64.b64encode(b"GIF89a" + bytes(40)).decode(), "image_parse_error"),
        ("data:image/png;base64," + base64.b64encode(b"%PDF-1.7 and more").decode(), "invalid_image_format"),
        ("http://127.0.0.1:1/nobody-here.png", "invalid_image_url"),
        ("http://169.254.169.254/latest/meta-data", "invalid_image_url"),
        ("ftp://example.com/a.png", "invalid_image_url"),
    ],
)
def test_bad_images_are_told_and_do_no_harm(client: httpx2.Client, url: str, code: str) -> None:
    response = client.post("/v1/chat/completions", json=chat("moderation", url))
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert (response.json()["error"]["type"], response.json()["error"]["code"]) == ("invalid_request_error", code)
    assert response.headers["x-request-id"].startswith("req_")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_json"),
        ({"content": b"[]", "headers": {"content-type": "application/json"}}, 400, "invalid_json"),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "unsupported_content_type"),
        ({"json": {"model": "gpt-4o"}}, 400, "invalid_type"),
        ({"json": chat("moderation", "https://example.com/a.png") | {"model": "gpt-4o"}}, 404, "model_not_found"),
        ({"json": chat("moderation", data_url("horse.png"), detail="original")}, 400, "unsupported_detail"),
    ],
)
def test_bad_requests(client: httpx2.Client, send: dict[str, Any], status: int, code: str) -> None:
    response = client.post("/v1/chat/completions", **send)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_unknown_routes_answer_in_the_same_form(client: httpx2.Client) -> None:
    assert client.get("/v1/embeddings").json()["error"]["code"] == "unknown_route"
    assert client.get("/v1/chat/completions").status_code == 405


class _Photo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write((PHOTOS / "coffee.png").read_bytes())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as host:
        thread = threading.Thread(target=host.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{host.server_address[1]}/coffee.png"
        finally:
            host.shutdown()
            thread.join()


@pytest.fixture
def photo_url() -> Iterator[str]:
    with serving(_Photo) as url:
        yield url


def test_images_by_web_address(client: httpx2.Client, photo_url: str) -> None:
    assert ask(client, "product_tagging", photo_url)["title"] == "Espresso"


def test_private_addresses_are_refused_unless_allowed(photo_url: str) -> None:
    process, url = start()
    try:
        response = httpx2.post(f"{url}/v1/chat/completions", json=chat("moderation", photo_url), timeout=240)
    finally:
        stop(process)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_image_url")


def test_a_crowd_gets_answers_or_429_and_nothing_else() -> None:
    process, url = start("--places", "3", TESSERA_ALLOW_PRIVATE_NETWORKS="true")
    answers: list[httpx2.Response] = []
    refused = threading.Event()

    class LeasedItem(_Photo):
        """Those who have a place keep it until all others were refused."""

        def do_GET(self) -> None:
            refused.wait(120)
            super().do_GET()

    def one(photo: str) -> None:
        answers.append(httpx2.post(f"{url}/chat/completions", json=chat("product_tagging", photo), timeout=240))
        if len(answers) == 9:
            refused.set()

    try:
        with serving(LeasedItem) as photo:
            crowd = [threading.Thread(target=one, args=(photo,)) for _ in range(12)]
            for thread in crowd:
                thread.start()
            for thread in crowd:
                thread.join()
    finally:
        stop(process)
    assert [answer.status_code for answer in answers] == [429] * 9 + [200] * 3
    refusal = answers[0].json()["error"]
    assert (refusal["type"], refusal["code"]) == ("requests", "rate_limit_exceeded")
    assert "Please try again in" in refusal["message"]


def test_the_same_image_gives_the_same_answer_from_several_threads(client: httpx2.Client, server: str) -> None:
    alone = ask(client, "ocr", data_url("page.png"))
    answers: list[dict[str, Any]] = []

    def one() -> None:
        with httpx2.Client(base_url=server, timeout=240) as client:
            answers.append(ask(client, "ocr", data_url("page.png")))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 4


def test_every_model_loads_without_a_network() -> None:
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    code = (
        "from PIL import Image\nfrom local.tasks import NAMES, Tasks\n"
        "for name in NAMES: task = Tasks()[name]; print(task.answer([task.look(Image.new('RGB', (64, 64)))]))"
    )
    done = subprocess.run([unshare, "-rn", sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'confidence'") == 3


def test_other_than_loopback_addresses_are_refused() -> None:
    command = [sys.executable, "-m", "local", "--host", "0.0.0.0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "asks for no key" in done.stderr
