"""The connection from a command to the service: address, key, and readable errors."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import httpx2
import orjson
from pydantic import Field, SecretStr

from cli.problems import LINE, Locate, refused, unreachable
from vision.settings import Settings

Parameters = Mapping[str, str | int | None]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT = httpx2.Timeout(30, connect=5)
SLOW = httpx2.Timeout(600, connect=5)
"""For requests that send or receive a whole job."""


class ConnectionSettings(Settings):
    """The service's settings, and where to find it."""

    url: str | None = Field(None, description="Address of the service. Default: this machine, at PORT.")
    api_key: SecretStr | None = Field(None, description="API key of the commands. Default: the local admin key.")


class Connection:
    """A client of one service. Thread-safe. Raises Problem, or Unreachable when nothing answers."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT,
            trust_env=httpx2.URL(url).host not in LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """The JSON at `path`."""
        return self._request("GET", path, params=_given(parameters))

    def post(self, path: str, body: object = None, place: Locate = LINE) -> Any:
        """Send a JSON body, receive JSON; `place` names a line in the error's details."""
        content = b"" if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"}
        return self._request("POST", path, place, content=content, headers=headers, timeout=SLOW)

    def post_lines(self, path: str, lines: Iterable[bytes], parameters: Parameters, place: Locate) -> Any:
        """Stream a body of JSON lines, receive JSON; `place` names a line in the error's details."""
        headers = {"Content-Type": "application/x-ndjson"}
        sent = {"params": _given(parameters), "content": iter(lines), "headers": headers, "timeout": SLOW}
        return self._request("POST", path, place, **sent)

    def submit(
        self, body: Iterable[bytes] | bytes, fields: Parameters, key: str | None, place: Locate
    ) -> tuple[dict[str, Any], bool]:
        """Make a job of JSON lines, or of a JSON body; the job, and whether an earlier request with this key did."""
        kind = "application/json" if isinstance(body, bytes) else "application/x-ndjson"
        headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
        content = body if isinstance(body, bytes) else iter(body)
        with self._reaching():
            response = self._client.post(
                "/v1/jobs", params=_given(fields), content=content, headers=headers, timeout=SLOW
            )
        _accept(response, place)
        return orjson.loads(response.content), response.headers.get("idempotent-replayed") == "true"

    def delete(self, path: str) -> Any:
        """Delete what is at `path`; the service's answer, or None."""
        return self._request("DELETE", path)

    def upload(self, path: Path, purpose: str) -> str:
        """Store a file with the service; its id."""
        with path.open("rb") as file:
            return self.upload_as(path.name, file, purpose)

    def upload_as(self, name: str, file: IO[bytes], purpose: str) -> str:
        """Store an open file under a name; its id."""
        data, files = {"purpose": purpose}, {"file": (name, file)}
        return str(self._request("POST", "/v1/files", data=data, files=files, timeout=SLOW)["id"])

    @contextmanager
    def stream(self, path: str, parameters: Parameters | None = None) -> Iterator[Iterator[bytes]]:
        """The bytes at `path`, as they come."""
        with (
            self._reaching(),
            self._client.stream("GET", path, params=_given(parameters), timeout=SLOW) as response,
        ):
            _accept(response, LINE)
            yield response.iter_bytes()

    def _request(self, method: str, path: str, place: Locate = LINE, **options: Any) -> Any:
        with self._reaching():
            response = self._client.request(method, path, **options)
        _accept(response, place)
        return orjson.loads(response.content) if response.content else None

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error


def connect() -> Connection:
    """Connect to TESSERA_URL with TESSERA_API_KEY, or to the service on this machine with its admin key."""
    settings = ConnectionSettings()
    url = (settings.url or f"http://127.0.0.1:{settings.port}").rstrip("/").removesuffix("/v1")
    key = settings.api_key or (_local_key(settings) if httpx2.URL(url).host in LOOPBACK else None)
    return Connection(url, key.get_secret_value() if key else None)


def _local_key(settings: Settings) -> SecretStr | None:
    """The admin key; only for a service on this machine, so that it never leaves it."""
    file = settings.data_dir / "admin_key"
    if settings.admin_key or not file.is_file():
        return settings.admin_key
    return SecretStr(file.read_text().strip())


def _given(parameters: Parameters | None) -> dict[str, str | int]:
    return {name: value for name, value in (parameters or {}).items() if value is not None}


def _accept(response: httpx2.Response, place: Locate) -> None:
    if response.is_success:
        return
    response.read()
    raise refused(response, place)
