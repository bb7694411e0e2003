"""Lanes: one provider key and one model each, one rate limit, one queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from pydantic import SecretStr

from vision.kinds import KINDS, PUBLISHED, Dialect, Kind
from vision.prices import Price, PriceSchedule
from vision.provider.catalogue.entries import ImagePath
from vision.provider.limits import Limit
from vision.tokens import details


@dataclass(frozen=True)
class Account:
    """The account that pays for calls, by OpenAI's variables OPENAI_ORG_ID and OPENAI_PROJECT_ID."""

    organization: str | None = None
    project: str | None = None


NOBODY = Account()


@dataclass(frozen=True)
class Provider:
    """A provider's address, key, and kind of calls."""

    name: str
    base_url: str
    api_key: SecretStr
    api: str
    """The kind of calls that its models take, unless a model says otherwise."""
    images: ImagePath
    account: Account = NOBODY
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    query: Mapping[str, SecretStr] = field(default_factory=dict)
    dialect: Dialect = PUBLISHED
    stated: frozenset[str] = frozenset()
    """Settings of the dialect that providers.toml states: they are not learned."""


@dataclass(frozen=True)
class Lane:
    """One model at one provider: its limits, token rule and prices.

    `max_in_flight`: calls at once (None: no such limit).
    """

    name: str
    provider: Provider
    model: str
    limit: Limit
    image_tokens: str
    price_schedule: PriceSchedule
    presets: tuple[str, ...] | None
    max_in_flight: int | None = None
    own_kind: str | None = None
    executor: str = "direct"
    """Who carries out its calls (worker.dispatch.executors)."""

    @property
    def kind(self) -> Kind:
        """The kind of its calls: its own, or else its provider's."""
        return KINDS[self.own_kind or self.provider.api]

    @property
    def address(self) -> str:
        """A hash of where its calls go and of their kind: what was learned of another address does not count."""
        return sha256(f"{self.provider.base_url} {self.kind.name}".encode()).hexdigest()[:16]

    @property
    def price(self) -> Price | None:
        """The price now, to the hour; None if it is not known. Read it for each call: prices change in time."""
        return self.price_schedule.now()

    @property
    def highest_price(self) -> Price | None:
        """The price for reserving money: no less than the price now and in an hour."""
        return self.price_schedule.highest()

    def price_at(self, at: datetime) -> Price | None:
        """The price at a time, given with its zone."""
        return self.price_schedule.at(at)

    @property
    def batch_price(self) -> Price | None:
        """The price of the provider's batch API now; None if there is none for this model, or it is not known."""
        return self.price_schedule.batch()

    @property
    def flex_price(self) -> Price | None:
        """The price now of calls that wait for spare capacity."""
        return self.price_schedule.flex()

    @property
    def details(self) -> tuple[str, ...]:
        """The levels of detail to choose from, `auto` first; nothing else where they make no difference."""
        return details(self.image_tokens) if self.kind.by_tokens else ("auto",)

    def serves(self, preset: str | None, *, has_question: bool = True) -> bool:
        """Whether the model takes this preset (None: the caller's own prompt; without `has_question`, no question)."""
        if not has_question or not self.kind.prompted:
            return has_question == self.kind.prompted
        return self.presets is None or preset in self.presets
