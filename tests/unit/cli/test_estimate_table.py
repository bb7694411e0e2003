"""An estimate for people."""

from typing import Any

from rich.console import Console

from cli.tables.estimates import notes, summary, table

PRICE = {"input": "0.15", "cached_input": "0.075", "output": "0.60", "source": "list"}


def row(**changes: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4o-mini",
        "provider": "openai",
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


def unpriced(**fits: int) -> dict[str, Any]:
    return {
        "cost": {"estimated": None, "batch": None, "price": None},
        "fits": {kind: {"image_tokens": tokens, "cost": None} for kind, tokens in fits.items()},
    }


def estimate(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    items = {"total": 1000, "sized": 1000, "measured": 0, "sampled": 1000, "unreadable": 0}
    return {"items": items, "exact": True, "confidence": None, "data": list(rows)} | changes


def headers(told: dict[str, Any]) -> list[str]:
    return [str(column.header).replace("\n", " ") for column in table(told, 200).columns]


def rows(told: dict[str, Any], width: int = 200) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(told, width))
    return [" ".join(line.split()) for line in capture.get().splitlines()[2:]]


def test_a_row_each() -> None:
    fits = {"none": {"image_tokens": 100, "cost": "10"}, "snap": {"image_tokens": 80, "cost": "8.5"}}
    told = estimate(row(), row(model="o3", lane="openai/o3", detail="high", seconds=75, fits=fits))
    names = ["model", "detail", "image tokens", "all tokens", "cost", "by batch", "time", "snap saves"]
    assert headers(told) == names
    assert rows(told) == [
        "gpt-4o-mini low 2,833,000 3,000,000 $0.468 $0.234 15m -",
        "o3 high 2,833,000 3,000,000 $0.468 $0.234 1m 15s 15 %",
    ]
    assert not list(notes(told))


def test_numbers_are_shortened_where_there_is_no_room() -> None:
    assert rows(estimate(row()), 60) == ["gpt-4o-mini low 2.83M 3M $0.468 $0.234 15m"]


def test_several_providers_of_a_model_are_told_apart() -> None:
    relay = row(provider="relay", lane="relay/gpt-4o-mini")
    nobodys = row(model="o3", provider=None, lane=None)
    shown = rows(estimate(row(), relay, nobodys))
    assert [line.split()[0] for line in shown] == ["openai/gpt-4o-mini", "relay/gpt-4o-mini", "o3"]


def test_what_is_not_known_takes_no_column() -> None:
    told = estimate(row(seconds=None, **unpriced(none=100, snap=100)))
    assert headers(told) == ["model", "detail", "image tokens", "all tokens", "cost"]
    assert rows(told) == ["gpt-4o-mini low 2,833,000 3,000,000 -"]


def test_savings_without_a_price_and_with_a_side() -> None:
    told = estimate(row(**unpriced(none=100, snap=96, max=25)))
    assert headers(told)[-2:] == ["snap saves", "max saves"]
    assert rows(told)[0].endswith(" 4 % 75 %")


def test_notes_name_what_they_are_about_once() -> None:
    doubtful = {
        "model": "gpt-6-luna",
        "lane": None,
        "configured": False,
        "confirmed": False,
        **unpriced(none=1, snap=1),
    }
    high = {"detail": "high", "rejected_items": 1200, "too_large_items": 1}
    ending = row(model="o3", shutdown_date="2026-12-11")
    assert list(
        notes(estimate(row(**doubtful), row(**doubtful, **high), ending, ending, row(shutdown_date="2026-12-11")))
    ) == [
        "Not configured here: gpt-6-luna.",
        "No price known: gpt-6-luna.",
        "Counted by a rule that its provider has not confirmed: gpt-6-luna.",
        "1,200 items would be refused by the provider: gpt-6-luna high.",
        "1 item larger than the limit of a minute, and would fail: gpt-6-luna high.",
        "Shuts down on 2026-12-11: o3, gpt-4o-mini.",
    ]


def test_an_exact_estimate_says_so() -> None:
    assert summary(estimate(row())) == "1,000 items, image tokens exact."


def test_a_sample_tells_how_far_it_can_be_trusted() -> None:
    tokens = {"image": 2_833_000, "total": 3_000_000, "interval": [2_940_000, 3_060_000]}
    items = {"total": 1, "sized": 0, "measured": 250, "sampled": 250, "unreadable": 6}
    sampled = estimate(row(), row(tokens=tokens), items=items, exact=False, confidence=0.95)
    assert summary(sampled) == "1 item, ± 2 % from a sample of 250 (95 % sure), 6 of the sample could not be read."
    assert "2.83M 3M" in rows(sampled)[0]
