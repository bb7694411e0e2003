"""Entries → JSON lines, with uploads on the way."""

import threading
import time
from pathlib import Path

import orjson
import pytest

from cli.sources.manifests import ManifestEntry
from cli.sources.sending import in_blocks, in_query
from cli.sources.uploads import AHEAD, AT_ONCE, lines


def entry(number: int) -> ManifestEntry:
    return ManifestEntry("", {"custom_id": str(number), "images": [Path(f"{number}.jpg"), "https://x/y.jpg"]})


def test_lines_keep_their_order_and_name_the_uploads() -> None:
    def upload(path: Path) -> str:
        time.sleep(0.002 * (int(path.stem) % 3))
        return f"file_{path.stem}"

    told = [orjson.loads(line) for line in lines(map(entry, range(200)), upload)]
    assert told == [{"custom_id": str(n), "images": [f"file_{n}", "https://x/y.jpg"]} for n in range(200)]


def test_uploads_run_at_once_but_not_without_bound() -> None:
    running, most, lock, two = 0, 0, threading.Lock(), threading.Event()

    def upload(path: Path) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running > 1:
                two.set()
        two.wait(60)
        time.sleep(0.01)
        with lock:
            running -= 1
        return str(path)

    list(lines(map(entry, range(40)), upload))
    assert 1 < most <= AT_ONCE


def test_entries_are_read_only_so_far_ahead() -> None:
    read = 0

    def entries() -> object:
        nonlocal read
        for number in range(10_000):
            read += 1
            yield entry(number)

    next(lines(entries(), str))  # type: ignore[arg-type]  # the generator's type does not matter here
    assert read <= AHEAD + 1


def test_a_failed_upload_ends_it() -> None:
    def upload(path: Path) -> str:
        raise OSError(path)

    with pytest.raises(OSError, match="jpg"):
        list(lines(map(entry, range(100)), upload))


def test_blocks_hold_all_lines() -> None:
    given = [b"%d\n" % number * 1000 for number in range(300)]
    blocks = list(in_blocks(given))
    assert b"".join(blocks) == b"".join(given)
    assert 1 < len(blocks) < 10


def test_how_fields_travel_in_a_query() -> None:
    given = {"preset": "ocr", "priority": 3, "allow_unpriced": True, "models": ["a", "b"], "metadata": {"a": "é&="}}
    assert in_query(given) == {
        "preset": "ocr",
        "priority": "3",
        "allow_unpriced": "true",
        "models": "a,b",
        "metadata": '{"a":"é&="}',
    }
