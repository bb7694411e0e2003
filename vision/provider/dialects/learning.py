"""A dialect that changes with the refusals of its server."""

from collections import defaultdict
from typing import NamedTuple

from vision.kinds import Dialect
from vision.provider.call_result import CallResult
from vision.provider.catalogue import Lane
from vision.provider.dialects.refused import next_value, refused_setting
from vision.provider.failures import Then

MOST_CHANGES = 16
"""A server that wants now this and now that is not followed for ever."""


class Change(NamedTuple):
    """A setting that was refused, its value, and the one that is tried instead. `known`: an earlier call taught it."""

    setting: str
    value: str
    new: str
    known: bool = False


class Learning:
    """The dialect of a lane: what is stated stays, the rest follows the refusals."""

    def __init__(self, lane: Lane) -> None:
        self.current = lane.provider.dialect
        self.learnable = frozenset(lane.kind.settings) - lane.provider.stated
        self._kind = lane.kind
        self._tried: defaultdict[str, set[str]] = defaultdict(set)
        self._changes = 0

    def take_over(self, settings: dict[str, str]) -> None:
        """Use what was learned elsewhere."""
        self.current = self.current.with_({name: settings[name] for name in settings.keys() & self.learnable})

    def accepted(self) -> None:
        """A call was taken: every value may be tried again if the server changes its mind."""
        self._tried.clear()

    def hear(self, spoken: Dialect, called: CallResult) -> Change | None:
        """Follow the refusal of a call in this dialect; None: it is about something else, or nothing is left to try."""
        if called.failure is None or called.said is None or called.failure.then not in _ABOUT_THE_REQUEST:
            return None
        status = called.said.status or called.failure.status or 0
        refused = refused_setting(self._kind, spoken, 400 if status == 200 else status, called.said)
        if refused is None or refused.setting not in self.learnable:
            return None
        now = getattr(self.current, refused.setting)
        if now != refused.value:
            return Change(*refused, now, known=True)
        return self._change(*refused)

    def _change(self, setting: str, value: str) -> Change | None:
        self._tried[setting].add(value)
        new = next_value(self._kind, setting, self._tried[setting])
        if new is None or self._changes >= MOST_CHANGES:
            return None
        self._changes += 1
        self.current = self.current.with_({setting: new})
        return Change(setting, value, new)


_ABOUT_THE_REQUEST = frozenset((Then.NEVER, Then.LATER, Then.UNCLEAR))
