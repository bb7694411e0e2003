"""`tessera estimate`: tokens, cost and time of a job for each model and detail, before anything is sent to one."""

from collections.abc import Sequence
from typing import Any

import click
import orjson

from cli import options, question_options
from cli.connection import connect
from cli.sources.paths import Sources
from cli.sources.sending import deliver
from cli.sources.sized_items import SizedItems
from cli.tables import estimates, figures, terminal

NAMED = 5


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@question_options.question
@click.option(
    "--models",
    "--model",
    multiple=True,
    callback=options.names,
    metavar="MODEL[,MODEL...]",
    help="Models, or provider/model. Without it every model that is configured for the preset.",
)
@click.option(
    "--details",
    "--detail",
    multiple=True,
    callback=options.levels,
    metavar="LEVEL[,LEVEL...]",
    help="Levels of detail: low, high, original or auto. Without it every level that a model has.",
)
@question_options.fit
@question_options.columns
@click.option("--json", "as_json", is_flag=True, help="Print the estimate object instead of a table.")
def command(sources: Sequence[str], as_json: bool, **fields: Any) -> None:
    """Tell what a job would take, without running it, for each model and detail, cheapest first.

    SOURCE is what `tessera submit` takes. Images on this machine are not uploaded: their sizes are read here. Of
    images elsewhere without a size the service looks at a sample; the table then says how exact it is. In a manifest
    width and height are enough, without an image; in .jsonl also sizes, for items of several images:
    [[width, height], ...].

    Cost is at list price, or at the price that is set for the provider. Time is what the limits of requests and
    tokens per minute allow at best.
    """
    question_options.check_question(fields)
    fields["fit"] = question_options.complete_fit(fields["fit"], fields["max_side"])
    items = SizedItems(Sources(sources, question_options.choice(fields)))
    with connect() as connection, terminal.waiting("Estimating"):
        estimate = deliver(connection, "/v1/estimates", items, _given(fields), items.place)
    _warn(items)
    if as_json:
        click.echo(orjson.dumps(estimate))
    else:
        _show(estimate)


def _show(estimate: dict[str, Any]) -> None:
    console = terminal.console()
    terminal.print_whole(estimates.table(estimate, console.width))
    console.print()
    for line in (estimates.summary(estimate), *estimates.notes(estimate)):
        console.print(line)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without empty lists."""
    return {name: value for name, value in fields.items() if value != []}


def _warn(items: SizedItems) -> None:
    """Name the first pictures that could not be read; they would fail in a job, too."""
    if not items.left_out:
        return
    click.echo(f"Left out: {figures.items(items.left_out)} whose images cannot be read.", err=True)
    for reason in items.unreadable[:NAMED]:
        click.echo(f"  {reason}", err=True)
    if items.left_out > NAMED:
        click.echo(f"  … and {figures.count(items.left_out - NAMED)} more", err=True)
