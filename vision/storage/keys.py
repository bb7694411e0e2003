"""API keys: shown once, stored as a hash, looked up by it on every request so that revoking works at once."""

import hashlib
import os
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import NotFound
from vision.jobs import ids
from vision.storage.tables import ApiKey

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX = "tsk_"
RANDOM_LENGTH = 30
"""178 bits."""


class Scope(StrEnum):
    """What a key may do; `admin` covers everything."""

    ADMIN = "admin"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    WEBHOOKS_READ = "webhooks:read"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is listed; its secret is shown once, when it is made."""

    id: UUID
    name: str
    scopes: list[str]
    last4: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class Caller:
    """Who asks: the tenant and the scopes of the key that was sent."""

    tenant: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope."""
        return Scope.ADMIN in self.scopes or scope in self.scopes


def generate() -> str:
    """A new secret: `tsk_`, 30 random characters, 6 of checksum (scanners can tell a real key by it)."""
    body = "".join(secrets.choice(BASE62) for _ in range(RANDOM_LENGTH))
    return PREFIX + body + _checksum(body)


def is_ours(secret: str) -> bool:
    """Whether it has the form of keys that we make, which nobody guesses."""
    return secret.startswith(PREFIX) and len(secret) == len(PREFIX) + RANDOM_LENGTH + 6


def is_mistyped(secret: str) -> bool:
    """Whether a key of ours has a wrong checksum; keys of another form are only known to the database."""
    body, checksum = secret[len(PREFIX) : -6], secret[-6:]
    return is_ours(secret) and not secrets.compare_digest(_checksum(body).encode(), checksum.encode())


def digest(secret: str) -> bytes:
    """SHA-256: enough for a secret of 178 random bits."""
    return hashlib.sha256(secret.encode()).digest()


async def find(connection: AsyncConnection, secret: str) -> Caller | None:
    """The caller that the key belongs to; None if unknown or revoked."""
    row = (
        await connection.execute(
            select(ApiKey.tenant_id, ApiKey.scopes).where(
                ApiKey.secret_hash == digest(secret), ApiKey.revoked_at.is_(None)
            )
        )
    ).one_or_none()
    return Caller(row.tenant_id, frozenset(row.scopes)) if row else None


async def create(connection: AsyncConnection, tenant: str, name: str, scopes: Sequence[str]) -> tuple[Key, str]:
    """Store a new key; the key and, this once, its secret."""
    secret = generate()
    values = {"id": ids.new(), "tenant_id": tenant, "name": name, "scopes": list(scopes), "last4": secret[-4:]}
    statement = insert(ApiKey).values(**values, secret_hash=digest(secret)).returning(*_COLUMNS)
    return Key(*(await connection.execute(statement)).one()), secret


async def every(connection: AsyncConnection, tenant: str) -> list[Key]:
    """The tenant's keys, newest first, revoked ones too."""
    statement = select(*_COLUMNS).where(ApiKey.tenant_id == tenant).order_by(ApiKey.id.desc())
    return [Key(*row) for row in await connection.execute(statement)]


async def revoke(connection: AsyncConnection, tenant: str, key_id: UUID) -> Key:
    """Make a key useless from now on; idempotent."""
    statement = (
        update(ApiKey)
        .where(ApiKey.tenant_id == tenant, ApiKey.id == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"No key has the id {ids.public('key', key_id)!r}.")
    return Key(*row)


def admin_key(data_dir: Path) -> str:
    """The key in DATA_DIR/admin_key (mode 600), made at first use; whoever comes second reads what the first made."""
    path = data_dir / "admin_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".admin_key.{secrets.token_hex(8)}"
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(generate() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return digits


_COLUMNS = [getattr(ApiKey, field.name) for field in fields(Key)]
