"""`tessera submit`: pictures, folders, URLs and manifests become a job."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import click
import orjson

from cli import options, watch
from cli.connection import connect
from cli.figures import count, money
from cli.sending import send
from cli.sources import Sources


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--preset", help="What to ask of each image: moderation, product_tagging, ocr, chart, and more.")
@click.option(
    "--prompt", callback=options.prompt, help="Ask this instead of a preset's prompt; @FILE reads it from a file."
)
@click.option(
    "--schema",
    type=click.File("rb"),
    callback=options.schema,
    help="A file with the JSON schema of the answers to --prompt.",
)
@click.option("--model", help="A model, or provider/model. Without it the service takes its default model.")
@click.option(
    "--detail",
    type=click.Choice(["low", "high", "original", "auto"]),
    help="How closely the model looks at the images.",
)
@click.option(
    "--max-cost",
    callback=options.amount,
    metavar="AMOUNT",
    help="The job pauses before it could cost more than this, in USD.",
)
@click.option("--webhook-url", metavar="URL", help="Where to send a signed message when the job ends.")
@click.option("--language", help="The language of free text in the answers, such as en or de.")
@click.option("--priority", type=int, help="Jobs with a higher priority go first.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), help="The longest answer to one item, in tokens.")
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
@click.option("--json", "as_json", is_flag=True, help="Print the job object instead of its id.")
def command(sources: Sequence[str], watching: bool, as_json: bool, **fields: Any) -> None:
    """Submit images as a job and print its id.

    SOURCE is an image file, a folder (searched for images at any depth), an image URL, or a manifest; several may
    be mixed. Images on this machine are uploaded, and their path becomes the item's custom_id.

    A manifest is .jsonl (one object per line with custom_id, image or images, width, height and metadata), .csv
    (a header with custom_id and image or images; further columns become metadata) or .txt (a URL per line).
    Everything is checked before anything is sent.
    """
    if bool(fields["preset"]) == bool(fields["prompt"]):
        raise click.UsageError("Give --preset or --prompt: one of the two.")
    if fields["schema"] and not fields["prompt"]:
        raise click.UsageError("--schema belongs to --prompt; a preset has its own.")
    with connect() as connection:
        job = send(connection, Sources(sources), fields)
        _announce(job)
        if not (as_json and watching):
            click.echo(orjson.dumps(job) if as_json else job["id"])
        if watching:
            watch.watch(connection, job["id"], as_json=as_json)


def _announce(job: Mapping[str, Any]) -> None:
    """A line for people, beside the id for programs."""
    cost, items = job["cost"], job["request_counts"]["total"]
    known = f", estimated at {money(cost['estimated'], cost['currency'])}" if Decimal(cost["estimated"]) else ""
    click.echo(f"{count(items)} items for {job['provider']}/{job['model']}{known}", err=True)
