"""Figures of a job: counts of items, tokens by kind, estimate and outcome."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class RequestCounts:
    """Items by status; they sum to `total`."""

    total: int
    queued: int
    in_flight: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


@dataclass(frozen=True)
class TokensByKind:
    """Tokens of all calls of a job; image tokens are part of the input."""

    input_tokens: int
    image_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Comparison:
    """Estimated and actual tokens and dollars."""

    estimated: TokensByKind
    actual: TokensByKind
    estimated_cost: Decimal
    actual_cost: Decimal
