"""Image sizes counted a second, singly and in a batch; and sixteen images counted by other libraries, too."""

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures.figure import Figure, median_figure
from benchmarks.figures.report import Grid, Report
from vision.errors import ImageError
from vision.tokens import count_image, find_rule
from vision.tokens.fit import NO_FIT, Fit
from vision.tokens.many import count_many

REFERENCES = Path(__file__).parent / "references"
PACKAGES = Path(__file__).parents[1] / ".venv" / "compared"

KINDS = {
    "patches with a budget": ("gpt-5.4", "high"),
    "patches without": ("gpt-5.6-luna", "original"),
    "tiles": ("gpt-4o-mini", "high"),
}
FITS = {"count_many": NO_FIT, "count_many, fit snap": Fit("snap"), "count_many, fit max": Fit("max", 1024)}
LONGEST = 4096
"""Sides are drawn from 1 to this; no image of that size is over the limit of 30,000 patches, so none is refused."""
LOOP = 50_000
"""Sizes in the plain loop: enough to time, and each of them is compared with what the batch says."""
RUNS = 5
SEED = 20261122


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--sizes", type=int, default=1_000_000, help="tokens: image sizes in a batch")


def run(chosen: argparse.Namespace) -> Report:
    """Speed by kind of rule, then the side-by-side."""
    sizes = max(chosen.sizes, LOOP)
    report = Report("tokens", f"Image tokens: {sizes:,} random sizes up to {LONGEST}x{LONGEST}, one core")
    sides = np.random.default_rng(SEED).integers(1, LONGEST, (2, sizes), endpoint=True)
    for kind, (model, detail) in KINDS.items():
        _speed(report, f"{kind}: {model} {detail}", find_rule(model), detail, sides)
    report.notes.append("Per second of CPU of this process, which is one core's second: others' work does not count.")
    _compare(report)
    return report


def _speed(report: Report, group: str, rule: str, detail: str, sides: Any) -> None:
    widths, heights = sides[:, :LOOP].tolist()
    counted: list[int] = []

    def loop() -> None:
        counted[:] = [count_image(rule, detail, *size).tokens for size in zip(widths, heights, strict=True)]

    plain = median_figure(group, "count_image in a loop", [_rate(loop, LOOP) for _ in range(RUNS)], "sizes/s")
    report.figures.append(plain)
    for name, fit in FITS.items():
        goal = {} if fit.kind != "none" else {"at_least": 1_000_000.0}
        rates = [_rate(lambda fit=fit: count_many(rule, detail, *sides, fit), sides.shape[1]) for _ in range(RUNS)]
        report.figures.append(median_figure(group, name, rates, "sizes/s", **goal))
        if fit == NO_FIT:
            report.figures.append(Figure(group, "times the loop", report.figures[-1].value / plain.value, "x"))
    odd = int((count_many(rule, detail, *sides[:, :LOOP]) != np.array(counted)).sum())
    report.figures.append(Figure(group, f"differences in {LOOP:,}", odd, at_most=0.0))


def _rate(work: Callable[[], object], sizes: int) -> float:
    started = time.process_time()
    work()
    return sizes / (time.process_time() - started)


def _compare(report: Report) -> None:
    cases = tomllib.loads(REFERENCES.joinpath("published.toml").read_text("utf-8"))["case"]
    published = [case["tokens"] for case in cases]
    columns = {f"tessera {version('tessera')}": [_count(case) for case in cases], **_others(report, cases)}
    for index, (name, counts) in enumerate(columns.items()):
        exact = sum(found == tokens for found, tokens in zip(counts, published, strict=True))
        goal = {} if index else {"at_least": float(len(cases))}
        report.figures.append(Figure("cases exactly right", name, exact, f"of {len(cases)}", **goal))
    names = [f"{case['model']} {case['detail']} {case['size'][0]}x{case['size'][1]}" for case in cases]
    rows = zip(names, published, *columns.values(), strict=True)
    header = ["tokens of one image", "provider", *columns]
    report.grids.append(Grid("Side by side", header, [[str(cell) for cell in row] for row in rows]))


def _count(case: dict[str, Any]) -> int | str:
    try:
        return count_image(find_rule(case["model"]), case["detail"], *case["size"]).tokens
    except ImageError:
        return "rejected"


def _others(report: Report, cases: list[dict[str, Any]]) -> dict[str, list[int | str]]:
    """Each library's counts, by its name and version; none if they are not installed."""
    if not (PACKAGES.is_dir() and PACKAGES.with_name(".compared").is_file()):  # the mark of a finished installation
        report.notes.append("Other libraries are not installed: run `make .venv/.compared`, then this again.")
        return {}
    command = [sys.executable, "-I", "-S", str(REFERENCES / "compared.py"), str(PACKAGES)]
    found = json.loads(
        subprocess.run(command, input=json.dumps(cases), stdout=subprocess.PIPE, text=True, check=True).stdout
    )
    report.figures.append(Figure("other libraries", "connections tried", len(found["network"]), at_most=0.0))
    return {f"{library['name']} {library['version']}": library["counts"] for library in found["libraries"]}
