"""Sums over items that are sent one way; memory does not grow with the number of items."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sums:
    """Numbers of all items, of those to call for, of those the provider would refuse, of those over the limit.

    `image_tokens` are those of the accepted items; `squares` is the sum of each item's square, for the variance.
    """

    items: int = 0
    accepted: int = 0
    rejected: int = 0
    too_large: int = 0
    image_tokens: int = 0
    squares: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            items=self.items + other.items,
            accepted=self.accepted + other.accepted,
            rejected=self.rejected + other.rejected,
            too_large=self.too_large + other.too_large,
            image_tokens=self.image_tokens + other.image_tokens,
            squares=self.squares + other.squares,
        )

    def moments(self, per_token: float, per_item: float) -> tuple[float, float]:
        """Sum, and sum of squares, of `per_token` x tokens + `per_item` over the accepted items."""
        first = per_token * self.image_tokens + per_item * self.accepted
        cross = 2 * per_token * per_item * self.image_tokens
        return first, per_token**2 * self.squares + cross + per_item**2 * self.accepted
