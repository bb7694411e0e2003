"""List envelopes and times on the wire, alike for all objects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel


class Listed(BaseModel):
    """An object that can be listed: its public id is the cursor of the next page."""

    id: str


class Deleted(Listed):
    """What is left of an object that was deleted."""

    object: str
    deleted: Literal[True] = True


Object = TypeVar("Object", bound=Listed)


class Page(BaseModel, Generic[Object]):
    """A part of a list; `after=last_id` asks for the next one."""

    object: Literal["list"] = "list"
    data: list[Object]
    first_id: str | None
    last_id: str | None
    has_more: bool
    url: str


def page(objects: Sequence[Object], limit: int, url: str) -> Page[Object]:
    """A list envelope; `objects` holds one more than `limit` when there is a next page."""
    shown = list(objects[:limit])
    first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
    return Page(data=shown, first_id=first, last_id=last, has_more=len(objects) > limit, url=url)


def unix(moment: datetime | None) -> int | None:
    """Seconds since 1970."""
    return None if moment is None else int(moment.timestamp())
