"""The database's shape over time; `upgrade` brings it to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def config(database_url: str) -> Config:
    """Alembic's configuration for one database."""
    result = Config()
    result.set_main_option("script_location", str(Path(__file__).parent))
    result.attributes["database_url"] = database_url
    return result


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision; nothing to do if it is there already."""
    command.upgrade(config(database_url), revision)
