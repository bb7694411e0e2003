"""Sizes of pictures on this machine."""

import os
from pathlib import Path

import pytest

from cli.sources import local_sizes
from tests.fakes import images
from vision.errors import ImageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "picture"


@pytest.mark.parametrize(
    "data",
    [
        images.png(),
        images.jpeg_with_segments(100_000),  # found in the second reading
        images.jpeg_with_segments(500_000),  # and in the third
        images.jpeg()[:-2] + bytes(300_000),  # a file that goes on is not looked at to its end
    ],
)
def test_wherever_the_header_ends(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert local_sizes.read(path) == (60, 40)


@pytest.mark.parametrize("turn", range(1, 9))
def test_upright(path: Path, turn: int) -> None:
    path.write_bytes(images.jpeg(orientation=turn))
    assert local_sizes.read(path) == ((60, 40) if turn < 5 else (40, 60))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image_corrupt"),
        (images.png()[:-20], "image_corrupt"),
        (b"\xff\xd8\xff" + bytes(400_000), "image_corrupt"),
        (b"%PDF-1.7 and more of it", "image_unsupported"),
        (images.bomb_png(), "image_too_large"),
    ],
)
def test_no_picture(path: Path, data: bytes, code: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        local_sizes.read(path)
    assert caught.value.code == code


def test_no_file(path: Path) -> None:
    with pytest.raises(ImageError, match="No such file") as caught:
        local_sizes.read(path)
    assert caught.value.code == "image_unreachable"


def test_only_the_beginning_is_read(path: Path) -> None:
    with path.open("wb") as file:
        file.write(images.jpeg())
        os.truncate(file.fileno(), 64 * 1024**3)  # sparse: reading all of it would take minutes
    assert local_sizes.read(path) == (60, 40)
