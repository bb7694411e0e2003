"""`tessera submit`: pictures, folders, URLs and manifests become a job."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
import orjson

from cli import options, question_options
from cli.commands import watch
from cli.connection import connect
from cli.problems import shortened
from cli.sources.paths import Sources
from cli.sources.sending import Sent, send
from cli.tables.figures import count, money


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@question_options.question
@question_options.columns
@click.option("--model", help="A model, or provider/model. Without it the service takes its default model.")
@click.option(
    "--detail",
    type=click.Choice(options.DETAILS),
    help="How closely the model looks at the images.",
)
@question_options.fit
@click.option(
    "--max-cost",
    callback=options.amount,
    metavar="AMOUNT",
    help="The job pauses before it could cost more than this, in USD.",
)
@click.option(
    "--allow-unpriced", is_flag=True, default=None, help="Run on a model whose price is not known; cost reads as 0."
)
@click.option("--webhook-url", metavar="URL", help="Where to send a signed message when the job ends.")
@click.option("--priority", type=int, help="Jobs with a higher priority go first.")
@click.option(
    "--weight",
    type=click.IntRange(1, 100),
    help="Its share of the limit beside other jobs of its priority; 1 if not given.",
)
@click.option(
    "--deadline",
    "deadline_seconds",
    callback=options.seconds,
    metavar="TIME",
    help="The job expires after this time, such as 30m or 12h.",
)
@click.option(
    "--metadata",
    multiple=True,
    callback=options.pairs,
    metavar="NAME=VALUE",
    help="Store a note with the job. May be repeated.",
)
@click.option(
    "--watch", "watching", is_flag=True, help="Show the progress until the job ends, as `tessera watch` does."
)
@click.option("--again", is_flag=True, help="Make another job, also if the same command has made one within a day.")
@click.option("--json", "as_json", is_flag=True, help="Print the job object instead of its id.")
def command(sources: Sequence[str], watching: bool, as_json: bool, again: bool, **fields: Any) -> None:
    """Submit images as a job and print its id.

    SOURCE is an image file, a folder (searched for images at any depth), an image URL, or a manifest; several may
    be mixed. Images on this machine are uploaded, and their path becomes the item's custom_id.

    A manifest is .jsonl (one object per line with custom_id, image or images, width, height and metadata; or lines of
    OpenAI's Batch API, of which the images are taken), a table (.csv, .tsv, .xlsx, .xls, .ods: a header with custom_id
    and image or images; further columns become metadata) or .txt (a URL per line).
    Everything is checked before anything is sent. Pictures that the service has already are not sent again, so that
    the same command goes on where it was stopped. Repeated within a day, it shows the job that it made before.
    """
    question_options.check_question(fields)
    fields["fit"] = question_options.complete_fit(fields["fit"], fields["max_side"])
    with connect() as connection:
        found = Sources(sources, question_options.choice(fields))
        sent = send(connection, found, fields, again=again)
        job = sent.job
        _announce(sent, found.skipped())
        if not (as_json and watching):
            click.echo(orjson.dumps(job) if as_json else job["id"])
        if watching:
            watch.watch(connection, job["id"], as_json=as_json)


def _announce(sent: Sent, skipped: Sequence[str]) -> None:
    """Lines for people on standard error; the id on standard output is for programs."""
    if skipped:
        click.echo("\n".join([f"Left out: {count(len(skipped))} files.", *shortened(skipped)]), err=True)
    job = sent.job
    if sent.earlier:
        click.echo(f"Submitted before: {job['id']} ({job['status']}). Use --again to make another job.", err=True)
        return
    cost, items = job["cost"], job["request_counts"]["total"]
    known = f", estimated at {money(cost['estimated'], cost['currency'])}" if Decimal(cost["estimated"]) else ""
    click.echo(f"{count(items)} items for {job['provider']}/{job['model']}{known}", err=True)
