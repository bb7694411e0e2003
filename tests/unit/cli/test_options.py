"""Options of `tessera submit` and `tessera estimate` that are refused before anything is reached."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from cli import options, question_options
from cli.commands import estimate, submit

PICTURE = "https://x/a.jpg"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Missing argument 'SOURCE...'"),
        ([PICTURE], "--preset or --prompt"),
        ([PICTURE, "--preset", "ocr", "--prompt", "What?"], "--preset or --prompt"),
        ([PICTURE, "--prompt", "@/no/such/file"], "cannot be read"),
        ([PICTURE, "--preset", "ocr", "--deadline", "soon"], "90s, 30m, 12h or 2d"),
        ([PICTURE, "--preset", "ocr", "--max-cost", "cheap"], "an amount like 5.00"),
        ([PICTURE, "--preset", "ocr", "--max-cost", "-1"], "an amount like 5.00"),
        ([PICTURE, "--preset", "ocr", "--max-cost", "nan"], "an amount like 5.00"),
        ([PICTURE, "--preset", "ocr", "--weight", "0"], "0 is not in the range 1<=x<=100"),
        ([PICTURE, "--preset", "ocr", "--weight", "101"], "101 is not in the range 1<=x<=100"),
        ([PICTURE, "--preset", "ocr", "--weight", "1.5"], "'1.5' is not a valid integer"),
        ([PICTURE, "--preset", "ocr", "--metadata", "shop"], "NAME=VALUE"),
        ([PICTURE, "--preset", "ocr", "--fit", "max"], "--max-side PIXELS"),
        ([PICTURE, "--preset", "ocr", "--fit", "snap", "--max-side", "512"], "not to --fit snap"),
    ],
)
def test_wrong_usage_of_submit_ends_with_2(words: list[str], message: str) -> None:
    result = CliRunner().invoke(submit.command, words)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Missing argument 'SOURCE...'"),
        ([PICTURE], "--preset or --prompt"),
        ([PICTURE, "--preset", "ocr", "--schema", "/dev/null"], "JSON"),
        ([PICTURE, "--preset", "ocr", "--details", "low,medium"], "'medium' is not one of low, high, original, auto"),
        ([PICTURE, "--preset", "ocr", "--fit", "max"], "--max-side PIXELS"),
        ([PICTURE, "--preset", "ocr", "--fit", "none", "--max-side", "512"], "not to --fit none"),
        ([PICTURE, "--preset", "ocr", "--max-side", "0"], "--max-side"),
    ],
)
def test_wrong_usage_of_estimate_ends_with_2(words: list[str], message: str) -> None:
    result = CliRunner().invoke(estimate.command, words)
    assert result.exit_code == 2
    assert message in result.output


def test_names_are_a_list_without_doubles() -> None:
    found: list[list[str]] = []

    @click.command()
    @click.option("--models", "--model", multiple=True, callback=options.names)
    def command(models: list[str]) -> None:
        found.append(models)

    CliRunner().invoke(command, ["--models", "b, a", "--model", "c", "--model", "a,"])
    CliRunner().invoke(command, [])
    assert found == [["b", "a", "c"], []]


@pytest.mark.parametrize(
    ("kind", "side", "complete"),
    [(None, None, None), (None, 512, "max"), ("max", 512, "max"), ("snap", None, "snap"), ("none", None, "none")],
)
def test_a_side_alone_says_max(kind: str | None, side: int | None, complete: str | None) -> None:
    assert question_options.complete_fit(kind, side) == complete


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"preset": "ocr"}, True),
        ({"prompt": "Read it.", "schema": "{}"}, True),
        ({"model": "omni-moderation-latest"}, True),
        ({"models": ("omni-moderation-latest",)}, True),
        ({}, False),
        ({"preset": "ocr", "prompt": "Read it."}, False),
        ({"preset": "ocr", "prompt": "Read it.", "model": "gpt-4o"}, False),
        ({"preset": "ocr", "schema": "{}"}, False),
    ],
)
def test_there_is_one_question_or_a_model_that_may_need_none(given: dict[str, Any], fits: bool) -> None:
    fields = {"preset": None, "prompt": None, "schema": None, **given}
    if fits:
        question_options.check_question(fields)
    else:
        with pytest.raises(click.UsageError):
            question_options.check_question(fields)
