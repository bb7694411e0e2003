"""Rows as taking in makes them, without the door."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs import ids
from vision.jobs.lifecycle import Phase
from vision.outbound import webhooks
from vision.presets import get
from vision.storage.tables import Item, Job, Range, Tenant, Turn
from vision.tokens.text import call_tokens

SECRET = webhooks.new_secret()


async def make_job(
    engine: AsyncEngine,
    images: list[str],
    *,
    lane: str = "fake/gpt-4o-mini",
    tokens: int | None = None,
    preset: str = "moderation",
    detail: str = "high",
    **columns: Any,
) -> UUID:
    """A job of one item an image; `tokens` known makes them ready for work, otherwise they wait to be measured."""
    job_id, chosen = ids.new(), get(preset)
    prompt = chosen.render("en")
    values = {
        "id": job_id,
        "tenant_id": "default",
        "status": "queued",
        "status_code": "waiting",
        "preset": preset,
        "fingerprint": chosen.fingerprint,
        "prompt": prompt,
        "schema": chosen.schema,
        "model": lane.partition("/")[2],
        "provider": lane.partition("/")[0],
        "lane": lane,
        "detail": detail,
        "language": "en",
        "prompt_tokens": call_tokens(prompt, chosen.schema),
        "max_output_tokens": chosen.max_output_tokens,
        "expected_output_tokens": chosen.expected_output_tokens,
        "priority": 0,
        "details": {},
        "total": len(images),
        "estimated_cost": Decimal(0),
        **columns,
    }
    async with engine.begin() as connection:
        tenant = postgresql.insert(Tenant).values(id="default", webhook_secret=SECRET).on_conflict_do_nothing()
        await connection.execute(tenant)
        await connection.execute(insert(Job).values(**values))
        rows = [
            {
                "tenant_id": "default",
                "job_id": job_id,
                "number": number,
                "custom_id": f"item-{number}",
                "images": [image],
                "image_tokens": tokens,
            }
            for number, image in enumerate(images, 1)
        ]
        if rows:
            await connection.execute(insert(Item), rows)
        turn = {"job_id": job_id, "tenant_id": "default", "lane": lane, "priority": 0, "service": 0.0, "runnable": True}
        await connection.execute(insert(Turn).values(**turn))
        phase = Phase.MEASURE if tokens is None else Phase.CALL
        span = {"tenant_id": "default", "job_id": job_id, "lane": lane, "phase": phase}
        await connection.execute(insert(Range).values(**span, start=1, stop=len(images) + 1))
    return job_id


async def make_measured_job(engine: AsyncEngine, count: int, **columns: Any) -> UUID:
    """A job of so many items that are ready for work."""
    return await make_job(engine, ["http://host/a.jpg"] * count, **{"tokens": 1_000, **columns})
