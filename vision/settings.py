"""All settings, typed. Read only where a process starts, and passed down from there."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vision.errors import ConfigurationError


def _cpu_count() -> int:
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """Environment variables with the prefix `TESSERA_`; a `.env` file is read as well."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_", env_file=".env", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL, as `postgresql+psycopg://user:password@host/name`. Unset: embedded."
    )
    database_pooled: bool = Field(
        False, description="DATABASE_URL is the address of a pooler in transaction mode, such as PgBouncer."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey for the limiter, and for Celery unless BROKER_URL is set. Unset: embedded.",
    )
    broker_url: SecretStr | None = Field(None, description="Celery's broker, if not REDIS_URL (`amqp://…`).")
    data_dir: Path = Field(Path(".tessera"), description="Embedded servers, uploads and the local admin key.")
    files_url: str | None = Field(
        None,
        description="Where the bytes of uploads are, if not in DATA_DIR/files: `file:///folder`, or "
        "`s3://bucket/prefix?endpoint=https://host&region=R`; its credentials are AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY. The same for the API and all workers.",
    )
    keep_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days after its end for which a job is kept, with its items, results and ledger; 0: for ever.",
    )
    files_keep_days: float = Field(
        30.0,
        ge=0,
        le=36_500,
        description="Days after which an upload is deleted, from when it was sent or the last job that names it ended; "
        "0 keeps all.",
    )
    host: str = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the API.")
    max_connections: int = Field(
        800, ge=10, le=65_000, description="Connections that the API holds at once; more are answered with 503."
    )
    workers: int = Field(
        default_factory=_cpu_count,
        ge=0,
        le=256,
        description="Worker processes of `tessera up`. Default: the CPU count.",
    )
    worker_lanes: str = Field(
        "*",
        description="Lanes that a worker takes, as patterns with commas between them: `openai/gpt-4o,local/*`.",
    )
    worker_phases: str = Field(
        "measure,dispatch,deliver",
        description="What a worker does: measure images, dispatch calls, deliver webhooks. Every phase of every lane "
        "needs a worker that takes it.",
    )
    providers_file: Path = Field(
        Path("providers.toml"), description="Providers, models and limits; used if the file is present."
    )
    allow_private_networks: bool = Field(
        False, description="Lets image fetches and webhooks reach loopback and private addresses."
    )
    fetch_contact: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[ -~]+$",
        description="A mail address or page that stands in the User-Agent when images are fetched; some hosts require "
        "one.",
    )
    fetch_headers: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Further headers when images are fetched, by host (`*`: every host), as JSON: "
        '`{"cdn.example.com": {"Referer": "https://shop.example.com"}}`.',
    )
    admin_key: SecretStr | None = Field(
        None, description="An API key with all scopes. Unset: made once and kept in DATA_DIR/admin_key."
    )
    local_provider: bool = Field(
        True, description="Start and offer the offline provider `local` if its packages are installed."
    )
    local_port: int = Field(0, ge=0, le=65535, description="Port of the offline provider; 0 takes a free one.")
    local_url: str | None = Field(None, description="Address of a running offline provider; `tessera up` fills it in.")
    max_in_flight: int = Field(
        1_000,
        ge=1,
        le=10_000,
        description="Calls in flight per worker process, at most; how many there are follows from limit and latency.",
    )
    call_timeout_seconds: float = Field(120.0, gt=0, description="Deadline of one call to a provider.")
    lease_seconds: float = Field(
        60.0, ge=2, description="After this long without a sign of life a worker's items go to another one."
    )
    max_attempts: int = Field(5, ge=1, le=20, description="Paid attempts for one item before it fails.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("TESSERA_OPENAI_API_KEY", "OPENAI_API_KEY"),
        description="Alone gives a working provider `openai` with the limits of tier 1.",
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("TESSERA_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="Another address for the provider `openai`.",
    )

    def required_database_url(self) -> str:
        """The database address; the launcher fills it in when the embedded server is used."""
        return _required(self.database_url, "TESSERA_DATABASE_URL")

    def required_redis_url(self) -> str:
        """The Redis address; the launcher fills it in when the embedded server is used."""
        return _required(self.redis_url, "TESSERA_REDIS_URL")

    def required_broker_url(self) -> str:
        """Celery's broker address."""
        return self.broker_url.get_secret_value() if self.broker_url else self.required_redis_url()


def _required(value: SecretStr | None, name: str) -> str:
    if value is None:
        raise ConfigurationError(f"{name} is not set. Set it, or start everything with `tessera up`.")
    return value.get_secret_value()
