"""Write docs/commands.md from the commands themselves. `python docs/commands.py`; a test holds the file to it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from curator.api import Table
from curator.cli import cli
from curator.commands.spec import EXIT_CODES

TARGET = Path(__file__).with_name("commands.md")

HEAD = """# Commands

Generated from the commands by `python docs/commands.py`; not written by hand.

{codes}

With `--json` each row is an object on a line of its own, with `kind` and the keys listed below; without it the same
columns stand in tables on a terminal, and tab-separated when piped.
"""


def generated() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="curator", **{**cli.context_settings, "terminal_width": 100})
    return "\n".join([_head(), *_of(cli, context)])


def _head() -> str:
    codes = "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    said = f"Exit codes: {codes}. Results go to standard output, messages and progress to standard error."
    return HEAD.format(codes=textwrap.fill(said, 120, break_on_hyphens=False))


def _of(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context, terminal_width=100)
        yield f"## {own.command_path}\n\n```text\n{command.get_help(own)}\n```\n"
        yield from (_rows(table) for table in getattr(command, "rows", ()))
        if isinstance(command, click.Group):
            yield from _of(command, own)


def _rows(table: Table) -> str:
    lines = [f"Rows of kind `{table.kind}`:\n", "| key | what |", "|---|---|"]
    lines += [f"| `{column.name}` | {column.help} |" for column in table.columns]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
