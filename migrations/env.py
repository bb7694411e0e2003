"""Alembic's entry: the address comes from the caller (`migrations.upgrade`) or from the settings."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from vision.settings import Settings
from vision.storage.tables import Table


def run() -> None:
    """Migrate online, one migration run at a time, never waiting long for a lock that would stop the service."""
    url = context.config.attributes.get("database_url") or Settings().required_database_url()
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '4s'; SET statement_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtext('tessera.migrations'))"))
        connection.commit()
        context.configure(connection=connection, target_metadata=Table.metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()


run()
