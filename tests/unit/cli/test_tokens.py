"""`tessera tokens`, in JSON and as a table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.commands.tokens import command
from tests.fakes import images
from vision.errors import InvalidRequest


def run(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def objects(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*words, "--json").stdout.splitlines()]


def cells(*words: str) -> list[list[str]]:
    """The table's rows, each as its words; below it the notes."""
    return [line.split() for line in run(*words).stdout.splitlines()]


@pytest.mark.parametrize(
    ("size", "model", "detail", "expected"),
    [  # the first four are published by OpenAI
        ("1024x1024", "gpt-4o", "high", {"tokens": 765, "resized": [768, 768], "tiles": 4, "rule": "openai:gpt-4o"}),
        ("4096x8192", "gpt-4o", "low", {"tokens": 85, "resized": [4096, 8192], "tiles": 0, "rule": "openai:gpt-4o"}),
        ("1024x1024", "gpt-5.4", "high", {"tokens": 1229, "patches": 1024}),
        ("2048x2048", "openai/gpt-5.4", "high", {"tokens": 3000, "resized": [1600, 1600], "patches": 2500}),
        ("1024X1024", "gpt-4o-mini", "auto", {"tokens": 25_501}),
    ],
)
def test_one_object_a_size(size: str, model: str, detail: str, expected: dict[str, Any]) -> None:
    (told,) = objects(size, "--model", model, "--detail", detail)
    width, height = map(int, size.lower().split("x"))
    assert told.items() >= {"width": width, "height": height, "model": model, "detail": detail, **expected}.items()
    assert ("patches" in told) != ("tiles" in told)
    assert not {"confirmed", "sent", "error"} & told.keys()


def test_sizes_and_models_in_the_order_given() -> None:
    told = objects("8x8", "9x9", "--model", "gpt-4o,o3", "--model", "gpt-5.4", "--model", "o3")
    assert [(each["width"], each["model"]) for each in told] == [
        (side, model) for side in (8, 9) for model in ("gpt-4o", "o3", "gpt-5.4")
    ]
    assert {each["detail"] for each in told} == {"auto"}


@pytest.mark.parametrize("size", ["0x5", "-1x5", "5x0", "1e9x3", "1.5x2", "99999999999999999999x1", "9999999999x1"])
def test_a_size_that_no_image_has_is_refused_and_the_others_are_counted(size: str) -> None:
    result = run(size, "1024x1024", "--model", "gpt-4o", "--json")
    wrong, right = map(json.loads, result.stdout.splitlines())
    assert (wrong["error"]["code"], right["tokens"], result.exit_code) == ("invalid_size", 765, 1)
    assert size in wrong["error"]["message"]
    assert float(size.partition("x")[0]) == wrong["width"]


def test_what_the_provider_would_reject_is_an_error_in_its_place() -> None:
    result = run("8000x6000", "--model", "gpt-5.6-luna", "--json")
    told = json.loads(result.stdout)
    assert (told["detail"], told["error"]["code"], result.exit_code) == ("auto", "image_too_many_patches", 1)
    assert "tokens" not in told

    (wrong,) = objects("8x8", "--model", "gpt-4o", "--detail", "original")
    assert wrong["error"]["code"] == "unsupported_detail"


def test_a_fit_tells_the_size_that_is_sent() -> None:
    (shrunk,) = objects("4032x3024", "--model", "gpt-5.4", "--detail", "high", "--max-side", "1024")
    assert (shrunk["width"], shrunk["sent"], shrunk["tokens"]) == (4032, [1024, 768], 922)
    (snapped,) = objects("1025x1024", "--model", "gpt-5.4", "--detail", "high", "--fit", "snap")
    assert (snapped["sent"], snapped["tokens"]) == ([1024, 1023], 1229)
    (kept,) = objects("1024x1024", "--model", "gpt-5.4", "--detail", "high", "--fit", "snap")
    assert "sent" not in kept


def test_an_unconfirmed_rule_says_so() -> None:
    (told,) = objects("1024x1024", "--model", "gpt-6-luna")
    assert told["confirmed"] is False
    assert told["note"]
    table = run("1024x1024", "--model", "gpt-6-luna", "--detail", "high").stdout
    assert "1,229*" in table
    assert told["note"] in " ".join(table.split())


def test_a_file_is_measured_upright(tmp_path: Path) -> None:
    (tmp_path / "turned.jpg").write_bytes(images.jpeg(600, 400, orientation=6))
    (tmp_path / "text.jpg").write_text("not an image")
    names = [str(tmp_path / name) for name in ("turned.jpg", "text.jpg")]
    good, bad = objects(*names, "--model", "gpt-4o")
    assert (good["file"], good["width"], good["height"], good["tokens"]) == (names[0], 400, 600, 425)
    assert (bad["file"], bad["width"], bad["error"]["code"]) == (names[1], None, "image_corrupt")

    shown = run(*names, "--model", "gpt-4o", "--detail", "low")
    assert f"{names[0]} (400x600)" in shown.stdout
    assert shown.stderr == f"Error: {names[1]}: The bytes are not an image. [image_corrupt]\n"
    assert shown.exit_code == 1


