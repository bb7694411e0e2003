"""Webhook messages: body, signature and schedule of retries (Standard Webhooks 1.0)."""

import base64
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson
from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret

# The schedule that the Standard Webhooks specification gives as its example: ten attempts in about 76 hours.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2


class EventType(StrEnum):
    """What happened to a job."""

    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    EXPIRED = "job.expired"
    PAUSED = "job.paused"


def body(event_id: str, event_type: EventType, created_at: datetime, data: Mapping[str, object]) -> bytes:
    """The exact bytes to store, sign and send, with the members of both OpenAI and Standard Webhooks."""
    moment = created_at.astimezone(UTC)
    event = {
        "id": event_id,
        "object": "event",
        "type": event_type.value,
        "created_at": int(moment.timestamp()),
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": dict(data),
    }
    return orjson.dumps(event)


def sign(secret: str, event_id: str, timestamp: int, payload: bytes) -> dict[str, str]:
    """The three headers of one attempt; `timestamp` is the attempt's, in unix seconds."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": Webhook(secret).sign(event_id, moment, payload.decode()),
    }


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def next_attempt(attempts: int, rand: Callable[[], float] = random.random) -> timedelta | None:
    """How long to wait after so many attempts, up to a fifth longer than the schedule; None: give up."""
    if attempts >= len(SCHEDULE):
        return None
    return SCHEDULE[max(attempts, 0)] * (1 + JITTER * rand())
