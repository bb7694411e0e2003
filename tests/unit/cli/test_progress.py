"""What `watch` shows."""

from typing import Any

from rich.console import Console

from cli.tables import progress
from cli.tables.pace import Pace

COUNTS = {"total": 100, "queued": 48, "in_flight": 2, "succeeded": 45, "failed": 5, "cancelled": 0, "expired": 0}


def job(**changes: Any) -> dict[str, Any]:
    return {
        "id": "job_1",
        "status": "running",
        "status_code": "working",
        "preset": "ocr",
        "max_output_tokens": 300,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "request_counts": COUNTS,
        "eta_seconds": 75,
        "tokens": {"input": 1000, "output": 200},
        "cost": {"currency": "USD", "estimated": "0.02", "spent": "0.0123", "cap": "5.00"},
        "created_at": 100,
        "started_at": 101,
        "finished_at": None,
    } | changes


def test_pace_is_the_slope_over_the_window() -> None:
    pace = Pace()
    assert (pace.items_per_second, pace.tokens_per_minute) == (0, 0)
    for second in range(120):
        counts = COUNTS | {"succeeded": 3 * second, "failed": 0}
        pace.see(job(request_counts=counts, tokens={"input": 10 * second, "output": 0}), float(second))
    assert pace.items_per_second == 3
    assert pace.tokens_per_minute == 600


def test_a_retried_job_has_no_negative_pace() -> None:
    pace = Pace()
    pace.see(job(), 0.0)
    pace.see(job(request_counts=COUNTS | {"failed": 0}), 1.0)
    assert pace.items_per_second == 0


def test_one_line() -> None:
    assert progress.line(job(), Pace(), 200_000) == (
        "job_1 running 50/100 · done 45  failed 5  in flight 2  waiting 48 · "
        "0.0 items/s · 0 tokens/min of 200,000 · spent $0.0123 · estimated $0.02 · cap $5.00"
    )


def test_a_pause_says_why() -> None:
    assert "paused (cap_reached)" in progress.line(job(status="paused", status_code="cap_reached"), Pace(), None)


def test_a_provider_that_does_not_answer_is_named_and_nothing_has_to_be_done() -> None:
    waits = job(status_code="upstream_down", waiting_since=1_790_000_000, eta_seconds=None)
    assert "running (upstream_down)" in progress.line(waits, Pace(), None)
    for told in (progress.line(waits, Pace(), None), shown(waits)):
        assert "openai has not answered since" in told
        assert "nothing has to be done" in told
    assert "answered" not in progress.line(job(waiting_since=None), Pace(), None)


def test_the_panel_tells_the_time_left_and_then_the_time_taken() -> None:
    assert "about 1m 15s left" in shown(job())
    assert "took 9s" in shown(job(finished_at=110))
    assert "own prompt" in shown(job(preset=None, eta_seconds=None))
    assert "moderation · openai" in shown(job(preset=None, max_output_tokens=0))


def test_a_job_that_is_over_is_compared_with_its_estimate() -> None:
    compared = {
        "input_tokens": {"estimated": 1000, "actual": 1000},
        "output_tokens": {"estimated": 200, "actual": 100},
        "cost": {"estimated": "0.02", "actual": "0.0190"},
    }
    done = COUNTS | {"queued": 0, "in_flight": 0, "failed": 0, "succeeded": 100}
    assert progress.comparison(job(comparison=compared, sizes_corrected=2, request_counts=done)) == (
        "Estimated 1,000 input tokens and $0.02, took 1,000 and $0.019 (-5 %). "
        "2 items turned out to have another size than was declared."
    )
    more = compared | {"input_tokens": {"estimated": 1000, "actual": 1500}, "cost": {"estimated": "0", "actual": "1"}}
    assert progress.comparison(job(comparison=more)) == (
        "Estimated 1,000 input tokens and $0.00, took 1,500 (+50 %) and $1.00. 55 items got no answer."
    )
    assert progress.comparison(job(comparison=more, request_counts=done | {"succeeded": 0})) is None


def test_nothing_to_compare() -> None:
    assert progress.comparison(job()) is None
    assert progress.comparison(job(comparison=None, sizes_corrected=0)) is None


def shown(state: dict[str, Any]) -> str:
    console = Console(width=120, record=True, force_terminal=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(progress.panel(state, Pace(), None))
    return capture.get()
