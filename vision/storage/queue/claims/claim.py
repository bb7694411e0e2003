"""A claim of the next items of one turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.jobs.lifecycle import Phase
from vision.prices import Price
from vision.storage.queue.claims import pieces, turns, waiting_items
from vision.storage.queue.claims.budget import affordable
from vision.storage.queue.claims.demand import Cost, service
from vision.storage.queue.claims.pieces import Piece
from vision.storage.queue.claims.turns import Turn
from vision.storage.queue.claims.waiting_items import WaitingItem
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee


async def claim(
    engine: AsyncEngine,
    lane: str,
    want: int,
    *,
    phase: Phase,
    lessee: Lessee,
    price: Price | None = None,
    rule: str = "none",
    untried_first: bool = False,
) -> list[LeasedItem]:
    """Lease up to `want` items of the job and step whose turn it is; empty when no job on this lane has any.

    With a price, each item's highest possible cost is set aside, and a job's max_cost is never passed, under any
    concurrency, because the claim holds the job's row before it looks. `rule`: of the lane's image tokens; an image of
    a size that was only declared may be as large as it admits.
    """
    passed: list[Turn] = []
    while True:
        async with engine.begin() as connection:
            found = await turns.next_turn(connection, lane, phase, passed)
            if found is None:
                return []
            claim = _Claim(connection, found, phase, lessee, Cost(price, rule))
            if leased := await claim.take(want, untried_first=untried_first):
                return leased
        passed.append(found)


@dataclass(frozen=True, slots=True)
class _Claim:
    """One turn's claim, in one transaction."""

    connection: AsyncConnection
    turn: Turn
    phase: Phase
    lessee: Lessee
    cost: Cost

    async def take(self, want: int, *, untried_first: bool) -> list[LeasedItem]:
        """Lease items, as many as wait and max_cost pays for."""
        capped = self.turn.capped and self.cost.price is not None
        if not await turns.hold(self.connection, self.turn, job=capped or self.turn.fresh):
            return []
        waiting = await pieces.take(self.connection, self.turn, want, self.phase, untried_first=untried_first)
        items = await waiting_items.read(self.connection, self.turn, waiting)
        costs = [self.cost.most(self.turn, item) for item in items]
        if items and capped:
            items = items[: await affordable(self.connection, self.turn.job_id, costs)]
        if not items:
            return []
        await turns.serve(self.connection, self.turn, service(self.turn, items, self.phase))
        return await self._lease(waiting, list(zip(items, costs, strict=False)))

    async def _lease(self, waiting: Sequence[Piece], chosen: Sequence[tuple[WaitingItem, Decimal]]) -> list[LeasedItem]:
        token = uuid4()
        leased: list[LeasedItem] = []
        for index, group in groupby(chosen, key=lambda pair: pair[0].piece):
            of_piece = list(group)
            piece = waiting[index].first(len(of_piece))
            reserved = sum((cost for _, cost in of_piece), Decimal(0))
            piece = await pieces.lease(self.connection, piece, reserved, self.lessee, token)
            leased += [_leased(self.turn, item, cost, piece, token) for item, cost in of_piece]
        return leased


def _leased(turn: Turn, item: WaitingItem, cost: Decimal, piece: Piece, token: UUID) -> LeasedItem:
    return LeasedItem(
        tenant_id=turn.tenant_id,
        job_id=turn.job_id,
        step=turn.step,
        steps=turn.steps,
        number=item.number,
        images=item.images,
        image_tokens=item.image_tokens,
        width=item.width,
        height=item.height,
        range_id=piece.range_id,
        token=token,
        attempt=piece.attempt,
        crashes=piece.crashes,
        reserved=cost,
        unseen=item.unseen,
    )


_LANES = text("""
    SELECT DISTINCT t.lane FROM turns t WHERE t.runnable AND EXISTS (
        SELECT 1 FROM ranges r WHERE r.job_id = t.job_id AND r.step = t.step AND r.phase = :phase
        AND r.lease_token IS NULL AND (r.run_at IS NULL OR r.run_at <= now()))
""")


async def waiting_lanes(engine: AsyncEngine, phase: Phase) -> list[str]:
    """Lanes on which items wait for this phase and may run now."""
    async with engine.connect() as connection:
        return list((await connection.execute(_LANES, {"phase": phase})).scalars())
