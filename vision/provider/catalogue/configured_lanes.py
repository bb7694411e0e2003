"""Makes lanes of the entries of providers.toml."""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import SecretStr

from vision.errors import ConfigurationError, TesseraError
from vision.kinds import KINDS, Dialect
from vision.kinds.dialect import OMITTED
from vision.presets import names as preset_names
from vision.prices import FREE, Price, PriceSchedule, batch_factor, flex_factor, parse_price
from vision.provider.catalogue.entries import ModelEntry, ProviderEntry
from vision.provider.catalogue.lane import NOBODY, Account, Lane, Provider
from vision.provider.limits import Limit
from vision.tokens import find_rule

OPENAI = "openai.com"


def lanes_of(entry: ProviderEntry, environment: Mapping[str, str], *, assumed: bool = False) -> list[Lane]:
    """A lane for each model of a provider, with the API key out of the environment; ConfigurationError."""
    key = environment.get(entry.api_key_env, "") if entry.api_key_env else "none"
    if not key:
        raise ConfigurationError(
            f"Provider {entry.name}: the environment variable {entry.api_key_env} is not set. "
            "Set it to the provider's API key, or take the provider out of providers.toml."
        )
    account = _account(entry, environment) if assumed else NOBODY
    stated = _stated(entry)
    provider = Provider(
        entry.name,
        entry.base_url,
        SecretStr(key),
        entry.api,
        entry.images,
        account,
        headers=_values(entry.name, entry.headers, environment),
        query=_values(entry.name, entry.query, environment),
        dialect=Dialect(**stated, extra_body=entry.extra_body),
        stated=frozenset(stated),
    )
    return [_lane(provider, name, model, entry, assumed) for name, model in entry.models.items()]


def _stated(entry: ProviderEntry) -> dict[str, str]:
    """The settings of the dialect that an entry states."""
    named = {"ceiling": entry.ceiling, "structure": entry.structure, "instructions": entry.instructions}
    return {name: value for name, value in named.items() if value} | dict.fromkeys(entry.omit, OMITTED)


def _values(name: str, stated: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, SecretStr]:
    """Headers or a query, with what `env:NAME` stands for; ConfigurationError."""
    return {key: SecretStr(_value(name, value, environment)) for key, value in stated.items()}


def _value(name: str, value: str, environment: Mapping[str, str]) -> str:
    prefix, _, variable = value.partition(":")
    if prefix == "env" and not (value := environment.get(variable, "")):
        raise ConfigurationError(f"Provider {name}: the environment variable {variable} is not set.")
    if "\n" in value or "\r" in value:
        raise ConfigurationError(f"Provider {name}: a value of its headers or query has a line break.")
    return value


def _account(entry: ProviderEntry, environment: Mapping[str, str]) -> Account:
    """What the environment says, if the provider is OpenAI; a relay does not get it."""
    host = urlsplit(entry.base_url).hostname or ""
    if host != OPENAI and not host.endswith(f".{OPENAI}"):
        return NOBODY
    return Account(environment.get("OPENAI_ORG_ID"), environment.get("OPENAI_PROJECT_ID"))


def _lane(provider: Provider, model: str, limits: ModelEntry, entry: ProviderEntry, assumed: bool) -> Lane:
    name = f"{provider.name}/{model}"
    rule = _rule(name, model, limits, entry)
    return Lane(
        name=name,
        provider=provider,
        model=model,
        limit=_limit(limits, entry.share, assumed),
        image_tokens=rule,
        price_schedule=_price_schedule(name, model, rule, limits, entry),
        presets=_presets(name, limits),
        max_in_flight=limits.max_in_flight and _part(limits.max_in_flight, entry.share),
        own_kind=limits.kind,
    )


def _limit(stated: ModelEntry, share: float, assumed: bool) -> Limit:
    return Limit(
        rpm=_part(stated.rpm, share),
        tpm=stated.tpm and _part(stated.tpm, share),
        rpd=stated.rpd and _part(stated.rpd, share),
        tpd=stated.tpd and _part(stated.tpd, share),
        ipm=stated.ipm and _part(stated.ipm, share),
        share=share,
        assumed=assumed,
    )


def _part(limit: int, share: float) -> int:
    return max(1, int(limit * share))


def _rule(name: str, model: str, limits: ModelEntry, entry: ProviderEntry) -> str:
    counted = KINDS[limits.kind or entry.api].by_tokens
    try:
        return find_rule(limits.image_tokens or (model if counted else "none"))
    except TesseraError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None


def _presets(name: str, limits: ModelEntry) -> tuple[str, ...] | None:
    if limits.presets is None:
        return None
    if unknown := sorted(set(limits.presets) - set(preset_names())):
        raise ConfigurationError(
            f"{name}: presets: there is no preset {unknown[0]!r}; there are {', '.join(preset_names())}."
        )
    return tuple(limits.presets)


def _price_schedule(name: str, model: str, rule: str, limits: ModelEntry, entry: ProviderEntry) -> PriceSchedule:
    """The relay's `price_factor` is for list prices; so are the published factors of batches and flexible calls."""
    if limits.price == "free":
        return PriceSchedule(model, FREE)
    if limits.price is not None:
        own = _own_price(name, limits.price)
        return PriceSchedule(model, own, batch_factor=entry.batch_factor, flex_factor=entry.flex_factor)
    price_schedule = PriceSchedule(
        model,
        factor=entry.price_factor,
        batch_factor=_first(entry.batch_factor, batch_factor(rule)),
        flex_factor=_first(entry.flex_factor, flex_factor(rule)),
    )
    price_schedule.now()  # the price data takes half a second to load: here rather than in the first call
    return price_schedule


def _first(configured: Decimal | None, published: Decimal | None) -> Decimal | None:
    return published if configured is None else configured


def _own_price(name: str, price: object) -> Price:
    if not isinstance(price, Mapping):
        raise ConfigurationError(
            f"{name}: price = {price!r} is not a price. In dollars per million tokens give "
            '{ input = "0.15", output = "0.60" }; or give "free".'
        )
    try:
        return parse_price(price)
    except TesseraError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None
