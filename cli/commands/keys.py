"""`tessera keys`: who may use the service."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import orjson
from rich.table import Table

from cli.connection import connect
from cli.tables.terminal import console

SCOPES = ("admin", "jobs:read", "jobs:write", "files:read", "files:write", "webhooks:read")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Create, list and revoke API keys."""


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=SCOPES[1:],
    show_default=True,
    help="What the key may do. May be repeated.",
)
@JSON
def create(name: str, scopes: Sequence[str], as_json: bool) -> None:
    """Create a key called NAME and print it. It is shown this once."""
    with connect() as connection:
        key = connection.post("/v1/keys", {"name": name, "scopes": list(scopes)})
    if not as_json:
        click.echo(f"{key['id']}  {key['name']}. Keep the key: it is not shown again.", err=True)
    click.echo(orjson.dumps(key) if as_json else key["secret"])


@command.command(name="list")
@JSON
def list_(as_json: bool) -> None:
    """List the keys, newest first. Of each only the last characters are known."""
    with connect() as connection:
        keys = connection.get("/v1/keys")["data"]
    if as_json:
        click.echo(orjson.dumps(keys))
    else:
        console().print(_table(keys))


@command.command()
@click.argument("id")
@JSON
def revoke(id: str, as_json: bool) -> None:  # noqa: A002 - the argument's name on the help page
    """Revoke the key with this ID. It stops working at once."""
    with connect() as connection:
        key = connection.delete(f"/v1/keys/{id}")
    click.echo(orjson.dumps(key) if as_json else f"{id} is revoked.")


def _table(keys: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("id", "name", "key", "scopes", "created", "revoked", box=None, header_style="bold")
    for key in keys:
        dates = [_date(key[moment]) for moment in ("created_at", "revoked_at")]
        table.add_row(key["id"], key["name"], f"…{key['last4']}", " ".join(key["scopes"]), *dates)
    return table


def _date(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
