"""Messages verify with the receivers' own library; the schedule ends."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from time import time

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from vision.outbound import webhooks
from vision.outbound.webhooks import EventType

EVENT = "evt_0190c0ffee"
MOMENT = datetime(2026, 11, 22, 1, 2, 3, 456_000, tzinfo=timezone(timedelta(hours=1)))


def test_a_body_speaks_both_dialects():
    body = webhooks.body(EVENT, EventType.SUCCEEDED, MOMENT, {"id": "job_1", "status": "succeeded"})
    assert orjson.loads(body) == {
        "id": EVENT,
        "object": "event",
        "type": "job.succeeded",
        "created_at": int(MOMENT.timestamp()),
        "timestamp": "2026-11-22T00:02:03.456Z",
        "data": {"id": "job_1", "status": "succeeded"},
    }


def test_receivers_can_verify_a_message():
    secret = webhooks.new_secret()
    body = webhooks.body(EVENT, EventType.PAUSED, MOMENT, {"reason": "Köln \u2603"})
    headers = webhooks.sign(secret, EVENT, int(time()), body)
    assert headers.keys() == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert Webhook(secret).verify(body, headers)["type"] == "job.paused"


@pytest.mark.parametrize("change", ["body", "id", "secret", "age"])
def test_a_changed_message_does_not_verify(change: str):
    secret, body, now = webhooks.new_secret(), b'{"a":1}', int(time())
    headers = webhooks.sign(secret, EVENT, now - 400 if change == "age" else now, body)
    if change == "id":
        headers["webhook-id"] = "evt_other"
    verifier = Webhook(webhooks.new_secret() if change == "secret" else secret)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(b'{"a":2}' if change == "body" else body, headers)


def test_a_signature_is_the_one_that_it_always_was():
    """The HMAC by the specification's own formula, so that another version of the library cannot change it unseen."""
    key, body = bytes(range(32)), "{}"
    digest = hmac.digest(key, f"{EVENT}.1790000000.{body}".encode(), hashlib.sha256)
    secret = "whsec_" + base64.b64encode(key).decode()
    signature = webhooks.sign(secret, EVENT, 1_790_000_000, body.encode())["webhook-signature"]
    assert signature == f"v1,{base64.b64encode(digest).decode()}"


def test_secrets_are_long_and_differ():
    secrets = {webhooks.new_secret() for _ in range(10)}
    assert len(secrets) == 10
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}


def test_the_schedule_takes_three_days_and_ends():
    waits = [webhooks.next_attempt(attempts, lambda: 0.0) for attempts in range(11)]
    assert waits[:3] == [timedelta(0), timedelta(seconds=5), timedelta(minutes=5)]
    assert waits[9:] == [timedelta(hours=24), None]
    assert sum((wait for wait in waits if wait), timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


def test_jitter_only_adds():
    assert webhooks.next_attempt(2, lambda: 1.0) == timedelta(minutes=6)
    assert all(timedelta(minutes=5) <= (webhooks.next_attempt(2) or timedelta()) for _ in range(100))


def test_every_way_a_job_ends_has_an_event():
    assert {event.value for event in EventType} == {
        "job.succeeded",
        "job.failed",
        "job.cancelled",
        "job.expired",
        "job.paused",
    }
