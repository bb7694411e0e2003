"""COPY: the only way fast enough for items (217,000 rows/s measured, 33,000 by INSERT)."""

from collections.abc import Iterable, Sequence
from typing import cast

from psycopg import AsyncConnection as DriverConnection
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncConnection


async def copy_rows(
    connection: AsyncConnection,
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[object]],
) -> None:
    """Write rows in the connection's transaction; columns are (name, PostgreSQL type).

    The driver's own errors come through: SQLAlchemy does not see this statement.
    """
    raw = await connection.get_raw_connection()
    driver = cast("DriverConnection[object]", raw.driver_connection)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    )
    async with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([type_name for _, type_name in columns])
        for row in rows:
            await copy.write_row(row)
