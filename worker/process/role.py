"""Which work a worker process takes: lanes and phases, by its settings."""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from vision.errors import ConfigurationError
from vision.jobs.wake_ups import Task

PHASES = {"measure": Task.MEASURE, "dispatch": Task.DISPATCH, "deliver": Task.DELIVER}


@dataclass(frozen=True)
class Role:
    """Lanes by patterns, phases by their tasks. To look for stopped jobs and to sweep is every worker's duty."""

    lanes: tuple[str, ...] = ("*",)
    phases: frozenset[Task] = frozenset(PHASES.values())

    @classmethod
    def of(cls, lanes: str, phases: str, offered: Collection[str]) -> Self:
        """The role by both settings, which are lists with commas. ConfigurationError where one cannot be meant."""
        patterns, names = _listed(lanes), _listed(phases)
        if unknown := [name for name in names if name not in PHASES]:
            raise ConfigurationError(
                f"TESSERA_WORKER_PHASES names {', '.join(unknown)}; there are {', '.join(PHASES)}."
            )
        if not names or not patterns:
            raise ConfigurationError("TESSERA_WORKER_PHASES and TESSERA_WORKER_LANES must name something, or be unset.")
        for pattern in patterns:
            if pattern != "*" and not any(fnmatchcase(lane, pattern) for lane in offered):
                raise ConfigurationError(
                    f"TESSERA_WORKER_LANES: no lane is like {pattern!r}. Offered: {', '.join(offered) or 'none'}."
                )
        return cls(tuple(patterns), frozenset(PHASES[name] for name in names))

    def takes(self, task: Task, lane: str = "") -> bool:
        """Whether this work is ours. Deliveries have no lane."""
        return task is Task.LOOK or (task in self.phases and (not lane or self._has(lane)))

    def count(self, offered: Collection[str]) -> int:
        """How many of these lanes are ours."""
        return sum(self._has(lane) for lane in offered)

    def _has(self, lane: str) -> bool:
        return any(fnmatchcase(lane, pattern) for pattern in self.lanes)


def _listed(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]
