"""`tessera migrate`: for containers and for your own servers; `tessera up` migrates by itself."""

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from migrations import upgrade
from vision.errors import ConfigurationError
from vision.settings import Settings


@click.command(name="migrate")
def command() -> None:
    """Bring the database at TESSERA_DATABASE_URL to the newest shape; does nothing if it is there already."""
    migrate(Settings().required_database_url())
    click.echo("The database is up to date.")


def migrate(database_url: str) -> None:
    """Bring a database to the newest shape; ConfigurationError if it cannot be reached."""
    try:
        address = make_url(database_url)
        upgrade(address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    except ArgumentError:
        raise ConfigurationError(
            "TESSERA_DATABASE_URL must look like postgresql+psycopg://user:password@host/name."
        ) from None
    except OperationalError as error:
        problem = " ".join(str(error.orig).split())
        raise ConfigurationError(
            f"The database at {address.render_as_string()} cannot be used: {problem}", code="database_unreachable"
        ) from None
