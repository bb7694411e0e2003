"""The columns of a submitted job and of its steps."""

from datetime import timedelta

from vision.intake.item_reader import ItemReader
from vision.intake.plan import Plan, PlannedStep
from vision.jobs.lifecycle import JobStatus, StatusCode


def step_columns(reader: ItemReader) -> list[dict[str, object]]:
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


def job_columns(plan: Plan, reader: ItemReader) -> dict[str, object]:
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
