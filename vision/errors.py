"""All errors that Tessera raises.

TesseraError
├── RequestError            the caller's mistake; nothing was stored
│   ├── InvalidRequest      a field, a manifest line, a schema
│   ├── Unauthorized        no key, or a wrong or revoked one
│   ├── Forbidden           the key lacks the scope
│   ├── NotFound            unknown, or another tenant's
│   ├── Conflict            not possible in the present state
│   ├── TooLarge            a body or file over its limit
│   └── Throttled           too many wrong keys from one address
├── ItemError               one item cannot be done; its job goes on
│   └── ImageError          unreachable, blocked, oversized, corrupt, unsupported
├── ProviderError           the provider answered with an error, or not at all
└── ConfigurationError      settings or providers.toml; refused at start
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    """What to do after an error."""

    NEVER = "never"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True)
class Detail:
    """One problem among several: a manifest line, a schema path."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class TesseraError(Exception):
    """Something went wrong inside Tessera; the log has the request id."""

    code = "internal_error"
    retry = Retry.NEVER

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        param: str | None = None,
        retry: Retry | None = None,
        details: Sequence[Detail] = (),
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.code = code or type(self).code
        self.param = param
        self.retry = retry or type(self).retry
        self.details = tuple(details)
        super().__init__(self.message)


class RequestError(TesseraError):
    """The request cannot be served as it stands; nothing was stored."""

    code = "invalid_request"


class InvalidRequest(RequestError):
    """A field of the request is missing or wrong; nothing was stored."""


class Unauthorized(RequestError):
    """No valid API key was sent. Pass one as `Authorization: Bearer KEY`."""

    code = "invalid_api_key"


class Forbidden(RequestError):
    """This API key lacks the scope that the request needs."""

    code = "insufficient_scope"


class NotFound(RequestError):
    """No such object under this API key."""

    code = "not_found"


class Conflict(RequestError):
    """The object's present state does not allow this."""

    code = "conflict"


class TooLarge(RequestError):
    """The body is larger than the limit of this route."""

    code = "too_large"


class Throttled(RequestError):
    """Too many requests with a wrong API key came from this address. Correct the key, and try again in a minute."""

    code = "too_many_wrong_keys"
    retry = Retry.LATER


class ItemError(TesseraError):
    """This item cannot be done; the rest of its job goes on."""

    code = "item_failed"


class ImageError(ItemError):
    """The image could not be read."""

    code = "image_corrupt"


class ProviderError(TesseraError):
    """The provider answered with an error, or not at all."""

    code = "upstream_error"
    retry = Retry.LATER


class ConfigurationError(TesseraError):
    """The configuration is not usable; see the message."""

    code = "configuration_error"
