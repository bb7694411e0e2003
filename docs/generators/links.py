"""Checks relative links of every Markdown page: the file and the heading must exist."""

import re
from collections.abc import Iterator
from pathlib import Path

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)
_OUTSIDE = ("http:", "https:", "mailto:")


def broken(root: Path) -> list[str]:
    """One line for each broken link."""
    return [problem for page in _pages(root) for problem in _broken(page, root)]


def _pages(root: Path) -> list[Path]:
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def _broken(page: Path, root: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(_OUTSIDE):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists():
            yield f"{page.relative_to(root)}: {link} leads nowhere."
        elif anchor and anchor not in _anchors(target):
            yield f"{page.relative_to(root)}: {target.name} has no heading #{anchor}."


def _anchors(page: Path) -> set[str]:
    """Headings as GitHub makes anchors of them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
