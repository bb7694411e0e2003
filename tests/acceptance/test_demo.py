"""`tessera demo`: what a newcomer sees first."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import available

HAS_PHOTOGRAPHS = importlib.util.find_spec("skimage") is not None
pytestmark = pytest.mark.skipif(
    not (available() and HAS_PHOTOGRAPHS), reason="needs the extra `local` and the photographs"
)


def demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "demo"],
        cwd=folder,
        env=os.environ | {"TESSERA_DATA_DIR": str(folder), "COLUMNS": "160"} | environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.long
def test_it_runs_from_nothing_and_again(open_folder: Path) -> None:
    folder = open_folder / "demo-run"
    folder.mkdir(mode=0o711)
    for _ in range(2):
        shown = demo(folder)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        for word in (
            "moderation",
            "ocr",
            "product_tagging",
            "astronaut.png",
            "page.png",
            "Region-based segmentation",
            "approve",
            "$0.00",
        ):
            assert word in shown.stdout
        assert shown.stdout.count("signature verified") == 3
        assert (folder / "demo" / "admin_key").read_text().strip() not in shown.stdout


def test_failure_ends_with_the_log(open_folder: Path) -> None:
    folder = open_folder / "demo-blocked"
    (folder / "demo").mkdir(parents=True)
    (folder / "demo" / "servers").write_text("in the way")
    shown = demo(folder)
    assert shown.returncode == 1
    assert "service.log" in shown.stderr
