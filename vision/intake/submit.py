"""Accepts a job: one transaction for everything, then a wake-up."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Detail, InvalidRequest
from vision.intake.context import IntakeContext
from vision.intake.item_reader import ItemReader, ItemRows
from vision.intake.lines import Items, numbered_items
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
        stage = await _admit(connection, reader)
        if order.webhook_url:
            await tenants.webhook_secret(connection, tenant)
        job = await jobs.get(connection, tenant, job_id)
    await context.wake_ups.notify(Task.DISPATCH if stage is Stage.WORK else Task.MEASURE, planned.first.lane.name)
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


async def _admit(connection: AsyncConnection, reader: ItemReader) -> Stage:
    """Add the job's row, its turn, and one range of all items; the stage says whether they are measured first."""
    job = _job_columns(reader.plan, reader)
    stage = Stage.WORK if reader.measured == reader.total and not reader.unseen else Stage.MEASURE
    await admission.add_job(connection, job)
    if len(reader.plan.steps) > 1:
        await admission.add_steps(connection, _steps(reader))
    await admission.add_turn(connection, job)
    await admission.add_range(connection, job, stage, reader.total + 1)
    return stage


def _steps(reader: ItemReader) -> list[dict[str, object]]:
    return [
        {
            "job_id": reader.job_id,
            "position": position,
            "tenant_id": reader.tenant,
            "name": step.order.name,
            "condition": step.order.when,
            "rule": step.rule,
            "by_size": step.fixed_tokens is None,
            "reached": reader.total if position == 1 else 0,
            **_question_columns(step),
        }
        for position, step in enumerate(reader.plan.steps, 1)
    ]


def _question_columns(step: PlannedStep) -> dict[str, object]:
    """A step's question: column → value."""
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


def _job_columns(plan: Plan, reader: ItemReader) -> dict[str, Any]:
    order, price, usage = plan.order, plan.first.lane.price, reader.known
    deadline = order.deadline_seconds
    return {
        "id": reader.job_id,
        "tenant_id": reader.tenant,
        "status": JobStatus.QUEUED.value,
        "status_code": StatusCode.WAITING.value,
        **_question_columns(plan.first),
        "steps": len(plan.steps),
        "priority": order.priority,
        "weight": order.weight,
        "max_cost": order.max_cost,
        "webhook_url": order.webhook_url,
        "metadata": dict(order.metadata),
        "total": reader.total,
        "measured": reader.measured,
        "estimated_tokens": usage.input_tokens + usage.output_tokens,
        "estimated_input_tokens": usage.input_tokens,
        "estimated_image_tokens": usage.image_tokens,
        "saved_image_tokens": reader.saved_tokens,
        "estimated_cost": price.cost(usage) if price else 0,
        "deadline": timedelta(seconds=deadline) if deadline else None,
    }
