"""An estimate for people."""

from typing import Any

from rich.console import Console

from cli.estimate_table import summary, table

PRICE = {"input": "0.15", "cached_input": "0.075", "output": "0.60", "source": "list"}


def row(**changes: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4o-mini",
        "lane": "openai/gpt-4o-mini",
        "configured": True,
        "detail": "low",
        "confirmed": True,
        "tokens": {"image": 2_833_000, "total": 3_000_000, "interval": None},
        "rejected_items": 0,
        "too_large_items": 0,
        "cost": {"estimated": "0.46789", "batch": "0.233945", "price": PRICE},
        "seconds": 900,
        "fits": {
            "none": {"image_tokens": 2_833_000, "cost": "0.46789"},
            "snap": {"image_tokens": 2_833_000, "cost": "0.46789"},
        },
        "shutdown_date": None,
    } | changes


def estimate(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    items = {"total": 1000, "sized": 1000, "measured": 0, "sampled": 1000, "unreadable": 0}
    return {"items": items, "exact": True, "confidence": None, "data": list(rows)} | changes


def shown(told: dict[str, Any]) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(told))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_a_row_each() -> None:
    fits = {"none": {"image_tokens": 100, "cost": "10"}, "snap": {"image_tokens": 80, "cost": "8.5"}}
    other = row(lane="openai/o3", detail="high", seconds=75, fits=fits, shutdown_date="2027-01-14", rejected_items=1200)
    assert shown(estimate(row(), other)) == [
        "model detail image tokens all tokens cost by batch time snap saves",
        "openai/gpt-4o-mini low 2,833,000 3,000,000 $0.468 $0.234 15m -",
        "openai/o3 high 2,833,000 3,000,000 $0.468 $0.234 1m 15s 15 % 1,200 would be refused, shuts down 2027-01-14",
    ]


def test_what_is_not_known_takes_no_column() -> None:
    unpriced = {"none": {"image_tokens": 100, "cost": None}, "snap": {"image_tokens": 100, "cost": None}}
    nowhere = row(
        model="gpt-6-luna",
        lane=None,
        configured=False,
        confirmed=False,
        seconds=None,
        fits=unpriced,
        cost={"estimated": None, "batch": None, "price": None},
    )
    assert shown(estimate(nowhere)) == [
        "model detail image tokens all tokens cost",
        "gpt-6-luna low 2,833,000 3,000,000 - not configured here, no price known, rule not confirmed",
    ]


def test_savings_without_a_price_and_with_a_side() -> None:
    fits = {"none": {"image_tokens": 100, "cost": None}, "snap": {"image_tokens": 96, "cost": None}}
    largest = {"max": {"image_tokens": 25, "cost": None}}
    header, line = shown(estimate(row(fits=fits | largest, too_large_items=3)))
    assert header.endswith("snap saves max saves")
    assert line.endswith("4 % 75 % 3 larger than the limit")


def test_an_exact_estimate_says_so() -> None:
    assert summary(estimate(row())) == "1,000 items, image tokens exact."


def test_a_sample_tells_how_far_it_can_be_trusted() -> None:
    tokens = {"image": 2_833_000, "total": 3_000_000, "interval": [2_940_000, 3_060_000]}
    items = {"total": 1, "sized": 0, "measured": 250, "sampled": 250, "unreadable": 6}
    sampled = estimate(row(), row(tokens=tokens), items=items, exact=False, confidence=0.95)
    assert summary(sampled) == "1 item, ± 2 % from a sample of 250 (95 % sure), 6 of the sample could not be read."
    assert "2.83M 3M" in shown(sampled)[1]
