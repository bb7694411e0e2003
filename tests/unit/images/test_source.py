"""Data URLs and uploaded files; URLs are in tests/integration/test_fetch.py."""

import base64
from pathlib import Path

import pytest

from tests.fakes import images
from vision.errors import ImageError, Retry
from vision.files.folder import Folder
from vision.images.fetch import Fetcher
from vision.images.source import Images
from vision.outbound.guard import Guard

NAME = "0123456789abcdef" * 2


def data_url(data: bytes, media_type: str = "image/jpeg") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
async def source(tmp_path: Path) -> Images:
    return Images(Fetcher(Guard(allow_private=False), max_bytes=500_000), Folder(tmp_path))


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "", "text/plain;charset=utf-8"])
async def test_data_urls_are_read_whatever_their_media_type(source: Images, media_type: str) -> None:
    url = data_url(images.jpeg(30, 20), media_type)
    assert await source.measure(url) == (30, 20)
    assert await source.load(url) == images.jpeg(30, 20)


ENCODED = base64.b64encode(images.jpeg(30, 20)).decode()


@pytest.mark.parametrize(
    "url",
    [
        "data:image/jpeg;base64," + "\r\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
        "DATA:IMAGE/JPEG;BASE64," + ENCODED,
        "data:image/jpeg;charset=utf-8;base64," + ENCODED,
        "data:image/jpeg;base64," + ENCODED.replace("+", "-").replace("/", "_"),
        "data:image/jpeg;base64," + ENCODED.rstrip("="),
        "data:image/jpeg;base64," + ENCODED.replace("+", "%2B").replace("=", "%3D"),
        "data:image/jpeg;base64, " + ENCODED + "\n",
    ],
)
async def test_data_urls_as_people_write_them(source: Images, url: str) -> None:
    assert await source.load(url) == images.jpeg(30, 20)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64,", "image_corrupt"),
        ("data:image/png;base64,@@@@", "image_corrupt"),
        ("data:image/png;base64,aGVsbG8=aGVsbG8=", "image_corrupt"),
        ("data:image/svg+xml,<svg/>", "image_unsupported"),
        ("data:", "image_unsupported"),
        (data_url(b"\xff\xd8\xff" + b"x" * 600_000), "image_too_large"),
        (data_url(images.animated("GIF")), "image_unsupported"),
    ],
)
async def test_bad_data_urls(source: Images, url: str, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        await source.measure(url)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data", [images.png(30, 20), images.jpeg(20, 30, orientation=6), images.gif(30, 20), images.webp(30, 20)]
)
async def test_files_are_measured_upright(source: Images, tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    assert await source.measure(f"file_{NAME}") == (30, 20)
    assert await source.load(f"file_{NAME}") == data


async def test_a_file_with_a_long_preamble_is_read_whole(source: Images, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(images.jpeg_with_segments(300_000))
    assert await source.measure(f"file_{NAME}") == (60, 40)


async def test_a_file_that_is_gone(source: Images) -> None:
    with pytest.raises(ImageError) as caught:
        await source.load(f"file_{NAME}")
    assert (caught.value.code, caught.value.retry) == ("image_unreachable", Retry.NEVER)


async def test_a_file_over_the_limit(source: Images, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"\xff\xd8\xff" + b"x" * 600_000)
    with pytest.raises(ImageError) as caught:
        await source.measure(f"file_{NAME}")
    assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("name", ["file_../../etc/passwd", "/etc/passwd", "file_" + "A" * 32, "file:///etc/passwd"])
async def test_nothing_else_names_a_file(source: Images, name: str) -> None:
    with pytest.raises(ImageError) as caught:
        await source.load(name)
    assert caught.value.code == "image_blocked"
