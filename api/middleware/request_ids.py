"""An id for every request, on every response: ours, and the client's own echoed."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = "x-request-id"
THEIRS = "x-client-request-id"
_HARMLESS = re.compile(r"[\x21-\x7e]{1,512}")


class RequestIds:
    """Middleware; the id is `request.state.request_id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the id in the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{uuid.uuid4().hex}"
        theirs = Headers(scope=scope).get(THEIRS, "")
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[OURS] = request_id
                if _HARMLESS.fullmatch(theirs):
                    headers[THEIRS] = theirs
            await send(message)

        await self._app(scope, receive, send_with_id)
