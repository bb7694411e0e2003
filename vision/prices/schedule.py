"""The price of one model's calls over time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import time

from vision.prices.listed import HOUR, hourly_price, list_price
from vision.prices.price import Price


@dataclass(frozen=True, slots=True)
class PriceSchedule:
    """A price that the user set, or else the list price of a model times a relay's factor, on any day."""

    model: str
    own: Price | None = None
    """Does not follow the list; no factor applies to it."""
    factor: Decimal = Decimal(1)
    batch_factor: Decimal | None = None
    """The part of the price that batches cost; None: not offered, or not known."""
    flex_factor: Decimal | None = None

    def now(self) -> Price | None:
        """The price when this hour began; None if there is none. Quick enough for every call."""
        return self.own or hourly_price(self.model, self.factor, int(time()) // HOUR)

    def highest(self) -> Price | None:
        """A price no lower than now or in an hour: the highest for a call that starts soon."""
        now = self.now()
        later = self.own or hourly_price(self.model, self.factor, int(time()) // HOUR + 1)
        return now.or_higher(later) if now and later else now or later

    def at(self, moment: datetime) -> Price | None:
        """The price at a time, given with its zone."""
        return self.own or list_price(self.model, moment, self.factor)

    def batch(self) -> Price | None:
        """The price of batches now. Its input and output are what they cost; of cached input that is not known."""
        return _part(self.now(), self.batch_factor)

    def flex(self) -> Price | None:
        """The price of flexible calls now, likewise."""
        return _part(self.now(), self.flex_factor)


def _part(price: Price | None, factor: Decimal | None) -> Price | None:
    return None if price is None or factor is None else price.scaled(factor)
