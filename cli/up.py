"""`tessera up`: everything in one process tree."""

import asyncio
import signal
import sys

import click

from embedded import secret
from embedded.log import MergedLog
from embedded.stack import Stack
from embedded.supervisor import STOP_SIGNALS
from migrations import upgrade
from vision.settings import Settings
from vision.storage.engine import connect
from vision.storage.keys import ensure_admin


@click.command(name="up")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API; 0 takes a free one. [default: 8000]")
@click.option("--workers", type=click.IntRange(0, 256), help="Worker processes. [default: one per core]")
def command(port: int | None, workers: int | None) -> None:
    """Start PostgreSQL and Valkey (unless their addresses are set), the API, workers and the offline provider.

    Ready when GET /readyz answers 200. Ctrl-C stops it all in order.
    """
    chosen = {name: value for name, value in (("port", port), ("workers", workers)) if value is not None}
    log = MergedLog()
    for number in STOP_SIGNALS[1:]:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        up(Settings(**chosen), log)  # type: ignore[arg-type]  # the options have the settings' types
    except KeyboardInterrupt:
        log("tessera", "Interrupted while starting.")
    log("tessera", "Stopped.")
    sys.exit(0)


def up(settings: Settings, log: MergedLog) -> None:
    """Run the service until a stop signal."""
    with Stack(settings, log) as stack:
        log("tessera", f"Data in {stack.data_dir}")
        upgrade(stack.database_url)
        asyncio.run(_admit(stack.database_url, admin_key(settings, stack)))
        where = "is TESSERA_ADMIN_KEY" if settings.admin_key else f"in {stack.data_dir / 'admin_key'}"
        stack.run(f"Ready: {stack.url} · admin key {where} · Ctrl-C stops")


def admin_key(settings: Settings, stack: Stack) -> str:
    """The key with all scopes: the one that is set, or one made once."""
    if settings.admin_key:
        return settings.admin_key.get_secret_value()
    return secret.keep(stack.data_dir / "admin_key", prefix="tsr_")


async def _admit(database_url: str, admin_key: str) -> None:
    engine = connect(database_url)
    try:
        await ensure_admin(engine, admin_key)
    finally:
        await engine.dispose()
