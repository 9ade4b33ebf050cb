"""Contact sheets: pictures and texts with lines below them, as one picture or document.

Public, like `curator.api`. Nothing heavy is imported with it.

    from curator.kit import sheets

    tiles = tuple(sheets.Tile.of(item, f"{score:.3f}") for item, score in nearest)
    yield sheets.artifact(context, params.sheet, sheets.Sheet("Nearest neighbours", (sheets.Section(tiles),)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from curator.api import Artifact, Context, Item, Query

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ENDINGS", "Section", "Sheet", "Tile", "artifact", "write"]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".pdf")
"""What a sheet can be written as: the `choices` of a `NewFile`. A PDF has pages, the others are one picture."""

BODY = 1000
"""So many characters of a text are looked at; a tile has room for fewer."""

ROWS, PAGED_ROWS = 40, 200
"""How many rows of tiles a sheet has at most, as one picture and as pages."""
TALLEST = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}
"""How many pixels the formats allow a picture to be high, of those that allow no more."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture, or else a text, with lines below it, the first of them in black.

    `marked`: framed, as the query or the file that stays. `drawn` makes the picture where it is none of a file: it
    gets the side of the tile in pixels, and may raise `curator.kit.images.Unreadable`. A picture that cannot be shown
    says why, a tile of neither that its file is gone.
    """

    picture: Path | None = None
    text: str | None = None
    caption: tuple[str, ...] = ()
    marked: bool = False
    drawn: Callable[[int], Image.Image] | None = None

    @classmethod
    def of(cls, item: Item | Query, *caption: str, marked: bool = False) -> Tile:
        """A tile for an item or query, with its name before the other lines."""
        name = item.path.name if item.path else f"id:{item.id}" if isinstance(item, Item) else ""
        lines = tuple(line for line in (name, *caption) if line)
        return cls(item.path if item.modality == "image" else None, item.text, lines, marked)


@dataclass(frozen=True, slots=True)
class Section:
    """Tiles that begin a new row, below a heading and a word about it."""

    tiles: tuple[Tile, ...]
    heading: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A title, a line below it, and sections; `side` is that of a tile in pixels."""

    title: str
    sections: tuple[Section, ...]
    note: str = ""
    side: int = 240


def artifact(context: Context, path: Path, sheet: Sheet) -> Artifact:
    """The sheet as the output of an action; what cannot be shown in it is said."""
    from curator.kit.sheets.fonts import Fonts, escape
    from curator.kit.sheets.page import draw, rows_within

    ending = path.suffix.lower()
    rows = PAGED_ROWS if ending == ".pdf" else ROWS
    rows = min(rows, rows_within(sheet, TALLEST[ending])) if ending in TALLEST else rows
    sections = tuple(_first(sheet, rows))
    kept, tiles = (sum(len(section.tiles) for section in part) for part in (sections, sheet.sections))
    if kept < tiles:
        more = "" if ending == ".pdf" else "; a .pdf holds more"
        context.note(f"the sheet shows the first {kept:,} of {tiles:,}{more}")
        sheet = replace(sheet, sections=sections)
    fonts = Fonts(_texts(sheet))
    absent = sorted(filter(str.isprintable, fonts.missing), key=lambda character: (not character.isalpha(), character))
    if absent:
        example = " ".join(absent[:3])
        context.note(
            f"no font here has {example}{' and others' if len(absent) > 3 else ''}: shown as {escape(absent[0])}; "
            "a font such as Noto Sans CJK would help"
        )

    return Artifact(path, lambda file: draw(sheet, file, ending, fonts))


def write(sheet: Sheet, file: IO[bytes], ending: str) -> None:
    """Write a sheet as what `ending`, one of `ENDINGS`, says. The same sheet and fonts give the same bytes."""
    from curator.kit.sheets.fonts import Fonts
    from curator.kit.sheets.page import draw

    draw(sheet, file, ending, Fonts(_texts(sheet)))


def _first(sheet: Sheet, rows: int) -> Iterator[Section]:
    """The sections of a sheet as far as they fill so many rows."""
    from curator.kit.sheets.page import columns

    wide = columns(sheet)
    for section in sheet.sections:
        if rows > 0:
            yield replace(section, tiles=section.tiles[: rows * wide])
        rows -= -(-len(section.tiles) // wide)


def _texts(sheet: Sheet) -> Iterator[str]:
    """All that is written on a sheet."""
    yield from (sheet.title, sheet.note)
    for section in sheet.sections:
        yield from (section.heading, section.note)
        for tile in section.tiles:
            yield from ((tile.text or "")[:BODY], *tile.caption)
