"""Ranges of downloads: one part, or all where the header is not understood."""

import pytest

from api.byte_range import requested

ALL = {"accept-ranges": "bytes", "content-length": "10"}


@pytest.mark.parametrize(
    ("header", "start", "stop", "shown"),
    [
        ("bytes=0-3", 0, 4, "bytes 0-3/10"),
        ("bytes=4-", 4, 10, "bytes 4-9/10"),
        ("bytes=4-99", 4, 10, "bytes 4-9/10"),
        ("bytes=-3", 7, 10, "bytes 7-9/10"),
        ("bytes= 9 - 9", 9, 10, "bytes 9-9/10"),
    ],
)
def test_a_part(header: str, start: int, stop: int, shown: str) -> None:
    part = requested(header, 10)
    assert (part.start, part.stop, part.status) == (start, stop, 206)
    assert part.headers["content-range"] == shown
    assert part.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-3", "bytes=0-9", "bytes=-10"]
)
def test_all_of_it(header: str | None) -> None:
    part = requested(header, 10)
    assert (part.status, part.headers) == (200, ALL)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=999999999999999999-", "bytes=-0"])
def test_nothing_is_there(header: str) -> None:
    part = requested(header, 10)
    assert (part.status, part.headers["content-range"], part.headers["content-length"]) == (416, "bytes */10", "0")


def test_an_empty_file_is_all_there_is() -> None:
    assert requested("bytes=0-", 0).status == requested(None, 0).status == 200
