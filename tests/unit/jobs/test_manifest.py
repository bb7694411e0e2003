"""Manifest lines: what is taken, and what is refused with the line's number."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import Detail, InvalidRequest
from vision.jobs.manifest import ItemOrder, read_item, read_line

URL = "https://cdn.example.com/a.jpg"
FILE = "file_" + "0" * 32
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def line(**fields: Any) -> bytes:
    return orjson.dumps(fields)


def refusal(raw: bytes, number: int = 12) -> Detail:
    with pytest.raises(InvalidRequest, match=rf"^Line {number}: ") as caught:
        read_line(raw, number)
    assert caught.value.code == "invalid_manifest_line"
    (detail,) = caught.value.details
    assert (detail.line, detail.message) == (number, caught.value.message)
    assert len(detail.message) < 400
    return detail


def test_the_least_that_a_line_needs():
    assert read_line(line(image=URL), 7) == ItemOrder("7", [URL])


def test_everything_that_a_line_may_say():
    fields = {"custom_id": "sku-1", "metadata": {"shop": "Köln"}, "width": 800, "height": 600}
    assert read_line(line(images=[URL, PIXEL, FILE], **fields), 1) == ItemOrder(
        "sku-1", [URL, PIXEL, FILE], {"shop": "Köln"}, 800, 600
    )


def test_null_is_as_good_as_absent():
    nothing = dict.fromkeys(("custom_id", "images", "metadata", "width", "height"))
    assert read_line(line(image=URL, **nothing), 3) == ItemOrder("3", [URL])


def test_a_byte_order_mark_is_tolerated_on_the_first_line():
    assert read_line(b"\xef\xbb\xbf" + line(image=URL), 1).images == [URL]
    assert refusal(b"\xef\xbb\xbf" + line(image=URL), 2).code == "invalid_json"


@pytest.mark.parametrize(
    "image",
    [
        "http://example.com",
        "HTTPS://example.com/ä?x=1#y",
        "https://[2001:db8::1]:8443/a.png",
        "data:image/svg+xml;charset=utf-8;base64,AAAA",
        "https://example.com/" + "x" * 8_000,
        "data:image/png;base64," + "A" * 1_000_000,
    ],
)
def test_sources(image: str):
    assert read_line(line(image=image), 1).images == [image]


@pytest.mark.parametrize(
    "image",
    [
        "",
        "a.jpg",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "https://",
        "https:///a.jpg",
        "https://example.com/a b.jpg",
        "https://example.com/\n",
        "https://example.com/\0",
        "https://example.com/" + "x" * 9_000,
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,",
        "data:image/png;base64,Ä",
        "data:image/png;base64,A\0",
        "file_123",
        "file_" + "0" * 33,
        "FILE_" + "0" * 32,
        5,
        {},
    ],
)
def test_sources_that_are_refused(image: object):
    detail = refusal(line(image=image))
    assert (detail.code, detail.param) == ("invalid_image", "image")


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"", "blank_line", "blank"),
        (b" \t", "blank_line", "blank"),
        (b"{", "invalid_json", "column 2"),
        (b'{"image": "\xff"}', "invalid_encoding", "byte 12 is not UTF-8"),
        (b'{"image": "a\0"}', "nul_character", "NUL"),
        (b'{"image": "\\ud800"}', "invalid_json", "surrogate"),
        (b"[]", "not_an_object", "object"),
        (b'"https://example.com/a.jpg"', "not_an_object", "object"),
        (b"https://example.com/a.jpg", "invalid_json", "JSON"),
        (b"{}", "missing_image", "image"),
        (line(image=URL, images=[URL]), "missing_image", "either"),
        (line(images=[]), "invalid_field", "1 to 20"),
        (line(images=[URL] * 21), "invalid_field", "1 to 20"),
        (line(images=URL), "invalid_field", "list"),
        (line(images=[URL, "x"]), "invalid_image", "'x'"),
        (line(image=URL, url=URL, Width=3), "unknown_field", "'Width', 'url'"),
        (line(image=URL, custom_id=""), "invalid_field", "custom_id"),
        (line(image=URL, custom_id=5), "invalid_field", "custom_id"),
        (line(image=URL, custom_id="x" * 513), "invalid_field", "512"),
        (line(image=URL, custom_id="a\nb"), "invalid_field", "control"),
        (line(image=URL, metadata=[]), "invalid_field", "object"),
        (line(image=URL, metadata={"a": "x" * 16_384}), "invalid_field", "16,384 bytes"),
        (line(image=URL, metadata={"a": "\0"}), "nul_character", "NUL"),
        (line(image=URL, metadata={"\0": 1}), "nul_character", "NUL"),
        (line(image=URL, width=5), "invalid_field", "together"),
        (line(image=URL, height=5), "invalid_field", "together"),
        (line(image=URL, width=0, height=5), "invalid_field", "65,535"),
        (line(image=URL, width=5, height=65_536), "invalid_field", "65,535"),
        (line(image=URL, width=True, height=True), "invalid_field", "whole"),
        (line(image=URL, width=5.5, height=5), "invalid_field", "whole"),
    ],
)
def test_lines_that_are_refused(raw: bytes, code: str, words: str):
    detail = refusal(raw)
    assert detail.code == code
    assert words in detail.message


def test_an_escaped_backslash_is_no_nul():
    assert read_line(line(image=URL, metadata={"path": "C:\\u0000"}), 1).metadata == {"path": "C:\\u0000"}


def test_an_inline_item_is_read_by_the_same_rules():
    assert read_item({"image": URL}, 2) == ItemOrder("2", [URL])
    with pytest.raises(InvalidRequest, match=r"^Item 2: give either image"):
        read_item({}, 2)


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"a": 2**70}, {"a": object()}])
def test_inline_metadata_must_be_storable(metadata: dict[str, Any]):
    with pytest.raises(InvalidRequest, match="cannot be stored"):
        read_item({"image": URL, "metadata": metadata}, 1)


def test_a_deep_image_is_refused_calmly():
    assert refusal(b'{"image":' + b"[" * 1000 + b"]" * 1000 + b"}").code == "invalid_image"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes):
    with contextlib.suppress(InvalidRequest):
        read_line(raw, 1)
