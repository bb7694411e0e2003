"""What a call costs: list prices as of a date, a user's own prices, batches, and the arithmetic, in `Decimal` dollars.

>>> from decimal import Decimal
>>> Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), "an example").cost(Usage(25_501, 60))
Decimal('0.00386115')

Pure arithmetic on facts: no network. What a model costs over time is a `PriceSchedule`.
"""

from vision.prices.booking import Booking, Count, book, credible
from vision.prices.listed import list_price
from vision.prices.own import parse_price
from vision.prices.price import FREE, Price, Usage
from vision.prices.schedule import PriceSchedule
from vision.prices.tiers import batch_factor, flex_factor

__all__ = [
    "FREE",
    "Booking",
    "Count",
    "Price",
    "PriceSchedule",
    "Usage",
    "batch_factor",
    "book",
    "credible",
    "flex_factor",
    "list_price",
    "parse_price",
]
