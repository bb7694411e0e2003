"""What has been learned of providers' dialects."""

from datetime import datetime

from sqlalchemy import SmallInteger, false, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class LearnedDialect(Table):
    """How a lane's server wants its requests, as far as its refusals have told."""

    __tablename__ = "dialects"

    lane: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]
    """Hash of the provider's address and kind; with another one, everything is learned anew."""
    learned: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Setting → value, such as {"ceiling": "max_tokens"}."""
    confirmed: Mapped[bool] = mapped_column(server_default=false())
    """A call in this dialect was taken. Until then one call at a time is sent."""
    changes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    probe_until: Mapped[datetime | None]
    """Until then one process has the right to send the next call."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
