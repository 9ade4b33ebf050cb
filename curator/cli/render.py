"""Tables, lines and progress with Rich: the only user of it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from curator.api import Column, Table
from curator.cli.text import json_line, one_line, printable, say
from curator.commands.common import LIMIT
from curator.reporter import short_path

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

RIGHT = {"integer", "score", "percent"}
PATHS = {"path", "picture"}

LOWEST, HIGHEST = 3, 6
"""Lines that the picture of a row takes: as many as let all rows fit on the screen, within these bounds."""
LARGE = 20
"""Lines that a picture takes that stands alone."""


class Output:
    """Standard output in one of three ways: Rich on a terminal, tab-separated when piped, JSON when asked for."""

    def __init__(self, as_json: bool = False, limit: int | None = None, pictures: bool = True) -> None:
        self.mode: Literal["json", "rich", "plain"] = "json" if as_json else "rich" if sys.stdout.isatty() else "plain"
        self.given = limit is not None
        self.limit = limit if limit is not None else LIMIT if self.mode == "rich" else 0
        self.pictures = pictures

    def table(self, table: Table, rows: Iterable[Mapping[str, Any]], total: int | None = None) -> int:
        """Show rows of one kind; returns how many there were. Nothing is shown for none.

        `total`: how many there are, where that is known without making those that are not shown.
        """
        kept = table.whole or (table.counted and not self.given)
        cut = min(self.limit, sys.maxsize) if self.limit and not kept else None
        columns = [column for column in table.columns if column.style != "json"]
        rows = iter(rows)
        shown: Iterable[Mapping[str, Any]] = islice(rows, cut)
        if total is None or self.mode == "rich":  # else they are sure to come, and are not all held
            shown = list(shown)
        number = 0
        for row in shown:
            number += 1
            if self.mode == "json":
                click.echo(json_line({**_declared(table, row), "kind": table.kind}))
            elif self.mode == "plain":
                click.echo("\t".join(_cell(column, row.get(column.name), plain=True) for column in columns))
        if self.mode == "rich" and isinstance(shown, list) and shown:
            _draw(table.title, columns, shown, self.pictures)
        more = sum(1 for _ in rows) if total is None else total - number
        if more:
            say(f"{more:,} more (--limit 0 shows all)")
        return number + more

    def record(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows for programs alone; people are told in words."""
        if self.mode == "json":
            self.table(table, rows)

    def line(self, text: str) -> None:
        """A sentence for people; not part of JSON."""
        if self.mode != "json":
            click.echo(printable(text))


def _declared(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row holds of what its table declares, in the row's own order, with null for what it lacks."""
    names = [column.name for column in table.columns]
    return {name: row[name] for name in row if name in names} | {name: None for name in names if name not in row}


def _draw(title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], pictures: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = [column for column in columns if any(_has_value(row.get(column.name)) for row in rows)]
    console = Console(highlight=False)
    images = _images(console, columns, rows) if pictures and _shows_pictures(console) else []
    middle: Literal["top", "middle"] = "middle" if any(images) else "top"
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, leading=1 if any(images) else 0)
    if any(images):
        drawn.add_column("", no_wrap=True)
    for column in columns:
        right = column.style in RIGHT
        drawn.add_column(
            Text(column.name),
            justify="right" if right else "left",
            vertical=middle,
            no_wrap=right,
            overflow="fold" if column.style in PATHS else "ellipsis",
            ratio=None if right else 1 if column.style in PATHS else None,
        )
    for number, row in enumerate(rows):
        # Text objects: file names, labels and texts are data, never markup.
        cells = [Text(_cell(column, row.get(column.name))) for column in columns]
        drawn.add_row(*([images[number]] if any(images) else []), *cells)
    # The title apart from the table, which may be narrower.
    console.print(Text(title, style="bold"), drawn)


def _shows_pictures(console: Console) -> bool:
    """Whether block characters in colours come out as a picture."""
    plain = console.no_color or console.is_dumb_terminal or console.legacy_windows
    return not plain and console.encoding.startswith("utf") and console.color_system == "truecolor"


def _images(console: Console, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> list[Text]:
    """The picture of each row, of the first column that names some; empty for what is none."""
    name = next((column.name for column in columns if column.style == "picture"), None)
    if name is None:
        return []
    lines = min(HIGHEST, max(LOWEST, (console.height - 8) // len(rows) - 1))
    return [_render_picture(row.get(name), lines) for row in rows]


def _render_picture(path: Any, lines: int) -> Text:
    """A picture in so many lines of cells; empty for what is none."""
    from rich.style import Style
    from rich.text import Text

    from curator.cli.blocks import blocks

    image = Text()
    for number, line in enumerate((blocks(path, 5 * lines // 2, lines) or []) if isinstance(path, Path) else []):
        image.append("\n" if number else "")
        for sign, ink, ground in line:
            image.append(sign, Style(color=_colour(ink), bgcolor=_colour(ground)))
    return image


def show_picture(path: Path) -> None:
    """One picture on stderr, as large as leaves room for a question; nothing where the terminal cannot."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if _shows_pictures(console) and (image := _render_picture(path, min(LARGE, max(LOWEST, console.height - 8)))):
        console.print(image)


def _colour(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _has_value(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | list) and not value)


def _cell(column: Column, value: Any, plain: bool = False) -> str:
    if not _has_value(value):
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

    def confirm(self, question: str, default: bool = True) -> bool | None:
        """Ask at a terminal; None where nobody can answer."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return click.confirm(printable(question), err=True, default=default)

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
            TextColumn("elapsed,", markup=False),
            TimeRemainingColumn(),
            TextColumn("left", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(str(Text(printable(title))), total=total, rate="")

            def advance(done: int) -> None:
                bars.advance(task, done)
                speed = bars.tasks[0].speed
                bars.update(task, rate=f"{speed:,.1f}/s" if speed else "")

            yield advance
