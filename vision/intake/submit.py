"""Accepts a job: one transaction for everything, then a wake-up."""

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Detail, InvalidRequest
from vision.intake.columns import job_columns, step_columns
from vision.intake.context import IntakeContext
from vision.intake.item_reader import ItemReader, ItemRows
from vision.intake.lines import Items, numbered_items
from vision.intake.order import Order
from vision.intake.plan import Plan, plan
from vision.intake.problems import unknown_files
from vision.intake.spilling import Spilling
from vision.jobs import ids
from vision.jobs.lifecycle import Phase
from vision.jobs.reports.job_report import JobReport
from vision.jobs.wake_ups import Task
from vision.storage import admission, files, idempotency, tenants
from vision.storage.outcomes import earlier_answers
from vision.storage.reports import jobs


@dataclass(frozen=True)
class Replay:
    """The caller's Idempotency-Key, and the SHA-256 of the rest of the request."""

    key: str
    body_hash: bytes


@dataclass(frozen=True)
class Receipt:
    """The job, read before the commit; `replayed`: an earlier request with the same key made it."""

    job: JobReport
    replayed: bool

    @property
    def job_id(self) -> UUID:
        """The job's id."""
        return self.job.id


async def submit(
    context: IntakeContext, tenant: str, order: Order, items: Items, replay: Replay | None = None
) -> Receipt:
    """Store a job and its items, all or nothing, and wake the workers. InvalidRequest names what is wrong."""
    job_id = ids.new()
    async with context.engine.begin() as connection:
        if replay:
            known = await idempotency.claim(connection, tenant, replay.key, replay.body_hash, job_id)
            if known:
                return Receipt(await jobs.get(connection, tenant, known), replayed=True)
        planned = await _learned(connection, tenant, plan(context, order))
        reader = ItemReader(tenant, job_id, planned)
        await _load(connection, reader, items, Spilling(context.store, job_id))
        phase = await _admit(connection, reader)
        if order.webhook_url:
            await tenants.webhook_secret(connection, tenant)
        job = await jobs.get(connection, tenant, job_id)
    await context.wake_ups.notify(Task.DISPATCH if phase is Phase.CALL else Task.MEASURE, planned.first.lane.name)
    return Receipt(job, replayed=False)


async def _learned(connection: AsyncConnection, tenant: str, planned: Plan) -> Plan:
    """The plan with what was learned from earlier answers to its questions."""
    steps = []
    for step in planned.steps:
        question = step.preset.fingerprint, step.lane.name, step.order.language
        steps.append(step.learned(await earlier_answers.observed(connection, tenant, *question)))
    return replace(planned, steps=tuple(steps))


async def _load(connection: AsyncConnection, reader: ItemReader, items: Items, spilling: Spilling) -> None:
    batches = reader.batches(numbered_items(items))
    try:
        while rows := await asyncio.to_thread(next, batches, None):
            await files.use(connection, reader.tenant, reader.job_id, rows.files)
            reader.problems += await unknown_files(connection, reader.tenant, rows.files)
            if not reader.problems:
                await spilling.spill(rows.images)
                await _store(connection, rows)
        reader.raise_problems()
    except InvalidRequest:
        await spilling.undo()
        raise


async def _store(connection: AsyncConnection, rows: ItemRows) -> None:
    try:
        await admission.add_items(connection, rows.values)
    except admission.BadRow as bad:
        line = rows.first + bad.row - 1
        message = f"Line {line}: {bad.message}"
        raise InvalidRequest(
            message, code=bad.code, param="custom_id", details=[Detail(bad.code, message, line=line)]
        ) from None


async def _admit(connection: AsyncConnection, reader: ItemReader) -> Phase:
    """Add the job's row, its turn, and one range of all items; the phase says whether they are measured first."""
    job = job_columns(reader.plan, reader)
    phase = Phase.CALL if reader.measured == reader.total and not reader.unseen else Phase.MEASURE
    await admission.add_job(connection, job)
    if len(reader.plan.steps) > 1:
        await admission.add_steps(connection, step_columns(reader))
    await admission.add_turn(connection, job)
    await admission.add_range(connection, job, phase, reader.total + 1)
    return phase
