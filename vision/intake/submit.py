"""Take a job in: one transaction for everything, then a wake-up."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Detail, InvalidRequest
from vision.intake.context import IntakeContext
from vision.intake.item_reader import Batch, ItemReader
from vision.intake.lines import Items, entries
from vision.intake.order import Order, Plan, PlannedStep, plan
from vision.intake.problems import unknown_files
from vision.intake.spilling import Spilling
from vision.jobs import ids
from vision.jobs.job_report import JobReport
from vision.jobs.lifecycle import JobStatus, Stage, StatusCode
from vision.jobs.wake_ups import Task
from vision.storage import admission, files, idempotency, tenants
from vision.storage.outcomes import earlier_answers
from vision.storage.reports import jobs


@dataclass(frozen=True)
class Replay:
    """The caller's Idempotency-Key, and the SHA-256 of everything else that was sent."""

    key: str
    body_hash: bytes


@dataclass(frozen=True)
class Receipt:
    """The job as it is, read before the commit, and whether an earlier request had made it."""

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
        reading = ItemReader(tenant, job_id, planned)
        await _load(connection, reading, items, Spilling(context.store, job_id))
        stage = await _admit(connection, reading)
        if order.webhook_url:
            await tenants.webhook_secret(connection, tenant)
        job = await jobs.get(connection, tenant, job_id)
    await context.wake_ups.notify(Task.DISPATCH if stage is Stage.WORK else Task.MEASURE, planned.first.lane.name)
    return Receipt(job, replayed=False)


async def _learned(connection: AsyncConnection, tenant: str, planned: Plan) -> Plan:
    """The same plan, with what earlier answers to its questions tell."""
    steps = []
    for step in planned.steps:
        question = step.preset.fingerprint, step.lane.name, step.order.language
        steps.append(step.learned(await earlier_answers.observed(connection, tenant, *question)))
    return replace(planned, steps=tuple(steps))


async def _load(connection: AsyncConnection, reading: ItemReader, items: Items, spilling: Spilling) -> None:
    batches = reading.batches(entries(items))
    try:
        while batch := await asyncio.to_thread(next, batches, None):
            await files.use(connection, reading.tenant, reading.job_id, batch.files)
            reading.problems += await unknown_files(connection, reading.tenant, batch.files)
            if not reading.problems:
                await spilling.spill(batch.images)
                await _store(connection, batch)
        reading.raise_problems()
    except InvalidRequest:
        await spilling.undo()
        raise


async def _store(connection: AsyncConnection, batch: Batch) -> None:
    try:
        await admission.add_items(connection, batch.rows)
    except admission.BadRow as bad:
        line = batch.first + bad.row - 1
        message = f"Line {line}: {bad.message}"
        raise InvalidRequest(
            message, code=bad.code, param="custom_id", details=[Detail(bad.code, message, line=line)]
        ) from None


async def _admit(connection: AsyncConnection, reading: ItemReader) -> Stage:
    """The job's row, its turn, and one range: to be worked on at once if nothing has to be measured."""
    job = _values(reading.plan, reading)
    stage = Stage.WORK if reading.measured == reading.total and not reading.unseen else Stage.MEASURE
    await admission.add_job(connection, job)
    if len(reading.plan.steps) > 1:
        await admission.add_steps(connection, _steps(reading))
    await admission.add_turn(connection, job)
    await admission.add_range(connection, job, stage, reading.total + 1)
    return stage


def _steps(reading: ItemReader) -> list[dict[str, object]]:
    return [
        {
            "job_id": reading.job_id,
            "position": position,
            "tenant_id": reading.tenant,
            "name": step.order.name,
            "condition": step.order.when,
            "rule": step.rule,
            "by_size": step.fixed_tokens is None,
            "reached": reading.total if position == 1 else 0,
            **_question(step),
        }
        for position, step in enumerate(reading.plan.steps, 1)
    ]


def _question(step: PlannedStep) -> dict[str, object]:
    """A step's question, by the names of columns."""
    return {
        "preset": step.order.preset,
        "fingerprint": step.preset.fingerprint,
        "prompt": step.prompt,
        "schema": step.preset.schema,
        "model": step.lane.model,
        "provider": step.lane.provider.name,
        "lane": step.lane.name,
        "detail": step.detail,
        "fit": step.fit.kind,
        "max_side": step.fit.max_side,
        "language": step.order.language,
        "prompt_tokens": step.prompt_tokens,
        "expected_prompt_tokens": step.expected_prompt_tokens,
        "max_output_tokens": step.preset.max_output_tokens,
        "expected_output_tokens": step.expected_output_tokens,
        "high_output_tokens": step.high_output_tokens,
    }


def _values(plan: Plan, reading: ItemReader) -> dict[str, Any]:
    order, price, usage = plan.order, plan.first.lane.price, reading.known
    deadline = order.deadline_seconds
    return {
        "id": reading.job_id,
        "tenant_id": reading.tenant,
        "status": JobStatus.QUEUED.value,
        "status_code": StatusCode.WAITING.value,
        **_question(plan.first),
        "steps": len(plan.steps),
        "priority": order.priority,
        "weight": order.weight,
        "max_cost": order.max_cost,
        "webhook_url": order.webhook_url,
        "metadata": dict(order.metadata),
        "total": reading.total,
        "measured": reading.measured,
        "estimated_tokens": usage.input_tokens + usage.output_tokens,
        "estimated_input_tokens": usage.input_tokens,
        "estimated_image_tokens": usage.image_tokens,
        "saved_image_tokens": reading.saved_tokens,
        "estimated_cost": price.cost(usage) if price else 0,
        "deadline": timedelta(seconds=deadline) if deadline else None,
    }
