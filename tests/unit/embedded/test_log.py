"""The merged log."""

import io
import os
from pathlib import Path

from embedded.log import MergedLog


def test_each_line_carries_its_process() -> None:
    stream = io.StringIO()
    log = MergedLog(stream)
    log("api", "one")
    log("worker12", "two")
    assert stream.getvalue() == "api      │ one\nworker12 │ two\n"


def test_goes_on_when_nobody_reads(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        log = MergedLog(stream)
        log("api", "lost")
        log("api", "lost too")


def test_a_reader_that_stops_holds_nobody_up_and_hears_how_much_it_missed() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        log = MergedLog(stream)
        for number in range(3_000):
            log("api", f"{number} " + "x" * 100)
        log("api", "y" * 100_000)
        kept = os.read(reader, 1_000_000).decode().splitlines()
        assert len(kept) < 1_000
        assert kept[-1].startswith(f"api      │ {len(kept) - 1} x")
        log("api", "again")
        log("api", "z" * 100_000)
        told, again, cut = os.read(reader, 1_000_000).decode().splitlines()
        assert told == f"tessera  │ Nobody read this log for a while: {3_001 - len(kept)} lines were dropped."
        assert again == "api      │ again"
        assert cut.startswith("api      │ zzz")
        assert cut.endswith("z …")
    os.close(reader)
