"""Alembic's entry: the address comes from the caller (`migrations.upgrade`) or from the settings."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from migrations.online import HURRIED
from vision.errors import ConfigurationError
from vision.settings import Settings
from vision.storage.tables import Table

LONGEST_SECONDS = 3_600.0
"""How long another migration run is waited for."""


def run() -> None:
    """Migrate online, one migration run at a time, never waiting long for a lock that would stop the service."""
    url = context.config.attributes.get("database_url") or Settings().required_database_url()
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(HURRIED))
        _wait_for_turn(connection)
        context.configure(
            connection=connection,
            target_metadata=Table.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        _refuse_newer()
        with context.begin_transaction():
            context.run_migrations()


def _wait_for_turn(connection: Connection) -> None:
    """Ask again and again: an index that is built beside the service waits for every statement that is under way."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not connection.execute(text("SELECT pg_try_advisory_lock(hashtext('tessera.migrations'))")).scalar_one():
        connection.commit()
        if time.monotonic() > deadline:
            raise ConfigurationError("Another migration of this database does not come to an end. Look for it.")
        time.sleep(0.2)
    connection.commit()


def _refuse_newer() -> None:
    known = {script.revision for script in context.script.walk_revisions()}
    if unknown := set(context.get_context().get_current_heads()) - known:
        raise ConfigurationError(
            f"A newer version of Tessera has migrated this database ({', '.join(sorted(unknown))}). "
            "Nothing was changed. Install that version, or restore a backup from before it.",
            code="database_newer",
        )


run()
