"""A fake webhook receiver: records and verifies deliveries, answers as scripted.

POST /any/path is a delivery. Without a script the answer is 200, or 400 if a secret is set and the signature is wrong.
Admin: POST /_/secret {"secret": "whsec_…"}; POST /_/script [500, 503, 200, "hang", {"redirect": "https://…"},
       {"status": 200, "headers": {…}, "body": "…", "seconds": 2}]: one entry a delivery, in order;
       GET /_/deliveries → [{number, path, headers, body, json, time, verified, problem, status}]; POST /_/reset.
"""

import asyncio
import time
from collections import deque
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from tests.fakes.serving import Reply, Request, arguments, as_json, run


class Receiver:
    """The deliveries, the secret, the script."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.secret: str | None = None
        self.script: deque[Any] = deque()
        self.deliveries: list[dict[str, Any]] = []

    async def handle(self, request: Request) -> Reply | None:
        """Every route."""
        match request.path:
            case "/_/deliveries":
                return as_json(self.deliveries)
            case "/_/secret":
                self.secret = request.json()["secret"]
            case "/_/script":
                self.script.extend(request.json())
            case "/_/reset":
                self.reset()
            case _:
                return await self._receive(request)
        return as_json({"ok": True})

    async def _receive(self, request: Request) -> Reply:
        problem = self._problem(request)
        usual = 400 if problem else 200
        step = _step(self.script.popleft() if self.script else usual)
        delivery = {
            "number": len(self.deliveries) + 1,
            "method": request.method,
            "path": request.path,
            "headers": request.headers,
            "body": request.body.decode("utf-8", "replace"),
            "json": _parsed(request.body),
            "time": time.time(),
            "verified": problem is None if self.secret else None,
            "problem": problem,
            "status": step["status"],
        }
        self.deliveries.append(delivery)
        await asyncio.sleep(step.get("seconds", 0))
        body = step.get("body", "").encode()
        return Reply(step["status"] or 200, body, step.get("headers", {}), "text/plain")

    def _problem(self, request: Request) -> str | None:
        """What standardwebhooks has against the signature; None when it is good or there is no secret."""
        if not self.secret:
            return None
        try:
            Webhook(self.secret).verify(request.body, request.headers)
        except (WebhookVerificationError, ValueError) as error:
            return str(error)
        return None


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _step(step: Any) -> dict[str, Any]:
    """A line of the script in full; status None: no answer."""
    if isinstance(step, int):
        return {"status": step}
    if step == "hang":
        return {"status": None, "seconds": 3600}
    if "redirect" in step:
        return {"status": step.get("status", 302), "headers": {"location": step["redirect"]}}
    return {"status": 200, **step}


if __name__ == "__main__":
    chosen = arguments("A fake webhook receiver.").parse_args()
    run(Receiver().handle, chosen)