def test_a_long_path_is_told_whole(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    (folder / "text.jpg").write_text("not an image")
    told = run(str(folder / "text.jpg"), f"{'9' * 999}x5", "--model", "gpt-4o").stderr.splitlines()
    assert told[0] == f"Error: {folder / 'text.jpg'}: The bytes are not an image. [image_corrupt]"
    assert told[1].startswith(f"Error: {'9' * 80} is not the size of an image")


def test_the_table_has_every_level_and_the_price() -> None:
    title, header, low, high = cells("1024x1024", "--model", "gpt-4o")
    assert (title, header[0], header[-1]) == (["1024x1024,", "gpt-4o"], "detail", "100,000")
    assert low == ["low", "85", "1024x1024", "-", "$0.0002125", "$21.25"]
    assert high == ["high", "(auto)", "765", "768x768", "4", "tiles", "$0.0019125", "$191.25"]
    assert cells("8x8", "--model", "gpt-4o", "--detail", "auto")[2][:3] == ["auto", "(high)", "255"]


def test_what_differs_has_a_column() -> None:
    title, header, *rows = cells("8x8", "9x9", "--model", "gpt-4o,o3", "--detail", "low")
    assert title[0] == "image"
    assert [row[:3] for row in [header, *rows]] == [
        *(["8x8", "gpt-4o", "low"], ["8x8", "o3", "low"]),
        *(["9x9", "gpt-4o", "low"], ["9x9", "o3", "low"]),
    ]
    assert [row[0] for row in cells("8x8", "--model", "gpt-4o,o3", "--detail", "low")] == [
        "8x8",
        "model",
        "gpt-4o",
        "o3",
    ]


def test_nothing_is_cut_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    shown = run("1024x1024", "1025x1025", "--model", "gpt-4o-mini,gpt-5.4", "--fit", "snap").stdout
    assert "1024x1024  gpt-4o-mini  high (auto)  25,501" in shown
    assert "…" not in shown


def test_the_table_shows_what_is_sent_where_that_differs() -> None:
    assert "sent" not in run("1024x1024", "--model", "gpt-5.4", "--fit", "snap").stdout
    *_, row = cells("1025x1024", "--model", "gpt-5.4", "--detail", "low", "--fit", "snap")
    assert row[2] == "1024x1023"


def test_no_price_is_no_obstacle() -> None:
    result = run("1024x1024", "--model", "gpt-4o,none", "--detail", "low")
    assert result.exit_code == 0
    assert "No list price is known for none." in result.stdout


def test_refusals_stand_below_the_table_once() -> None:
    result = run("0x5", "8000x6000", "--model", "gpt-5.6-luna,gpt-5.6-sol")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2 + 2 * 2
    bad_size, *too_many = result.stderr.splitlines()
    assert bad_size.startswith("Error: 0x5 is not the size of an image")
    assert [line.partition(": 8000x6000 pixels")[0] for line in too_many] == [
        "Error: 8000x6000, gpt-5.6-luna, original",
        "Error: 8000x6000, gpt-5.6-sol, original",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["abc", "--model", "gpt-4o"], "'abc' is neither a size"),
        (["1024", "--model", "gpt-4o"], "'1024' is neither a size"),
        (["8x8", "--modle", "gpt-4o", "--model", "o3"], "--modle"),
        (["8x8"], "Missing option '--model'"),
        (["8x8", "--model", ","], "--model names no model"),
        (["--model", "gpt-4o"], "Missing argument"),
        (["8x8", "--model", "gpt-4o", "--detail", "medium"], "'medium' is not one of"),
        (["8x8", "--model", "gpt-4o", "--fit", "max"], "--max-side"),
        (["8x8", "--model", "gpt-4o", "--fit", "snap", "--max-side", "9"], "--fit max"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], message: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output


def test_an_unknown_model_is_the_commands_error() -> None:
    """`main` prints it and ends with 1; nothing is printed before."""
    result = run("8x8", "--model", "gpt-4o,gpt-5.44", "--json")
    assert isinstance(result.exception, InvalidRequest)
    assert result.exception.code == "unknown_model"
    assert not result.stdout


def test_json_takes_no_heavy_imports() -> None:
    code = "import sys; from cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    words = ["tokens", "1024x1024", "--model", "gpt-4o", "--json"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"numpy", "httpx2", "pydantic", "sqlalchemy", "aiohttp", "PIL", "rich", "genai_prices"}
    assert "vision.tokens" in loaded
