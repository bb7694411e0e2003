"""The database's shape over time; `upgrade` brings it to the newest."""

from collections.abc import Set
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

HERE = Path(__file__).parent


def config(database_url: str) -> Config:
    """Alembic's configuration for one database."""
    result = Config()
    result.set_main_option("script_location", str(HERE))
    result.attributes["database_url"] = database_url
    return result


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision; nothing to do if it is there already."""
    command.upgrade(config(database_url), revision)


def serves(present: Set[str]) -> bool:
    """Whether a database at these revisions has what this code needs.

    A revision that this code does not know is a later one: a newer version is being rolled out, and what it takes away
    only a version after it does (expand first, contract later).
    """
    heads, known = _revisions()
    return present == heads or not present <= known


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Those that this code was written for, and all that it knows."""
    scripts = ScriptDirectory(str(HERE))
    return frozenset(scripts.get_heads()), frozenset(script.revision for script in scripts.walk_revisions())
