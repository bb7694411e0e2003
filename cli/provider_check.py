"""Asks providers a tiny question each, and tells what they understand (`tessera providers check`)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from vision.provider.catalogue import configured
from vision.provider.check import Understood, check
from vision.provider.client import Client
from vision.settings import Settings

CHECK_SECONDS = 120.0


def run(names: Sequence[str], image_url: str | None) -> list[Understood]:
    """Ask the lanes of these names, or all; UsageError if there is none."""
    return asyncio.run(_ask(names, image_url))


async def _ask(names: Sequence[str], image_url: str | None) -> list[Understood]:
    lanes = configured(Settings()).lanes.values()
    chosen = [lane for lane in lanes if not names or {lane.name, lane.provider.name} & set(names)]
    if not chosen:
        there = ", ".join(lane.name for lane in lanes) or "none"
        raise click.UsageError(f"No lane is called so. There are: {there}.")
    found = []
    for lane in chosen:
        async with Client(lane.provider, timeout_seconds=CHECK_SECONDS) as client:
            found.append(await check(lane, client, image_url))
    return found


def facts(found: Understood) -> dict[str, Any]:
    """A lane as JSON."""
    changed = {change.setting: change.new for change in found.changes}
    return {
        "lane": found.lane,
        "problem": found.problem,
        "learned": changed,
        "structured": found.structured,
        "usage_stated": found.usage_stated,
        "limits_stated": found.limits_stated,
        "image_by_url": found.by_url,
        "cost": None if found.cost is None else str(found.cost),
        "providers_toml": found.lines,
    }


def told(found: Understood) -> str:
    """A lane in a few lines."""
    if found.problem:
        return f"{found.lane}: no call was taken: {found.problem}"
    parts = [
        "takes the call",
        "answers by the schema" if found.structured else "does not answer by the schema",
        "states its usage" if found.usage_stated else "states no usage: costs are our own count",
        "states its limits" if found.limits_stated else "states no limits",
        *([] if found.by_url is None else ["fetches images itself" if found.by_url else "does not fetch images"]),
        *([] if found.cost is None else [f"cost {found.cost:f} USD"]),
    ]
    lines = [f"{found.lane}: {', '.join(parts)}."]
    if found.lines:
        lines += ["  For providers.toml:", *(f"  {line}" for line in found.lines)]
    return "\n".join(lines)
