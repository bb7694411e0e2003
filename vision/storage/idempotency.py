"""Idempotency keys: a create request that is sent twice makes one job."""

from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Conflict, InvalidRequest, Retry
from vision.storage.tables import IdempotencyKey

KEEP_DAYS = 7


async def claim(connection: AsyncConnection, tenant: str, key: str, body_hash: bytes, job_id: UUID) -> UUID | None:
    """Bind the key to the job about to be made; or, if it is bound already, the job that it made.

    A twin that is still being taken in is waited for (its unique index entry blocks the insert).
    Conflict `idempotency_in_flight` when that takes longer than a lock is waited for. InvalidRequest
    `idempotency_key_reused` when the key came with another body before.
    """
    values = {"tenant_id": tenant, "key": key, "body_hash": body_hash, "job_id": job_id}
    statement = insert(IdempotencyKey).values(values).on_conflict_do_nothing().returning(IdempotencyKey.job_id)
    try:
        if (await connection.execute(statement)).one_or_none():
            return None
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise _in_flight() from None
        raise
    known = (
        await connection.execute(
            select(IdempotencyKey.body_hash, IdempotencyKey.job_id).where(
                IdempotencyKey.tenant_id == tenant, IdempotencyKey.key == key
            )
        )
    ).one()
    if bytes(known.body_hash) != body_hash:
        raise InvalidRequest(
            "This Idempotency-Key was used with another request. Send the same request, or a new key.",
            code="idempotency_key_reused",
            param="Idempotency-Key",
        )
    return UUID(str(known.job_id))


async def prune(connection: AsyncConnection, limit: int) -> int:
    """Forget up to so many keys that are older than KEEP_DAYS; how many there were."""
    return (await connection.execute(_PRUNE, {"days": KEEP_DAYS, "limit": limit})).rowcount


_PRUNE = text("""
    DELETE FROM idempotency_keys WHERE (tenant_id, key) IN (
        SELECT tenant_id, key FROM idempotency_keys WHERE created_at < now() - :days * interval '1 day'
        LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


def _in_flight() -> Conflict:
    return Conflict(
        "A request with this Idempotency-Key is still being carried out. Send it again in a moment.",
        code="idempotency_in_flight",
        retry=Retry.NOW,
    )
