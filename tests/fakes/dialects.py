"""Servers that do not take every field: what they refuse, and in whose words.

`refuses`: paths of fields, or `path=value`; a list is passed through. `style`: whose error body it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.calls import Rejected


@dataclass
class Dialect:
    """What a server refuses."""

    refuses: list[str] = field(default_factory=list)
    style: str = "openai"

    def check(self, body: Any) -> None:
        """Rejected for the first field that is refused."""
        for rule in self.refuses:
            path, _, value = rule.partition("=")
            for found in _find(body, path.split(".")):
                if not value or found == value:
                    raise STYLES[self.style](path, value)


def _find(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _find(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _find(value[path[0]], path[1:])


def _openai(path: str, value: str) -> Rejected:
    if value:
        text = f"Unsupported value: '{path}' does not support '{value}' with this model."
        return Rejected(400, text, "unsupported_value", param=path)
    text = f"Unsupported parameter: '{path}' is not supported with this model."
    return Rejected(400, text, "unsupported_parameter", param=path)


def _fastapi(path: str, value: str) -> Rejected:
    error = Rejected(422, "", None)
    problem: dict[str, Any] = {"loc": ["body", *path.split(".")], "input": 1}
    if value:
        problem |= {"type": "literal_error", "msg": "Input should be 'text'", "ctx": {"expected": "'text'"}}
    else:
        problem |= {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}
    error.body = {"detail": [problem]}
    return error


def _google(path: str, value: str) -> Rejected:
    error = Rejected(400, "", None)
    name = path.rpartition(".")[2]
    text = f'Invalid value at "{name}": {value}' if value else f'Unknown name "{name}": Cannot find field.'
    text = f"Invalid JSON payload received. {text}"
    error.body = [{"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}]  # type: ignore[assignment] # a list, as it comes
    return error


def _relay(path: str, value: str) -> Rejected:
    """A 500 with the upstream's error as text inside."""
    error = Rejected(500, "", None)
    inner = f'{{"error": {{"message": "property \'{path}\' {value} is unsupported", "type": "invalid_request_error"}}}}'
    error.body = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": inner}}}
    return error


STYLES: dict[str, Callable[[str, str], Rejected]] = {
    "openai": _openai,
    "fastapi": _fastapi,
    "google": _google,
    "relay": _relay,
}
