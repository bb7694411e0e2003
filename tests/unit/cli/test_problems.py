"""Error responses → messages."""

import httpx2
import pytest

from cli.commands.keys import SCOPES
from cli.problems import Problem, Unreachable, refused, unreachable
from vision.storage.keys import Scope

BODY = {
    "detail": "The items are wrong.",
    "error": {
        "message": "The items are wrong.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_manifest",
    },
    "errors": [{"line": 12, "code": "missing_image", "message": "Line 12: give either image or images."}],
}


def test_message_code_and_lines() -> None:
    problem = refused(httpx2.Response(400, json=BODY), lambda line: f"cats.csv, line {line + 1}")
    assert problem.message.splitlines() == [
        "The items are wrong. [invalid_manifest]",
        "  cats.csv, line 13: give either image or images. [missing_image]",
    ]
    assert problem.exit_code == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b'{"error": "no"}'])
def test_any_other_body_still_tells_the_status(content: bytes) -> None:
    assert "500 Internal Server Error" in refused(httpx2.Response(500, content=content)).message


def test_a_wrong_key_says_what_to_set() -> None:
    assert "TESSERA_API_KEY" in refused(httpx2.Response(401)).message


def test_a_service_that_starts_counts_as_away() -> None:
    assert isinstance(refused(httpx2.Response(503)), Unreachable)


def test_nothing_listens() -> None:
    here = unreachable("http://127.0.0.1:8000", httpx2.ConnectError("refused"))
    assert here.exit_code == 3
    assert "tessera up" in here.message
    assert "tessera up" not in unreachable("https://tessera.example", httpx2.ConnectError("refused")).message


def test_details_are_cut_short() -> None:
    assert Problem("No.", details=map(str, range(100))).message.endswith("… and 80 more")


def test_the_scopes_are_the_services() -> None:
    assert set(SCOPES) == set(Scope)
