"""Finds every error code in the source: a `code=` or a class's `code`, and its place."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("api", "embedded", "vision", "worker")
POSITIONS = {
    "Detail": 0,
    "ItemProblem": 0,
    "BadRow": 1,
    "Failure": 1,
    "violation": 1,
    "_note": 1,
    "response": 2,
    "problem": 1,
    "Unfit": 0,
}
"""Calls that take their code by position."""


@dataclass(frozen=True)
class Found:
    """A code, the class (or function) that carries it, and `file:line`."""

    code: str
    carrier: str
    place: str


def found(root: Path) -> list[Found]:
    """All codes of the service, in the order of the files."""
    files = (file for package in PACKAGES for file in sorted((root / package).rglob("*.py")))
    return [one for file in files for one in _in_file(file, str(file.relative_to(root)))]


def _in_file(file: Path, name: str) -> Iterator[Found]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            carrier = ast.unparse(node.func).rpartition(".")[2]
            yield from (Found(code, carrier, f"{name}:{node.lineno}") for code in _of_call(node, carrier))
        elif isinstance(node, ast.ClassDef):
            yield from (Found(code, node.name, f"{name}:{node.lineno}") for code in _of_class(node))


def _of_call(call: ast.Call, carrier: str) -> Iterator[str]:
    position = POSITIONS.get(carrier)
    values = [keyword.value for keyword in call.keywords if keyword.arg in {"code", "error_code"}]
    if position is not None and len(call.args) > position:
        values.append(call.args[position])
    yield from (text for value in values if (text := _text(value)))


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["code"]:
            yield from filter(None, [_text(statement.value)])


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
