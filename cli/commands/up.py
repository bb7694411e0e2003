"""`tessera up`: runs everything in one process tree."""

import signal
import sys

import click

from cli.commands.migrate import migrate
from embedded.log import MergedLog
from embedded.stack import Stack
from embedded.supervisor import STOP_SIGNALS
from local import available
from vision.provider import catalogue
from vision.settings import Settings
from vision.storage.keys import admin_key


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


def providers(settings: Settings) -> None:
    """Read the providers now, so that a mistake in them is reported once, and not by every process."""
    catalogue.configured(settings)


def up(settings: Settings, log: MergedLog) -> None:
    """Run the service until a stop signal."""
    providers(settings)
    with Stack(settings, log, offline_provider=settings.local_provider and available()) as stack:
        log("tessera", f"Data in {stack.data_dir}; {stack.servers}")
        migrate(stack.database_url)
        if not settings.admin_key:
            admin_key(stack.data_dir)  # makes the file, so that it is there when the line below names it
        where = "is TESSERA_ADMIN_KEY" if settings.admin_key else f"in {stack.data_dir / 'admin_key'}"
        stack.run(f"Ready: {stack.url} · admin key {where} · Ctrl-C stops")
