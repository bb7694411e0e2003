"""`tessera migrate`: for containers and for servers of your own; `tessera up` does it by itself."""

import click

from migrations import upgrade
from vision.settings import Settings


@click.command(name="migrate")
def command() -> None:
    """Bring the database at TESSERA_DATABASE_URL to the newest shape; does nothing if it is there already."""
    upgrade(Settings().required_database_url())
    click.echo("The database is up to date.")
