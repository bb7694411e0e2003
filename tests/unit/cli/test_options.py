"""Options of `tessera submit` that are refused before anything is reached."""

import pytest
from click.testing import CliRunner

from cli.submit import command

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
        ([PICTURE, "--preset", "ocr", "--metadata", "shop"], "NAME=VALUE"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], message: str) -> None:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2
    assert message in result.output
