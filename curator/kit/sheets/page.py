"""A contact sheet drawn: an even grid on white, each picture whole and in its own proportions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from curator.errors import BadInput
from curator.kit.images import thumbnail
from curator.kit.reading import Unreadable
from curator.kit.sheets import BODY
from curator.kit.sheets.fonts import Fonts

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from curator.kit.sheets import Section, Sheet, Tile

# Pixels; on paper, as many as make a page as wide as A4.
GAP, MARGIN, PADDING = 24, 48, 14
TITLE, HEADING, SMALL, LINE = 34, 24, 17, 24
A4_INCHES = 8.27
WIDEST, NARROWEST = 1440, 960
"""So many pixels of tiles stand side by side at most, and at least, so that a title has room."""
ASIDE = 240
"""Less room than this is left empty beside a heading."""
ENLARGED = 4
"""Small pictures are enlarged so many times at most."""

INK, GREY, RULE, MAT, PAPER, ACCENT = "#1a1a1a", "#6b6b6b", "#d9d9d6", "#f3f3f1", "#ffffff", "#d1481f"

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 90, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 90, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 90, "method": 4}),
    # Without dates, which would make each file another.
    ".pdf": ("PDF", {"quality": 90, "creationDate": None, "modDate": None}),
}


@dataclass(frozen=True, slots=True)
class Row:
    """Tiles side by side, below the heading if they begin a section; `lines` of text below each."""

    section: Section
    tiles: tuple[Tile, ...]
    lines: int
    first: bool
    side: int

    @property
    def head(self) -> int:
        """The height of what stands above the tiles."""
        return GAP // 2 + HEADING + LINE if self.first and self.section.heading else 0

    @property
    def height(self) -> int:
        """The height of all of it, with the space below."""
        return self.head + self.side + self.lines * LINE + GAP + (LINE if self.lines else 0) // 2


def columns(sheet: Sheet) -> int:
    """How many tiles stand side by side."""
    most, least = (max(1, round(pixels / sheet.side)) for pixels in (WIDEST, NARROWEST))
    return min(most, max(least, *(len(section.tiles) for section in sheet.sections), 0))


def rows_within(sheet: Sheet, height: int) -> int:
    """How many rows of tiles a picture of so many pixels has room for, at least one."""
    left, count = height - 2 * MARGIN - _head(sheet) + GAP, 0
    for row in _rows(sheet, columns(sheet)):
        left -= row.height
        count += left >= 0
    return max(1, count)


def draw(sheet: Sheet, file: IO[bytes], ending: str, fonts: Fonts) -> None:
    """Write a sheet to a file."""
    if ending not in FORMATS:
        raise BadInput(f"a sheet cannot be written as {ending!r}: {', '.join(FORMATS)}")
    wide = columns(sheet)
    width = 2 * MARGIN + wide * sheet.side + (wide - 1) * GAP
    head = _head(sheet)
    rows = list(_rows(sheet, wide))
    # The sides of a sheet of paper, or one page for everything.
    height = round(width * 2**0.5) if ending == ".pdf" else 2 * MARGIN + head + sum(row.height for row in rows) - GAP
    pages = list(_pages(rows, height - 2 * MARGIN, head))
    drawn = (_page(sheet, page, number, len(pages), (width, height), fonts) for number, page in enumerate(pages, 1))
    kind, options = FORMATS[ending]
    if kind == "PDF":
        options = {**options, "save_all": True, "append_images": drawn, "resolution": width / A4_INCHES}
    next(drawn).save(file, kind, **options)


def _head(sheet: Sheet) -> int:
    return TITLE + GAP + (LINE if sheet.note else 0) + GAP


def _rows(sheet: Sheet, wide: int) -> Iterator[Row]:
    for section in sheet.sections:
        lines = max((len(tile.caption) for tile in section.tiles), default=0)
        for start in range(0, len(section.tiles), wide):
            yield Row(section, section.tiles[start : start + wide], lines, start == 0, sheet.side)


def _pages(rows: list[Row], height: int, head: int) -> Iterator[list[Row]]:
    """Rows by page; the first page begins with the title."""
    page: list[Row] = []
    left = height - head
    for row in rows:
        if page and row.height - GAP > left:
            yield page
            page, left = [], height
        page.append(row)
        left -= row.height
    yield page


def _page(sheet: Sheet, rows: list[Row], number: int, count: int, size: tuple[int, int], fonts: Fonts) -> Image.Image:
    from PIL import Image, ImageDraw

    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    room = size[0] - 2 * MARGIN
    y = MARGIN
    if number == 1:
        fonts.draw(pen, (MARGIN, y + TITLE), fonts.elided(sheet.title, TITLE, room), TITLE, INK)
        y += TITLE + GAP
        if sheet.note:
            fonts.draw(pen, (MARGIN, y + SMALL), fonts.elided(sheet.note, SMALL, room), SMALL, GREY)
            y += LINE
        y += GAP
    for row in rows:
        if row.head:
            _heading(pen, row.section, y, room, fonts)
        for place, tile in enumerate(row.tiles):
            _tile(page, pen, tile, MARGIN + place * (row.side + GAP), y + row.head, row.side, fonts)
        y += row.height
    if count > 1:
        text = f"{number} / {count}"
        at = size[0] - MARGIN - fonts.width(text, SMALL), size[1] - MARGIN // 2
        fonts.draw(pen, at, text, SMALL, GREY)
    return page


def _heading(pen: ImageDraw.ImageDraw, section: Section, y: int, room: int, fonts: Fonts) -> None:
    pen.line((MARGIN, y, MARGIN + room, y), RULE)
    y += GAP // 2
    heading = fonts.elided(section.heading, HEADING, room)
    fonts.draw(pen, (MARGIN, y + HEADING), heading, HEADING, INK)
    used = fonts.width(heading, HEADING) + GAP // 2
    if section.note and room - used > ASIDE:
        fonts.draw(pen, (MARGIN + used, y + HEADING), fonts.elided(section.note, SMALL, room - used), SMALL, GREY)


def _tile(page: Image.Image, pen: ImageDraw.ImageDraw, tile: Tile, x: int, y: int, side: int, fonts: Fonts) -> None:
    box = (x, y, x + side - 1, y + side - 1)
    if tile.text is not None and tile.picture is None:
        pen.rectangle(box, PAPER, RULE)
        text = fonts.wrapped(tile.text[:BODY], SMALL, side - 2 * PADDING, (side - 2 * PADDING) // LINE)
        _lines(pen, text, x, y, fonts, INK)
    else:
        pen.rectangle(box, MAT)
        try:
            picture = _picture(tile, side)
        except Unreadable as error:
            _lines(pen, ["cannot be shown:", *fonts.wrapped(str(error), SMALL, side - 2 * PADDING, 6)], x, y, fonts)
        else:
            page.paste(picture, (x + (side - picture.width) // 2, y + (side - picture.height) // 2))
    if tile.marked:
        pen.rectangle((x - 7, y - 7, x + side + 6, y + side + 6), None, ACCENT, 4)
    for number, line in enumerate(tile.caption):
        at = (x, y + side + LINE // 2 + number * LINE + SMALL)
        fonts.draw(pen, at, fonts.elided(line, SMALL, side), SMALL, GREY if number else INK)


def _picture(tile: Tile, side: int) -> Image.Image:
    if tile.drawn is not None:
        return tile.drawn(side)
    if tile.picture is None:
        raise Unreadable("its file is gone")
    return thumbnail(tile.picture, side, side, ENLARGED)


def _lines(pen: ImageDraw.ImageDraw, lines: list[str], x: int, y: int, fonts: Fonts, colour: str = GREY) -> None:
    for number, line in enumerate(lines):
        fonts.draw(pen, (x + PADDING, y + PADDING + SMALL + number * LINE), line, SMALL, colour)
