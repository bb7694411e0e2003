"""Changes that take their time, beside a service that runs: in steps of their own, so that no table is shut meanwhile.

A migration that uses these may be broken off in its middle. It has to bear being run again from its beginning.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

PATIENT = "SET lock_timeout = 0; SET statement_timeout = 0"
HURRIED = "SET lock_timeout = '4s'; SET statement_timeout = '60s'"
"""What shuts a table must not wait for it long: everybody who comes after would wait as well."""
AT_ONCE = 1_000


@contextmanager
def unhurried() -> Iterator[None]:
    """Each statement is a transaction, and takes as long as it takes. What was done before is committed."""
    with op.get_context().autocommit_block():
        op.execute(PATIENT)
        try:
            yield
        finally:
            op.execute(HURRIED)


def add_index(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """Build an index while its table is written to."""
    with unhurried():
        # One whose building was broken off is there, and of no use.
        op.drop_index(name, table_name=table, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def fill(table: str, assignments: str) -> None:
    """Set columns in all rows of a table with an `id`, a thousand at a time."""
    some = sa.text(
        f"UPDATE {table} SET {assignments} "
        f"WHERE id IN (SELECT id FROM {table} WHERE id > :after ORDER BY id LIMIT {AT_ONCE}) RETURNING id"
    )
    after = UUID(int=0)
    with unhurried():
        while done := op.get_bind().execute(some, {"after": after}).scalars().all():
            after = max(done)
