"""Tells from a refusal which field of a request a server does not take, by the table refusals.toml."""

import re
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from vision.kinds import Dialect, Kind
from vision.provider.failures.said import Said


class Refused(NamedTuple):
    """A setting of the dialect whose value a server refused."""

    setting: str
    value: str


def refused_setting(kind: Kind, dialect: Dialect, status: int, said: Said) -> Refused | None:
    """The first setting of this kind whose present value is refused; None if the refusal is about something else."""
    table = _table()
    text = _text(said)
    if status not in table["statuses"] or any(word in text for word in table["never"]["words"]):
        return None
    for row in table["row"]:
        setting, value = row["setting"], row["value"]
        if setting in kind.settings and getattr(dialect, setting) == value and _names(row, text, said):
            return Refused(setting, value)
    return None


def next_value(kind: Kind, setting: str, tried: Collection[str]) -> str | None:
    """The next value of a setting that was not tried yet; None: nothing is left."""
    return next((value for value in kind.settings[setting] if value not in tried), None)


def _names(row: Mapping[str, Any], text: str, said: Said) -> bool:
    """Whether the refusal names the field, and does not only complain of its value."""
    if any(word in text for word in row.get("but", ())):
        return False
    if any(word in text for word in row.get("words", ())):
        return True
    return any(_quoted(name, text) or _placed(name, said) for name in row.get("fields", ()))


def _quoted(name: str, text: str) -> bool:
    """A short name counts in quotes, at the end of a path, or as a parameter; not as a word of a sentence."""
    escaped = re.escape(name)
    return bool(
        re.search(rf"[\"'`.]{escaped}[\"'`]|\.{escaped}\b", text)
        or re.search(rf"\b(parameter|field|argument|property|name|key|option)s?:? {escaped}\b", text)
        or re.search(rf"\b{escaped}: extra", text)
    )


def _placed(name: str, said: Said) -> bool:
    return any(re.split(r"[.\[\]]+", place.lower().rstrip("]"))[-1] == name for place in said.places)


def _text(said: Said) -> str:
    return f"{' '.join(said.codes)} {' '.join(said.places)} {said.message[:3_000]}".lower()


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("refusals.toml").read_text(encoding="utf-8"))
