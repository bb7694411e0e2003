"""The `tessera` command. Exit codes: 0 done, 1 not done (with a message), 2 wrong usage, 3 the service is away."""

import importlib
import importlib.util
import sys
from typing import NoReturn

import click

from vision.errors import ConfigurationError, TesseraError

COMMANDS = {
    "up": "Start everything here, in one process tree.",
    "tokens": "Count the tokens of images, without a service.",
    "estimate": "Tell tokens, cost and time before a job is run.",
    "submit": "Send images or a manifest as a job.",
    "watch": "Follow a job until it ends.",
    "results": "Get a job's results.",
    "keys": "Create, list and revoke API keys.",
    "providers": "Show lanes, their limits and what is left.",
    "demo": "Run real photographs through everything.",
    "migrate": "Bring the database to the newest shape.",
}
"""Name → help. A command is the object `command` of the module of its name, imported only when it is called."""


class Commands(click.Group):
    """Commands found by module name, so that one costs nothing until it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if importlib.util.find_spec(f"cli.commands.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a programming error, not a user's
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tessera")
def tessera() -> None:
    """Large image jobs through vision models, at the full speed of the rate limit, at a price told first."""


def main() -> None:
    """Run the command of the process's arguments; our own errors become a message instead of a traceback."""
    try:
        tessera(prog_name="tessera")
    except TesseraError as error:
        _fail(error)
    except Exception as error:
        if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):  # pydantic's; importing it is slow
            _fail(_settings_error(error.errors()))
        raise


def _fail(error: TesseraError) -> NoReturn:
    click.echo(f"Error: {error.message} [{error.code}]", err=True)
    for detail in error.details[:10]:
        where = f"line {detail.line}: " if detail.line else f"{detail.param}: " if detail.param else ""
        click.echo(f"  {where}{detail.message} [{detail.code}]", err=True)
    if len(error.details) > 10:
        click.echo(f"  … and {len(error.details) - 10} more", err=True)
    sys.exit(1)


def _settings_error(problems: list[dict[str, object]]) -> TesseraError:
    def one(problem: dict[str, object]) -> str:
        location = problem["loc"]
        name = "_".join(map(str, location)) if isinstance(location, tuple) else str(location)
        name = name.upper() if name.upper().startswith(("TESSERA_", "OPENAI_")) else f"TESSERA_{name.upper()}"
        return f"{name}: {problem['msg']}"

    return ConfigurationError("; ".join(map(one, problems)))


if __name__ == "__main__":
    main()
