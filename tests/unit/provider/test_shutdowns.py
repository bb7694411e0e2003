"""The last days of models."""

import tomllib
from datetime import date
from importlib import resources

import pytest

from vision.provider.catalogue.shutdowns import shutdown_date

LEGACY, OCTOBER = date(2027, 1, 14), date(2026, 10, 23)


@pytest.mark.parametrize(
    ("model", "last"),
    [
        ("gpt-4o", LEGACY),
        ("gpt-4o-2024-08-06", LEGACY),
        ("gpt-4o-2024-05-13", OCTOBER),
        ("openai/gpt-4o-2024-05-13", OCTOBER),
        ("chatgpt-4o-latest", date(2026, 2, 17)),
        ("relay/openai/GPT-4o-mini ", LEGACY),
        ("ft:gpt-4.1-mini-2025-04-14:acme::abc", LEGACY),
        ("ft:gpt-4.1-nano-2025-04-14:acme::abc", OCTOBER),
        ("openai:gpt-4.1@A", LEGACY),
        ("gpt-4.5-preview", date(2025, 7, 14)),
        ("computer-use-preview-2025-03-11", date(2026, 7, 23)),
        ("gpt-image-1", OCTOBER),
        ("gpt-image-1.5-2025-12-16", date(2026, 12, 1)),
        ("gpt-image-1-mini", date(2026, 12, 1)),
        ("gpt-5", date(2026, 12, 11)),
        ("gpt-5-nano", date(2026, 12, 11)),
        ("gpt-5-mini", date(2026, 12, 11)),
        ("o3", date(2026, 12, 11)),
        ("o4-mini", OCTOBER),
        ("o1", OCTOBER),
        ("gpt-5.1", date(2027, 4, 1)),
        ("gpt-5.4-nano", date(2027, 4, 1)),
        ("gpt-5.4-mini", None),
        ("gpt-5.4", None),
        ("gpt-5.2", None),
        ("gpt-5.6-luna", None),
        ("gpt-6-luna", None),
        ("tessera-local", None),
        ("mystery-9000", None),
        ("", None),
    ],
)
def test_when_a_model_ends(model: str, last: date | None) -> None:
    assert shutdown_date(model) == last


def test_every_date_has_its_source_and_no_model_has_two() -> None:
    facts = tomllib.loads(resources.files("vision.provider.catalogue").joinpath("shutdowns.toml").read_text("utf-8"))
    entries = facts["shutdowns"]
    models = [model for entry in entries for model in entry["models"]]
    assert len(models) == len(set(models))
    assert {entry["source"] for entry in entries} == set(facts["sources"])
    assert all(type(entry["date"]) is date and type(entry["confirmed"]) is bool for entry in entries)
