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
