"""The fake image host and webhook receiver, and how fakes live and die."""

import base64
import io
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook

from tests.fakes import ROOT, FakeProcess, start


@pytest.fixture(scope="module")
def host() -> Iterator[FakeProcess]:
    with start("image_host") as process:
        yield process


def fetch(url: str, **headers: str) -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as reply:
            return reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_images_are_real(host: FakeProcess) -> None:
    for suffix in ("jpg", "png", "webp", "gif"):
        status, data, _ = fetch(f"{host.url}/321x123/a.{suffix}")
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert (status, image.size) == (200, (321, 123))
    with Image.open(io.BytesIO(fetch(f"{host.url}/rotated.jpg")[1])) as image:
        assert (image.size, image.getexif()[0x0112]) == ((640, 480), 6)
    with Image.open(io.BytesIO(fetch(f"{host.url}/animated.gif")[1])) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]  # a GIF's
    with Image.open(io.BytesIO(fetch(f"{host.url}/cmyk.jpg")[1])) as image:
        assert image.mode == "CMYK"
    with Image.open(io.BytesIO(fetch(f"{host.url}/corrupt.jpg")[1])) as image, pytest.raises(OSError, match="broken"):
        image.load()


def test_ranges_and_troubles(host: FakeProcess) -> None:
    host.post("/_/reset")
    url = f"{host.url}/640x480/a.jpg"
    whole = fetch(url)[1]
    status, part, headers = fetch(url, Range="bytes=10-29")
    assert (status, part, headers["content-range"]) == (206, whole[10:30], f"bytes 10-29/{len(whole)}")
    assert fetch(url, Range="bytes=-5")[1] == whole[-5:]
    assert fetch(url, Range="bytes=99999999-")[0] == 416
    assert [fetch(f"{host.url}/status/{code}/x.jpg")[0] for code in (404, 500)] == [404, 500]
    assert [fetch(f"{host.url}/flaky/1/64x64/x.jpg")[0] for _ in range(2)] == [503, 200]
    assert fetch(f"{host.url}/redirect/3")[0] == 200
    assert fetch(f"{host.url}/redirect-to?url=/page.html")[2]["content-type"] == "text/html"
    with pytest.raises(ConnectionResetError):
        fetch(f"{host.url}/reset/a.jpg")
    assert [hit["status"] for hit in host.get("/_/log")["hits"]][:4] == [200, 206, 206, 416]


def test_webhooks_are_verified_and_scripted() -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    with start("webhook_receiver") as receiver:
        receiver.post("/_/secret", {"secret": secret})
        receiver.post("/_/script", [500, {"status": 503, "headers": {"retry-after": "7"}}])
        body = b'{"type":"job.succeeded"}'
        now = datetime.now(UTC)
        signed = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign("evt_1", now, body.decode()),
        }
        codes = []
        for headers in (signed, signed, signed, {}):
            request = urllib.request.Request(f"{receiver.url}/hook", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    codes.append(reply.status)
            except urllib.error.HTTPError as error:
                error.close()
                codes.append(error.code)
        assert codes == [500, 503, 200, 400]
        seen = receiver.get("/_/deliveries")
        assert [one["verified"] for one in seen] == [True, True, True, False]
        assert (seen[0]["json"]["type"], seen[0]["headers"]["webhook-id"]) == ("job.succeeded", "evt_1")


def test_a_fake_dies_with_its_parent() -> None:
    code = "from tests.fakes import start; import os; print(start('webhook_receiver').process.pid); os._exit(0)"
    parent = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    deadline = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):  # noqa: PT012  (gone at some moment soon)
        while time.monotonic() < deadline:
            os.kill(int(parent.stdout), 0)
            time.sleep(0.05)
