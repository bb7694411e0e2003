"""The table of lanes."""

import time
from typing import Any

import pytest
from rich.console import Console

from cli.commands.providers import table

NOW = {
    "tokens_left": 150_000,
    "requests_left": 500,
    "tokens_last_minute": 50_000,
    "requests_last_minute": 3,
    "throttled": 0,
    "paused_seconds": 0.0,
    "tokens_per_minute": 200_000,
    "requests_per_minute": 500,
    "waiting_seconds": 0.0,
    "mode": "usage",
    "charge_factor": 1.0,
    "tokens_for_others": 0,
}


def printed(now: dict[str, Any] | None, breaker: dict[str, Any] | None = None) -> list[str]:
    limits = {"requests_per_minute": 500, "tokens_per_minute": 200_000}
    console = Console(width=200)
    with console.capture() as capture:
        console.print(
            table([{"id": "openai/gpt-4o-mini", "limits": limits, "in_flight": 7, "now": now, "breaker": breaker}])
        )
    return capture.get().splitlines()[1].split("  ")


def cells(now: dict[str, Any] | None) -> list[str]:
    return [cell.strip() for cell in printed(now) if cell.strip()]


def test_a_lane_with_room() -> None:
    assert cells(NOW) == ["openai/gpt-4o-mini", "3 of 500", "500", "50k of 200k", "150k", "7", "-", "0"]


@pytest.mark.parametrize(("seconds", "wait"), [(0.9, "-"), (30.0, "30s"), (90.0, "1m 30s")])
def test_what_is_promised_to_others_is_waited_for(seconds: float, wait: str) -> None:
    assert cells(NOW | {"waiting_seconds": seconds})[6] == wait


def test_a_lower_limit_that_the_provider_told_is_shown() -> None:
    assert cells(NOW | {"tokens_per_minute": 100_000})[3] == "50k of 100k"


def test_what_is_not_known_is_not_invented() -> None:
    assert cells(None)[-1] == "Redis cannot be reached"
    assert cells(None).count("?") == 4


def test_a_lane_that_is_down_says_since_when_and_what_was_heard() -> None:
    now = time.time()
    down = {"open_since": now - 90, "next_probe_at": now + 4, "code": "upstream_error", "message": "No."}
    assert printed(NOW | {"paused_seconds": 4.0}, down)[-1].strip() == "down for 1m 30s, asked again in 4s: No."


def test_what_the_lane_has_learned_is_shown() -> None:
    learned = NOW | {"charge_factor": 1.302, "tokens_for_others": 25_000}
    assert cells(learned)[-1] == "charges 1.30 times our count, 25k kept for others"


def test_a_pause_is_shown() -> None:
    assert cells(NOW | {"paused_seconds": 61.5})[-1] == "paused for 1m 2s"
