"""Contact sheets, looked at by their pixels."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from cli_kit import bomb, truncated_photo
from PIL import Image

from curator.errors import BadInput
from curator.kit import sheets
from curator.kit.images import Unreadable
from curator.kit.sheets import Section, Sheet, Tile, page

MARGIN, TILE, GAP = page.MARGIN, Sheet("", ()).side, page.GAP


@pytest.fixture
def colours(tmp_path):
    """`colours("red", (400, 100))`: the path of a picture of one colour."""

    def make(colour, size=(400, 400)):
        path = tmp_path / f"{colour}-{size[0]}x{size[1]}.png"
        Image.new("RGB", size, colour).save(path)
        return path

    return make


class Notes:
    """A context that keeps what is said."""

    def __init__(self):
        self.said = []

    def note(self, message):
        self.said.append(message)


def drawn(*sections, title="Title", note="", side=TILE):
    file = io.BytesIO()
    sheets.write(Sheet(title, sections, note, side), file, ".png")
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def extent(image, colour):
    """Left, top, width and height of what has a colour."""
    rows, columns = np.nonzero((np.abs(image - Image.new("RGB", (1, 1), colour).getpixel((0, 0))).max(2)) < 3)
    assert len(rows), f"nothing is {colour}"
    left, top = columns.min(), rows.min()
    return int(left), int(top), int(columns.max() - left + 1), int(rows.max() - top + 1)


def test_tiles_stand_in_an_even_grid(colours):
    names = ["red", "lime", "blue", "cyan", "magenta", "yellow", "purple"]
    image = drawn(Section(tuple(Tile(colours(name)) for name in names)))
    places = [extent(image, name) for name in names]
    assert image.shape[1] == 2 * MARGIN + 6 * TILE + 5 * GAP
    assert [left for left, *_ in places] == [MARGIN + number % 6 * (TILE + GAP) for number in range(7)]
    assert len({top for _, top, *_ in places[:6]}) == 1 and places[6][1] > places[0][1] + TILE
    assert {place[2:] for place in places} == {(TILE, TILE)}


def test_tiles_may_be_larger_and_then_fewer_stand_side_by_side(colours):
    names = ["red", "lime", "blue"]
    image = drawn(Section(tuple(Tile(colours(name, (800, 800)), caption=(name,)) for name in names)), side=600)
    places = [extent(image, name) for name in names]
    assert image.shape[1] == 2 * MARGIN + 2 * 600 + GAP
    assert [left for left, *_ in places] == [MARGIN, MARGIN + 600 + GAP, MARGIN]
    assert places[0][1] == places[1][1] < places[2][1] - 600 and {place[2:] for place in places} == {(600, 600)}


def test_a_tile_may_be_drawn_by_whoever_makes_the_sheet():
    asked = []

    def half(side):
        asked.append(side)
        return Image.new("RGB", (side, side // 2), "red")

    def nothing(side):
        raise Unreadable("there is nothing")

    image = drawn(Section((Tile(drawn=half), Tile(drawn=nothing))))
    assert (asked, extent(image, "red")[2:]) == ([TILE], (TILE, TILE // 2))
    words = image[extent(image, "red")[1] - TILE // 4 :, MARGIN + TILE + GAP :][:TILE, :TILE]
    assert (words.max(axis=2) < 120).sum() > 100  # that it cannot be shown, and why


def test_each_section_begins_a_row_of_its_own(colours):
    image = drawn(Section((Tile(colours("red")),), "One"), Section((Tile(colours("blue")),), "Two", "about it"))
    assert extent(image, "red")[0] == extent(image, "blue")[0] == MARGIN
    assert extent(image, "blue")[1] > extent(image, "red")[1] + TILE + page.HEADING


@pytest.mark.parametrize(
    ("size", "seen"),
    [((960, 240), (240, 60)), ((100, 400), (60, 240)), ((20, 10), (80, 40)), ((150, 100), (150, 100))],
    ids=["wide", "high", "tiny", "small"],
)
def test_no_picture_is_distorted_or_much_enlarged(colours, size, seen):
    left, _, width, height = extent(drawn(Section((Tile(colours("red", size)),))), "red")
    assert (width, height) == seen
    assert left == MARGIN + (TILE - width) // 2


def test_a_marked_tile_is_framed(colours):
    plain, marked = (drawn(Section((Tile(colours("blue"), marked=marked),))) for marked in (False, True))
    left, top, width, height = extent(marked, page.ACCENT)
    inner = extent(marked, "blue")
    assert (left, top) < inner[:2] and width > inner[2] and height > inner[3]
    assert inner == extent(plain, "blue")


def test_a_picture_that_cannot_be_shown_is_a_tile_that_says_so(tmp_path, colours):
    truncated_photo(tmp_path / "cut.jpg", 1)
    bomb(tmp_path / "bomb.png")
    (tmp_path / "text.png").write_text("no picture")
    bad = [tmp_path / "cut.jpg", tmp_path / "bomb.png", tmp_path / "text.png", tmp_path / "gone.png", None]
    image = drawn(Section((*(Tile(path) for path in bad), Tile(colours("red")))))
    assert extent(image, "red")[0] == MARGIN + 5 * (TILE + GAP)
    top = extent(image, "red")[1]
    tiles = [image[top : top + TILE, (x := MARGIN + number * (TILE + GAP)) : x + TILE] for number in range(5)]
    assert all((tile == 0xF3).any() and (tile < 0xB0).sum() > 500 for tile in tiles)
    assert len({tile.tobytes() for tile in tiles}) == 5, "each says its own reason"


def test_texts_and_captions_stay_within_their_tile():
    for text in ("我今天心情很好。" * 40, "long words " * 60, "unbroken" * 80):
        image = drawn(Section((Tile(text=text, caption=(text, text)),)))
        assert extent(image[150:], page.INK)[2] <= TILE
        below = image[150 + TILE :, MARGIN + TILE + 2 :]
        assert (below == 255).all()


def test_a_caption_is_below_its_tile(colours):
    without, with_caption = (
        drawn(Section((Tile(colours("red"), caption=lines),))) for lines in ((), ("name.jpg", "0.9"))
    )
    assert with_caption.shape[0] > without.shape[0]
    assert extent(with_caption[extent(with_caption, "red")[1] + TILE :], page.INK)[0] - MARGIN < 5


@pytest.mark.parametrize("ending", sheets.ENDINGS)
def test_the_same_sheet_is_the_same_file(tmp_path, ending):
    path = tmp_path / "noise.png"
    Image.frombytes("RGB", (300, 200), random.Random(0).randbytes(180_000)).save(path)
    sheet = Sheet("香蕉 title", (Section((Tile(path, caption=("a",)), Tile(text="b 猫")), "h"),), "note")
    first, second = io.BytesIO(), io.BytesIO()
    sheets.write(sheet, first, ending)
    sheets.write(sheet, second, ending)
    assert first.getvalue() == second.getvalue()
    if ending == ".pdf":
        assert first.getvalue().startswith(b"%PDF") and b"CreationDate" not in first.getvalue()
    else:
        wanted = {".png": "PNG", ".webp": "WEBP"}.get(ending, "JPEG")
        assert Image.open(first).format == wanted


def test_another_ending_is_refused():
    with pytest.raises(BadInput, match=r"'\.gif'.*\.png"):
        sheets.write(Sheet("t", (Section((Tile(text="a"),)),)), io.BytesIO(), ".gif")


def many(count):
    return Sheet("many", (Section(tuple(Tile(text=str(number)) for number in range(count))),))


def test_a_pdf_goes_on_over_pages():
    file = io.BytesIO()
    sheets.write(many(100), file, ".pdf")
    assert file.getvalue().count(b"/Type /Page\n") == 3


def test_a_sheet_that_would_be_too_long_is_cut_and_says_so():
    context = Notes()
    file = io.BytesIO()
    sheets.artifact(context, Path("out.webp"), many(1000)).render(file)
    assert context.said == ["the sheet shows the first 240 of 1,000; a .pdf holds more"]
    image = Image.open(file)
    assert image.format == "WEBP" and image.height < 16384
    context.said.clear()
    sheets.artifact(context, Path("out.pdf"), many(1000))
    assert context.said == []


def test_sections_count_by_the_rows_that_they_fill():
    context = Notes()
    groups = tuple(Section((Tile(text="a"), Tile(text="b")), f"group {number}") for number in range(50))
    file = io.BytesIO()
    sheets.artifact(context, Path("out.WEBP"), Sheet("groups", groups)).render(file)
    assert context.said == ["the sheet shows the first 80 of 100; a .pdf holds more"]
    assert Image.open(file).height < 16384


def test_what_no_font_has_is_said_once(monkeypatch):
    from curator.kit.sheets import fonts

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts._usual.cache_clear()
    context = Notes()
    sheets.artifact(context, Path("out.png"), Sheet("香蕉", (Section((Tile(text="香", caption=("。",)),)),)))
    fonts._usual.cache_clear()
    (line,) = context.said
    assert line.startswith("no font here has 蕉 香 。: shown as \\u8549;")
