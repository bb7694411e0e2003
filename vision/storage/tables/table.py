"""What every table has: names for its constraints, column types by annotation."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import DateTime, Integer, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

MONEY = Numeric(18, 8)


class Table(DeclarativeBase):
    """Naming convention, so that constraints can be altered later; column types by annotation."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain dict
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: MONEY,
        dict[str, object]: JSONB,
        list[str]: ARRAY(Text),
        list[int]: ARRAY(Integer),
        list[Decimal]: ARRAY(MONEY),
    }
