"""`tessera migrate`: for containers and for servers of your own; `tessera up` does it by itself."""

import click

from cli.admit import admit
from migrations import upgrade
from vision.settings import Settings


@click.command(name="migrate")
def command() -> None:
    """Bring the database at TESSERA_DATABASE_URL to the newest shape, and let TESSERA_ADMIN_KEY in if it is set."""
    settings = Settings()
    url = settings.required_database_url()
    upgrade(url)
    if settings.admin_key:
        admit(url, settings.admin_key.get_secret_value())
    click.echo("The database is up to date.")
