"""Tables, lines and progress with Rich: the only user of it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from curator.api import Column, Table
from curator.cli.text import json_line, one_line, printable, say, short_path

LIMIT = 20
"""Rows that are shown on a terminal unless `--limit` says otherwise."""

RIGHT = {"integer", "score", "percent"}


class Output:
    """Standard output in one of three ways: Rich on a terminal, tab-separated when piped, JSON when asked for."""

    def __init__(self, as_json: bool = False, limit: int | None = None) -> None:
        self.mode = "json" if as_json else "rich" if sys.stdout.isatty() else "plain"
        if limit is None:
            limit = LIMIT if self.mode == "rich" else 0
        self.limit = limit

    def table(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """Show rows of one kind; returns how many there were. Nothing is shown for none."""
        cut = self.limit if self.limit and not table.whole else None
        columns = [column for column in table.columns if column.style != "json"]
        rows = iter(rows)
        shown = list(islice(rows, cut))
        if self.mode == "json":
            for row in shown:
                click.echo(json_line({**row, "kind": table.kind}))
        elif self.mode == "plain":
            for row in shown:
                click.echo("\t".join(_cell(column, row.get(column.name), plain=True) for column in columns))
        elif shown:
            _draw(table.title, columns, shown)
        more = sum(1 for _ in rows)
        if more:
            say(f"{more:,} more (--limit 0 shows all)")
        return len(shown) + more

    def line(self, text: str) -> None:
        """A sentence for people; not part of JSON."""
        if self.mode != "json":
            click.echo(printable(text))


def _draw(title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = [column for column in columns if any(_given(row.get(column.name)) for row in rows)]
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column.style in RIGHT
        drawn.add_column(
            Text(column.name),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold" if column.style == "path" else "ellipsis",
            ratio=None if right else 1 if column.style == "path" else None,
        )
    for row in rows:
        # Text objects: file names, labels and texts are data, never markup.
        drawn.add_row(*(Text(_cell(column, row.get(column.name))) for column in columns))
    # The title apart from the table, which may be narrower.
    Console(highlight=False).print(Text(title, style="bold"), drawn)


def _given(value: Any) -> bool:
    return value is not None and value != "" and value != []


def _cell(column: Column, value: Any, plain: bool = False) -> str:
    if not _given(value):
        return ""
    if column.style == "score":
        return f"{value:.3f}"
    if column.style == "percent":
        return f"{value:.4f}" if plain else f"{100 * value:.1f} %"
    if column.style == "integer":
        return str(value) if plain else f"{value:,}"
    if isinstance(value, Path):
        return printable(str(value) if plain else short_path(value))
    if isinstance(value, list | tuple):
        return ", ".join(printable(str(part)) for part in value)
    return one_line(str(value), 10_000 if plain else 200)


class Terminal:
    """Listens to the core on stderr."""

    def say(self, message: str) -> None:
        """One line."""
        say(message)

    def confirm(self, question: str) -> bool | None:
        """Ask at a terminal; None where nobody can answer."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return click.confirm(printable(question), err=True, default=True)

    @contextlib.contextmanager
    def progress(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar with rate and time left on a terminal; nothing where stderr cannot show it."""
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or total == 0:
            yield lambda done: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left", markup=False),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(str(Text(printable(title))), total=total, rate="")

            def advance(done: int) -> None:
                bars.advance(task, done)
                speed = bars.tasks[0].speed
                bars.update(task, rate=f"{speed:,.1f}/s" if speed else "")

            yield advance
