"""Writes the pages that are generated from the code; `--check` only names outdated pages and broken links.

It needs no servers and reads no environment: the same code gives the same pages everywhere.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from generators import api, cli, errors, image_tokens, links, settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

PAGES: dict[str, Callable[[], str]] = {
    "image-tokens.md": image_tokens.page,
    "reference/settings.md": settings.page,
    "reference/cli.md": cli.page,
    "reference/errors.md": lambda: errors.page(ROOT),
    "reference/api.md": api.page,
    "reference/openapi.json": api.document,
}
"""By their path in docs."""


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a page is outdated, a link is broken, or a code is not described."""
    if arguments not in ([], ["--check"]):
        click.echo("Usage: docs/generate.py [--check]", err=True)
        return 2
    problems = [*errors.undescribed(ROOT), *settings.undescribed()] or (_drifted() if arguments else _write())
    problems += links.broken(ROOT)
    for problem in problems:
        click.echo(problem, err=True)
    return 1 if problems else 0


def _write() -> list[str]:
    for name, page in PAGES.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")
    return []


def _drifted() -> list[str]:
    return [f"docs/{name} has drifted from the code. Run `make docs`." for name in PAGES if _differs(name)]


def _differs(name: str) -> bool:
    path = DOCS / name
    return not path.is_file() or path.read_text(encoding="utf-8") != PAGES[name]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
