"""docs/reference/cli.md: the help of every command, as the command prints it."""

from collections.abc import Iterator

import click

from cli.main import tessera
from generators.words import GENERATED

WIDTH = 100

INTRODUCTION = """# Commands

The commands find the service at `TESSERA_URL` (this machine by default) and send `TESSERA_API_KEY` (the local admin
key by default). Exit codes: 0 done, 1 not done, 2 wrong usage, 3 the service cannot be reached.
"""


def page() -> str:
    """The whole page."""
    return GENERATED + INTRODUCTION + "".join(_sections(tessera, _context()))


def _context() -> click.Context:
    return click.Context(tessera, info_name="tessera", **tessera.context_settings)


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = context.max_content_width = WIDTH
    yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner and not inner.hidden:
                yield from _sections(inner, click.Context(inner, parent=context, info_name=name))
