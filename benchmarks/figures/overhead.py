"""The runs of the benchmark `overhead`, and their figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.figures.figure import Figure, median_figure
from benchmarks.figures.report import Report

GOAL_RATE, GOAL_CPU, GOAL_TIMES, GOAL_MEMORY = 400.0, 2.0, 4.0, 250.0


@dataclass(frozen=True)
class Run:
    """Items done by one program."""

    items: int
    seconds: float
    cpu_seconds: dict[str, float]
    others: float = 0.0

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    def cpu(self, *groups: str) -> float:
        """Milliseconds an item."""
        return sum(self.cpu_seconds[group] for group in groups) * 1000 / self.items


@dataclass
class Rounds:
    """The same items by every program, in turns; memory is each worker's peak in MB."""

    tessera: list[Run] = field(default_factory=list)
    aiohttp: list[Run] = field(default_factory=list)
    sdk: list[Run] = field(default_factory=list)
    celery: list[Run] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    celery_memory: list[float] = field(default_factory=list)


def show_ours(report: Report, group: str, runs: list[Run], peaks: list[float], *, goals: bool) -> None:
    all_ours = ("worker", "postgres", "valkey")
    names = {"worker": "worker", "database": "postgres", "broker": "valkey", "API": "api"}
    report.figures += [
        _median(group, "end to end", runs, lambda one: one.rate, "items/s", at_least=GOAL_RATE if goals else None),
        *(_cpu(group, name, runs, of) for name, of in names.items()),
        _cpu(group, "worker + database + broker", runs, *all_ours, at_most=GOAL_CPU if goals else None),
        _cpu(group, "fakes", runs, "fakes"),
        _cpu(group, "client", runs, "benchmark"),
        Figure(group, "a worker's memory, most", max(peaks), "MB", at_most=GOAL_MEMORY),
        _median(group, "others", runs, lambda one: one.others, "cores"),
    ]


def show_bare(report: Report, group: str, ours: list[Run], runs: list[Run], goal: float | None = None) -> None:
    report.figures += [
        _median(group, "one process, stores nothing", runs, lambda one: one.rate, "items/s"),
        _cpu(group, "loop", runs, "loop"),
        median_figure(group, "our rate ÷ this", _ratios(ours, runs, lambda one: one.rate)),
        median_figure(group, "our workers' CPU ÷ this", _ratios(ours, runs, _main_cpu), at_most=goal),
    ]


def show_celery(report: Report, group: str, rounds: Rounds) -> None:
    ours, runs = rounds.tessera, rounds.celery
    names = {"worker": "worker", "broker": "valkey", "sender": "benchmark"}
    report.figures += [
        _median(group, "stores nothing", runs, lambda one: one.rate, "items/s"),
        *(_cpu(group, name, runs, of) for name, of in names.items()),
        Figure(group, "a worker's memory, most", max(rounds.celery_memory), "MB"),
        median_figure(group, "our rate ÷ this", _ratios(ours, runs, lambda one: one.rate)),
        median_figure(group, "our workers' CPU ÷ this", _ratios(ours, runs, _main_cpu)),
        _median(group, "others", runs, lambda one: one.others, "cores"),
    ]


def _main_cpu(one: Run) -> float:
    return one.cpu("worker" if "worker" in one.cpu_seconds else "loop")


def _ratios(ours: list[Run], theirs: list[Run], value: Callable[[Run], float]) -> list[float]:
    return [value(one) / value(other) for one, other in zip(ours, theirs, strict=True)]


def _cpu(group: str, name: str, runs: list[Run], *of: str, at_most: float | None = None) -> Figure:
    return _median(group, f"CPU {name}", runs, lambda one: one.cpu(*of), "ms/item", at_most=at_most)


def _median(
    group: str, name: str, runs: Sequence[Run], value: Callable[[Run], float], unit: str, **goal: float | None
) -> Figure:
    return median_figure(group, name, [value(one) for one in runs], unit, **goal)
