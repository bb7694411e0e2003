"""Parts of waiting ranges, which a claim takes and leases."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import Phase
from vision.storage.queue.claims.turns import Turn
from vision.storage.queue.leases import Lessee


@dataclass(frozen=True, slots=True)
class Piece:
    """Items [start, stop) of a range that ends at `end`."""

    range_id: int
    start: int
    stop: int
    end: int
    attempt: int
    crashes: int

    def first(self, count: int) -> Self:
        """The piece's first items."""
        return replace(self, stop=self.start + count)


_IN_ORDER = """
    SELECT id, start, stop, attempt, crashes FROM ranges
    WHERE job_id = :job_id AND step = :step AND phase = :phase AND lease_token IS NULL
      AND (run_at IS NULL OR run_at <= now())
    ORDER BY {}, start LIMIT :want
    FOR UPDATE SKIP LOCKED
"""
_WAITING = text(_IN_ORDER.format("run_at NULLS LAST"))
# Whether a lane is back is better asked with an item that has not failed before.
_UNTRIED_FIRST = text(_IN_ORDER.format("run_at NULLS FIRST"))

_LEASE_WHOLE = text("""
    UPDATE ranges SET lease_token = :token, lease_until = now() + :seconds * interval '1 second', worker = :worker,
                      done = 0, reserved = :reserved, decoding = '{}', sent = '{}', sent_costs = '{}'
    WHERE id = :id RETURNING id
""")

_LEASE_PART = text("""
    WITH cut AS (UPDATE ranges SET start = :stop WHERE id = :id RETURNING tenant_id, job_id, step, lane, phase, run_at)
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop, run_at, attempt, crashes,
                        lease_token, lease_until, worker, reserved)
    SELECT tenant_id, job_id, step, lane, phase, :start, :stop, run_at, :attempt, :crashes,
           :token, now() + :seconds * interval '1 second', :worker, :reserved
    FROM cut RETURNING id
""")


async def take(connection: AsyncConnection, turn: Turn, want: int, phase: Phase, *, untried_first: bool) -> list[Piece]:
    """Lock waiting ranges of this turn, up to `want` items; those that others have locked are passed over."""
    pieces: list[Piece] = []
    values = {"job_id": turn.job_id, "step": turn.step, "phase": phase, "want": want}
    for row in await connection.execute(_UNTRIED_FIRST if untried_first else _WAITING, values):
        if want <= 0:
            break
        stop = min(row.stop, row.start + want)
        pieces.append(Piece(row.id, row.start, stop, row.stop, row.attempt, row.crashes))
        want -= stop - row.start
    return pieces


async def lease(connection: AsyncConnection, piece: Piece, reserved: Decimal, lessee: Lessee, token: UUID) -> Piece:
    """Lease this piece, with what its calls may cost set aside; it has a range of its own then."""
    values = {
        "id": piece.range_id,
        "start": piece.start,
        "stop": piece.stop,
        "attempt": piece.attempt,
        "crashes": piece.crashes,
        "token": token,
        "reserved": reserved,
        "worker": lessee.name,
        "seconds": lessee.seconds,
    }
    found = await connection.execute(_LEASE_WHOLE if piece.stop == piece.end else _LEASE_PART, values)
    return replace(piece, range_id=found.scalar_one(), end=piece.stop)
