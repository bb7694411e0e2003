"""`tessera tokens`: counts the tokens of images, without a service."""

import sys
from collections.abc import Iterable, Sequence

import click
import orjson

from cli import options, question_options
from cli.sources.pictures import Picture, pictures
from cli.tables.token_counts import Count, as_json, count, levels
from vision.errors import TesseraError
from vision.tokens import Fit


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("images", nargs=-1, required=True, metavar="WIDTHxHEIGHT...", callback=pictures)
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    callback=options.names,
    metavar="MODEL[,MODEL...]",
    help="Whose rule counts, such as gpt-4o-mini. Several are compared.",
)
@click.option(
    "--detail",
    type=click.Choice(options.DETAILS),
    help="How closely the model looks. Without it every level is shown; with --json it is auto.",
)
@question_options.fit
@click.option("--json", "as_lines", is_flag=True, help="Print an object a line, for each image and model.")
def command(
    images: Sequence[Picture],
    models: Sequence[str],
    detail: str | None,
    fit: str | None,
    max_side: int | None,
    as_lines: bool,
) -> None:
    """Count the tokens of images by the provider's published rule.

    An image is given by its size, as 1024x768, or as a file, whose header is read. Nothing is sent anywhere.

    The table tells the size that the model sees after the provider's own resizing, and dollars for the image tokens
    alone, at today's list price. The exit code is 1 if an image would be refused.
    """
    if not models:
        raise click.UsageError("--model names no model.")
    chosen = Fit(question_options.complete_fit(fit, max_side) or "none", max_side)
    combinations = [(model, each) for model in models for each in _details(model, detail, as_lines)]
    counts = [count(image, model, each, chosen) for image in images for model, each in combinations]
    if as_lines:
        click.echo(b"".join(orjson.dumps(as_json(each), option=orjson.OPT_APPEND_NEWLINE) for each in counts), nl=False)
    else:
        _show(counts)
    sys.exit(any(each.error for each in counts))


def _details(model: str, detail: str | None, as_lines: bool) -> Iterable[str]:
    if detail is None:
        return ["auto"] if as_lines else levels(model)
    return [detail]


def _show(counts: Sequence[Count]) -> None:
    """Print the table, and below it the errors. The imports take half a second."""
    from cli.tables import terminal, tokens  # noqa: PLC0415 - see above

    if any(each.tokens for each in counts):
        if same := tokens.title(counts):
            click.echo(same)
        terminal.print_whole(tokens.table(counts))
        for note in tokens.notes(counts):
            terminal.console().print(f"\n{note}")
    refusals = (_refusal(each, each.error) for each in counts if each.error)
    for line in dict.fromkeys(refusals):
        click.echo(f"Error: {line}", err=True)


def _refusal(count: Count, error: TesseraError) -> str:
    """An error of the picture itself is the same for every model, so none is named."""
    name, message = count.picture.name, f"{error.message} [{error.code}]"
    if error is not count.picture.error:
        return f"{name}, {count.model}, {count.detail}: {message}"
    return message if message.startswith(name[:80]) else f"{name}: {message}"
