"""Receives webhooks on loopback and checks their signatures with the package `standardwebhooks`."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any, Self

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from cli.problems import Problem

Message = tuple[dict[str, str], bytes]
PATIENCE_SECONDS = 30


class Receiver:
    """A context; listens at `url` meanwhile."""

    def __init__(self) -> None:
        self._messages: Queue[Message] = Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._messages))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/tessera"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, name="webhooks", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def verified(self, secret: str) -> dict[str, Any]:
        """The next message, its signature checked; Problem if none comes or it is not the service's."""
        try:
            headers, body = self._messages.get(timeout=PATIENCE_SECONDS)
            event: dict[str, Any] = Webhook(secret).verify(body, headers)
        except Empty:
            raise Problem(f"No webhook arrived within {PATIENCE_SECONDS} seconds.") from None
        except WebhookVerificationError as error:
            raise Problem(f"A webhook's signature is wrong: {error}.") from error
        return event


def _handler(messages: Queue[Message]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            messages.put((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler
