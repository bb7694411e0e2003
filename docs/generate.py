"""Writes docs/reference from the code; with `--check` writes nothing and names what has drifted or leads nowhere.

It needs no servers and looks at no environment: the same code gives the same pages everywhere.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from generators import api, cli, errors, links, settings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.page,
    "cli.md": cli.page,
    "errors.md": lambda: errors.page(ROOT),
    "api.md": api.page,
    "openapi.json": api.document,
}


def main(arguments: list[str]) -> int:
    """The exit code: 1 if anything has drifted, leads nowhere or is not described."""
    if arguments not in ([], ["--check"]):
        click.echo("Usage: docs/generate.py [--check]", err=True)
        return 2
    problems = [*errors.undescribed(ROOT), *settings.undescribed()] or (_drifted() if arguments else _write())
    problems += links.broken(ROOT)
    for problem in problems:
        click.echo(problem, err=True)
    return 1 if problems else 0


def _write() -> list[str]:
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
    return []


def _drifted() -> list[str]:
    return [f"docs/reference/{name} has drifted from the code. Run `make docs`." for name in PAGES if _differs(name)]


def _differs(name: str) -> bool:
    path = REFERENCE / name
    return not path.is_file() or path.read_text(encoding="utf-8") != PAGES[name]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
