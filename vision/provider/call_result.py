"""How a call ended: a reply or a failure, and the limits that the provider reported."""

from collections.abc import Mapping
from dataclasses import dataclass

from vision.kinds import Failed, Kind, Reply
from vision.provider import headers
from vision.provider.failures import Failure, Then, classify, classify_failed
from vision.provider.failures.said import Said
from vision.provider.failures.said import read as read_error
from vision.provider.headers import NOTHING_REPORTED, RateLimits


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response of any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class CallResult:
    """A reply or a failure; one of them is None. `said`: what the body says of a failure, if it is a refusal."""

    reply: Reply | None
    failure: Failure | None
    request_id: str | None = None
    limits: RateLimits = NOTHING_REPORTED
    said: Said | None = None


def read(kind: Kind, response: Response | Failure) -> CallResult:
    """Read a response into a result; never raises, whatever the provider sent."""
    if isinstance(response, Failure):
        return CallResult(None, response)
    sent = response.headers
    if response.status // 100 != 2:
        said = read_error(response.content)
        return _ended(response, failure=classify(response.status, said, sent), said=said)
    try:
        return _ended(response, reply=kind.read(response.content))
    except Failed as error:
        said = read_error(error.error)
        return _ended(response, failure=classify_failed(said, sent, charged=error.charged), said=said)
    except (LookupError, TypeError, AttributeError, ValueError):
        return _ended(response, failure=_malformed(response.status))


def _malformed(status: int) -> Failure:
    """The call may have been charged for."""
    message = "The provider answered 200 with a body that is not of its protocol."
    return Failure(Then.LATER, "upstream_invalid_response", message, status=status, unknown_cost=True)


def _ended(
    response: Response, *, reply: Reply | None = None, failure: Failure | None = None, said: Said | None = None
) -> CallResult:
    return CallResult(
        reply=reply,
        failure=failure,
        request_id=_storable(next((response.headers[name] for name in _REQUEST_IDS if name in response.headers), None)),
        limits=headers.read(response.headers),
        said=said,
    )


_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-oneapi-request-id")


def _storable(value: str | None) -> str | None:
    """The value if it can be stored beside an answer, else None."""
    return value[:200] if value and value.isascii() and value.isprintable() else None
