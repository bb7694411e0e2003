"""Options that `tessera submit` and `tessera estimate` share: the question, and the size of images sent."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli import options
from cli.sources.choice import Choice

Command = TypeVar("Command", bound=Callable[..., Any])

QUESTION = (
    click.option("--preset", help="What to ask of each image: moderation, product_tagging, ocr, chart, and more."),
    click.option(
        "--prompt", callback=options.prompt, help="Ask this instead of a preset's prompt; @FILE reads it from a file."
    ),
    click.option(
        "--schema",
        type=click.File("rb"),
        callback=options.schema,
        help="A file with the JSON schema of the answers to --prompt.",
    ),
    click.option("--language", help="The language of free text in the answers, such as en or de."),
    click.option("--max-output-tokens", type=click.IntRange(min=1), help="The longest answer to one item, in tokens."),
)
COLUMNS = (
    click.option("--image-column", metavar="NAME", help="The column of a table that has the images."),
    click.option("--id-column", metavar="NAME", help="The column of a table that becomes the custom_id."),
)
FIT = (
    click.option(
        "--fit",
        type=click.Choice(["none", "snap", "max"]),
        help="Shrink images: snap by a few percent where that saves a row or column of patches or tiles, max to "
        "--max-side. Nothing is enlarged.",
    ),
    click.option(
        "--max-side",
        type=click.IntRange(min=1),
        metavar="PIXELS",
        help="Shrink images to this many pixels on the long side; the same as --fit max with it.",
    ),
)


def question(command: Command) -> Command:
    """--preset, --prompt, --schema, --language, --max-output-tokens."""
    return _with(command, QUESTION)


def fit(command: Command) -> Command:
    """--fit and --max-side; to be read with `complete_fit`."""
    return _with(command, FIT)


def columns(command: Command) -> Command:
    """--image-column and --id-column; to be read with `choice`."""
    return _with(command, COLUMNS)


def choice(fields: dict[str, Any]) -> Choice:
    """The columns that were named, taken out of the command's fields."""
    return Choice(fields.pop("image_column"), fields.pop("id_column"))


def check_question(fields: dict[str, Any]) -> None:
    """UsageError unless there is one question, and a schema only with a prompt. A model that is named may need none."""
    named = fields.get("model") or fields.get("models")
    questions = bool(fields["preset"]) + bool(fields["prompt"])
    if questions > 1 or not (questions or named):
        raise click.UsageError("Give --preset or --prompt: one of the two.")
    if fields["schema"] and not fields["prompt"]:
        raise click.UsageError("--schema belongs to --prompt; a preset has its own.")


def complete_fit(kind: str | None, max_side: int | None) -> str | None:
    """The kind of fit, where --max-side alone says max; UsageError if the two disagree."""
    if kind == "max" and max_side is None:
        raise click.UsageError("--fit max needs --max-side PIXELS.")
    if max_side is not None and kind not in {None, "max"}:
        raise click.UsageError(f"--max-side belongs to --fit max, not to --fit {kind}.")
    return "max" if max_side is not None else kind


def _with(command: Command, given: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(given):
        command = option(command)
    return command
