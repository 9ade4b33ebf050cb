"""Pictures with what speaks for a class laid over them: one large with its legend, many as a contact sheet."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

from curator.api import Item, Query
from curator.kit import sheets

from .evidence import Cells, Evidence
from .regions import LONGEST, Box, Region, covered_box, spread

LARGE = 640
"""The side of a picture that is shown alone, in pixels."""

LEGEND = (
    "black to yellow: from what speaks least for it in the picture to what speaks most; pale: not seen by the encoder"
)
"""What the colours mean."""

GROUND = "#f3f3f1"
"""What lies behind the bar: that of a sheet's tiles."""

BAR, TICK = 14, 15
"""The height of the colour bar and of its figures, in pixels."""


@dataclass(frozen=True)
class Explained:
    """A picture, and what in it speaks for the class `name`."""

    picture: Item | Query
    name: str
    evidence: Evidence
    region: Region | None


def alone(explained: Explained, note: str) -> sheets.Sheet:
    """The picture, and beside it the heat map over it."""
    found, region = explained.evidence, explained.region
    lines = ["no evidence for it"]
    if region is not None:
        lines = [f"in the box: {region.share:.0%} of the evidence, {region.place}"]
    plain = sheets.Tile.of(explained.picture, *lines)
    tiles = (
        sheets.Tile(None, None, plain.caption, drawn=functools.partial(picture_with_box, explained)),
        sheets.Tile(
            None,
            None,
            (
                f"{100 * found.probability:.1f} % {explained.name}, logit {found.logit:.2f}",
                f"the mean of the map, {found.logit - found.bias:.2f}, and the bias, {found.bias:.2f}",
            ),
            drawn=functools.partial(with_bar, explained),
        ),
    )
    return sheets.Sheet(f"Evidence for {explained.name}", (sheets.Section(tiles),), note, LARGE)


def together(found: Sequence[Explained], name: str, note: str) -> sheets.Sheet:
    """A tile for each picture."""
    tiles = []
    for explained in found:
        where = "" if explained.region is None else f"{explained.region.share:.0%} in the box"
        plain = sheets.Tile.of(explained.picture, f"{100 * explained.evidence.probability:.1f} %", where)
        tiles.append(sheets.Tile(None, None, plain.caption, drawn=functools.partial(evidence_over, explained)))
    return sheets.Sheet(f"Evidence for {name}", (sheets.Section(tuple(tiles)),), note)


def picture_with_box(explained: Explained, side: int) -> Image.Image:
    """The picture with the box, as large as fits into a square of so many pixels."""
    photo = photo_of(explained.picture, side)
    _draw_box(photo, _box(explained), explained.evidence)
    return photo


def evidence_over(explained: Explained, side: int) -> Image.Image:
    """The heat map over the picture."""
    return laid_over(explained.picture, explained.evidence, _box(explained), side)


def laid_over(picture: Item | Query, map_: Cells, box: Box | None, side: int) -> Image.Image:
    """A map over a picture, which is grey below it, and pale where the encoder does not see it; with a box."""
    photo = photo_of(picture, side)
    left, top, right, bottom = _scaled(covered_box(map_), map_, photo)
    values = spread(map_, (right - left, bottom - top))
    heat = (values - values.min()) / (float(np.ptp(values)) or 1.0)
    grey = np.asarray(photo.convert("L").convert("RGB"), dtype=np.float32)
    mixed = 0.3 * grey + 0.7 * 255
    share = (0.25 + 0.5 * heat)[..., None]
    inside = grey[top:bottom, left:right]
    mixed[top:bottom, left:right] = (1 - share) * inside + share * _colours(heat)
    made = Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))
    _draw_box(made, box, map_)
    return made


def cut_out(picture: Item | Query, map_: Cells, box: Box, side: int) -> Image.Image:
    """What of a picture lies in a box, as large as fits into a square of so many pixels."""
    # At twice what encoders see, so that of a large photo no more is decoded than shows.
    photo = photo_of(picture, 2 * LONGEST)
    part = photo.crop(_scaled(box, map_, photo))
    factor = side / max(part.size)
    return part.resize((max(1, round(part.width * factor)), max(1, round(part.height * factor))), Resampling.BICUBIC)


def with_bar(explained: Explained, side: int) -> Image.Image:
    """The heat map over the picture, and below it which colour is how much."""
    room = 6 + BAR + 2 * TICK
    above = evidence_over(explained, side - room)
    width = max(above.width, side // 2)
    made = Image.new("RGB", (width, above.height + room), GROUND)
    made.paste(above, ((width - above.width) // 2, 0))
    ramp = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (BAR, width))
    made.paste(Image.fromarray(_colours(ramp).astype(np.uint8)), (0, above.height + 6))
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(TICK)
    least, most = float(explained.evidence.cells.min()), float(explained.evidence.cells.max())
    for text, x, anchor in (
        (f"{least:.1f}", 0, "ls"),
        ("logit a cell", width // 2, "ms"),
        (f"{most:.1f}", width, "rs"),
    ):
        pen.text((x, made.height - TICK // 2), text, "#1a1a1a", font, anchor)
    return made


def _box(explained: Explained) -> Box | None:
    return explained.region.box if explained.region else None


def photo_of(picture: Item | Query, side: int) -> Image.Image:
    """The whole picture, upright; a small one enlarged, so that box and map are drawn as fine as on any other."""
    from curator.kit.images import opened, room_for, upright
    from curator.kit.reading import Unreadable

    if picture.path is None:
        raise Unreadable("its file is gone")
    with opened(picture.path) as image, room_for(image, side):
        photo = upright(image, side)
        factor = side / max(photo.size)
        size = (max(1, round(photo.width * factor)), max(1, round(photo.height * factor)))
        return photo.resize(size, Resampling.LANCZOS if factor < 1 else Resampling.BICUBIC)


def _scaled(box: Box, map_: Cells, photo: Image.Image) -> Box:
    """A box of the picture in the pixels of a smaller or larger form of it; at least one of them."""
    x, y = photo.width / map_.size[0], photo.height / map_.size[1]
    left, top = min(photo.width - 1, round(box[0] * x)), min(photo.height - 1, round(box[1] * y))
    return left, top, max(left + 1, round(box[2] * x)), max(top + 1, round(box[3] * y))


def _draw_box(photo: Image.Image, box: Box | None, map_: Cells) -> None:
    """A white line in a black one, which shows on any picture."""
    if box is None:
        return
    left, top, right, bottom = _scaled(box, map_, photo)
    pen, thick = ImageDraw.Draw(photo), max(1, max(photo.size) // 300)
    for inset, colour in ((0, "black"), (thick, "white"), (2 * thick, "black")):
        corners = (left + inset, top + inset, right - 1 - inset, bottom - 1 - inset)
        if corners[0] <= corners[2] and corners[1] <= corners[3]:
            pen.rectangle(corners, None, colour, thick)


def _colours(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """RGB of 0 to 1 by matplotlib's "inferno" (Smith and van der Walt 2015): perceptually uniform, black to yellow."""
    import cv2

    levels = np.round(255 * np.clip(heat, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1], dtype=np.float32)
