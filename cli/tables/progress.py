"""What `watch` shows of a job: a few lines with a bar on a terminal, one plain line elsewhere."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.tables.figures import count, duration, items, money, percent, rate
from cli.tables.pace import Pace, finished

Job = Mapping[str, Any]
STYLES = {"running": "cyan", "queued": "cyan", "paused": "yellow", "succeeded": "green"}
BAR_WIDTH = 36
SHOWN_COUNTS = (
    ("succeeded", "done"),
    ("failed", "failed"),
    ("in_flight", "in flight"),
    ("queued", "waiting"),
    ("cancelled", "cancelled"),
    ("expired", "expired"),
)


def panel(job: Job, pace: Pace, tokens_per_minute: int | None) -> Group:
    """Four lines for a terminal, and a fifth if the provider does not answer."""
    waits = [Text(f"  {text}", style="yellow") for text in [_waits(job)] if text]
    figures = Text(f"  {_figures(job, pace, tokens_per_minute)}")
    return Group(_title(job), _bar(job), Text(f"  {_counts(job)}"), figures, *waits)


def line(job: Job, pace: Pace, tokens_per_minute: int | None) -> str:
    """The progress in one line, for logs and pipes."""
    total = job["request_counts"]["total"]
    done = f"{count(finished(job))}/{count(total)}"
    line = f"{job['id']} {_status(job)} {done} · {_counts(job)} · {_figures(job, pace, tokens_per_minute)}"
    return " · ".join(filter(None, [line, _waits(job)]))


def _waits(job: Job) -> str | None:
    """A line that says that the provider does not answer; None if it does."""
    if not job.get("waiting_since"):
        return None
    since = datetime.fromtimestamp(job["waiting_since"], UTC).astimezone()
    return (
        f"{job['provider']} has not answered since {since:%H:%M:%S}. The job goes on by itself when it does again; "
        "nothing fails meanwhile and nothing has to be done."
    )


def comparison(job: Job) -> str | None:
    """For a job that is over: estimated and actual tokens and cost, and the number of wrongly declared sizes."""
    counts = job["request_counts"]
    sentences = []
    if job.get("comparison") and counts["succeeded"]:
        sentences.append(_compared(job, job["comparison"]))
        if unanswered := counts["total"] - counts["succeeded"]:
            sentences.append(f"{items(unanswered)} got no answer.")
    if corrected := job.get("sizes_corrected"):
        sentences.append(f"{items(corrected)} turned out to have another size than was declared.")
    return " ".join(sentences) or None


def _compared(job: Job, comparison: Mapping[str, Any]) -> str:
    tokens, cost, currency = comparison["input_tokens"], comparison["cost"], job["cost"]["currency"]
    return (
        f"Estimated {count(tokens['estimated'])} input tokens and {money(cost['estimated'], currency)}, "
        f"took {count(tokens['actual'])}{_difference(tokens)} and {money(cost['actual'], currency)}{_difference(cost)}."
    )


def _difference(figures: Mapping[str, Any]) -> str:
    """` (+1.2 %)`: by how much more or less it took than was estimated; nothing if that was exact, or zero."""
    estimated, actual = (Decimal(figures[name]) for name in ("estimated", "actual"))
    if not estimated or estimated == actual:
        return ""
    return f" ({'+' if actual > estimated else '-'}{percent(float(actual / estimated - 1))})"


def _title(job: Job) -> Text:
    # A job on a moderation model has no question at all.
    question = job["preset"] or ("own prompt" if job["max_output_tokens"] else "moderation")
    title = Text(f"{job['id']}  {question} · {job['provider']}/{job['model']}  ")
    return title.append(_status(job), style=STYLES.get(job["status"], "red"))


def _status(job: Job) -> str:
    telling = job["status_code"] not in {"working", "done", "waiting", None}
    return f"{job['status']} ({job['status_code']})" if telling else str(job["status"])


def _bar(job: Job) -> Table:
    total, done = job["request_counts"]["total"], finished(job)
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(total, 1), completed=done, width=BAR_WIDTH)
    row.add_row(" ", bar, f"{100 * done / max(total, 1):3.0f}%", f"{count(done)} of {count(total)}", _remaining(job))
    return row


def _remaining(job: Job) -> str:
    """The estimated time left; once it is over, the time it took."""
    if job["finished_at"]:
        return f"took {duration(job['finished_at'] - (job['started_at'] or job['created_at']))}"
    return f"about {duration(job['eta_seconds'])} left" if job["eta_seconds"] is not None else ""


def _counts(job: Job) -> str:
    counts = job["request_counts"]
    return "  ".join(f"{word} {count(counts[state])}" for state, word in SHOWN_COUNTS if counts[state])


def _figures(job: Job, pace: Pace, limit: int | None) -> str:
    cost = job["cost"]
    known = {"spent": cost["spent"], "estimated": cost["estimated"], "cap": cost["cap"]}
    amounts = [f"{name} {money(amount, cost['currency'])}" for name, amount in known.items() if amount is not None]
    return " · ".join([*_speed(job, pace, limit), *amounts])


def _speed(job: Job, pace: Pace, limit: int | None) -> list[str]:
    """Its speed; once it is over, its tokens."""
    if job["finished_at"]:
        return [f"{count(job['tokens'][name])} {name} tokens" for name in ("input", "output")]
    tokens = f"{count(pace.tokens_per_minute)} tokens/min" + (f" of {count(limit)}" if limit else "")
    return [f"{rate(pace.items_per_second)} items/s", tokens]
