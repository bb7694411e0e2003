"""The demo's tables: a picture, its answer in short, its tokens and its cost."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cli.tables.figures import count, money

Result = Mapping[str, Any]
SHORT = 72


def table(job: Mapping[str, Any], results: Sequence[Result]) -> Table:
    """One row a picture."""
    title = f"{job['preset']} · {job['provider']}/{job['model']}"
    rows = Table("picture", "answer", title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for name in ("image tokens", "in", "out", "cost"):
        rows.add_column(name, justify="right")
    for result in results:
        usage = result["usage"]
        tokens = [count(usage[name]) for name in ("image_tokens", "input_tokens", "output_tokens")]
        rows.add_row(result["custom_id"], _answer(job["preset"], result), *tokens, money(result["cost"]))
    return rows


def totals(jobs: Sequence[Mapping[str, Any]]) -> str:
    """All jobs in one sentence."""
    items = sum(job["request_counts"]["total"] for job in jobs)
    tokens = sum(job["tokens"]["input"] + job["tokens"]["output"] for job in jobs)
    spent = sum((Decimal(job["cost"]["spent"]) for job in jobs), Decimal(0))
    return f"{len(jobs)} jobs, {items} pictures, {count(tokens)} tokens, {money(spent)}"


def _answer(preset: str, result: Result) -> Text:
    """Plain text: nothing in an answer is taken as markup."""
    if result["error"]:
        return Text(result["error"]["code"], style="red")
    text = Text(" ".join(IN_SHORT[preset](result["answer"]).split()))
    text.truncate(SHORT, overflow="ellipsis")
    return text


def _moderation(answer: Mapping[str, Any]) -> str:
    scores = {name: float(score) for name, score in answer["categories"].items() if score is not None}
    highest = max(scores, key=lambda name: scores[name], default="")
    shown = f" · highest score: {highest} {scores[highest]:.2f}" if highest else ""
    return f"{answer['action']}{' · flagged' if answer['flagged'] else ''}{shown}"


def _ocr(answer: Mapping[str, Any]) -> str:
    return str(answer["text"]) or "no text"


def _product(answer: Mapping[str, Any]) -> str:
    return f"{answer['title']} · {', '.join(answer['tags'])}"


IN_SHORT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "moderation": _moderation,
    "ocr": _ocr,
    "product_tagging": _product,
}
