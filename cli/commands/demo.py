"""`tessera demo`: runs all of Tessera on real photographs."""

import signal
import time

import click
from rich.console import Console

from cli.demonstration import forecast, jobs
from cli.demonstration.receiver import Receiver
from cli.demonstration.service import Service
from cli.problems import Problem
from cli.tables import terminal
from cli.tables.figures import duration, money
from vision.settings import Settings

LOCAL = jobs.Model("local/tessera-local")


@click.command()
@click.option(
    "--provider",
    type=click.Choice(["local", "openai"]),
    default="local",
    show_default=True,
    help="What answers: the offline provider, or OpenAI with the key in OPENAI_API_KEY.",
)
@click.option("--model", default="gpt-4o-mini", show_default=True, help="The model, with --provider openai.")
@click.option("--detail", default="low", show_default=True, help="The level of detail, with --provider openai.")
def command(provider: str, model: str, detail: str) -> None:
    """Show the main job on real photographs, from start to end.

    It starts a service of its own with its data in .tessera/demo, submits photographs as a moderation job, an OCR
    job and a product tagging job, shows their answers, tokens and cost, verifies the signed webhooks, and stops
    everything.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that the service is stopped as on Ctrl-C
    console, started, settings = terminal.console(), time.monotonic(), Settings()
    chosen = LOCAL if provider == "local" else jobs.Model(f"openai/{model}", detail)
    service = Service(settings.data_dir / "demo", _environment(provider, settings))
    if provider == "openai":
        cost = forecast.cost(model, detail, jobs.pictures())
        console.print(f"Estimated cost with {model}, detail {detail}: [bold]{money(cost)}[/bold]")
    try:
        _show(service, chosen, console)
    except Problem as problem:
        raise Problem(problem.message, hint=f"\n{service.tail()}\n\nThe whole log is in {service.log}.") from problem
    console.print(f"Stopped. All of it took {duration(time.monotonic() - started)}.")


def _show(service: Service, model: jobs.Model, console: Console) -> None:
    console.print(
        f"Starting a service of our own: embedded PostgreSQL and Valkey, data in {service.data_dir}", soft_wrap=True
    )
    with service, Receiver() as receiver:
        console.print(f"Ready at {service.url}")
        jobs.DemoJobs(service, receiver, model, console).run()


def _environment(provider: str, settings: Settings) -> dict[str, str]:
    """Webhooks to this machine are allowed. OpenAI's key may come from a .env file that the service does not see."""
    allowed = {"TESSERA_ALLOW_PRIVATE_NETWORKS": "true"}
    if provider == "local":
        return allowed
    if settings.openai_api_key is None:
        raise Problem("OPENAI_API_KEY is not set.", hint="Set it, or run `make demo` without PROVIDER=openai.")
    base = settings.openai_base_url
    key = {"OPENAI_API_KEY": settings.openai_api_key.get_secret_value()}
    return allowed | key | ({"OPENAI_BASE_URL": base} if base else {})
