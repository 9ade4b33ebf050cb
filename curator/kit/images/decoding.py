"""From a file to its first frame, upright, in 8-bit RGB, within the memory and the pixels that are allowed."""

from __future__ import annotations

import functools
import os
import re
import stat
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.kit.images import formats, raw
from curator.kit.images.colours import Colours, colours
from curator.kit.images.depth import deep
from curator.kit.memory import BUDGET, too_many
from curator.kit.reading import Unreadable, reading

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["frames", "opened", "orientation", "plain", "room_for", "thumbnail", "upright", "whole"]

_ORIENTATION = 0x0112
"""EXIF's tag, and those of its values that swap width and height."""

_TURNS = (
    "",
    "",
    "FLIP_LEFT_RIGHT",
    "ROTATE_180",
    "FLIP_TOP_BOTTOM",
    "TRANSPOSE",
    "ROTATE_270",
    "TRANSVERSE",
    "ROTATE_90",
)
"""What makes a picture of each orientation upright."""

_BAND = 1 << 20
"""Pixels that are converted at once: copies of a whole picture would take as much memory as it, each."""

_BLOCK = 64 << 20
"""Bytes that Pillow asks for at once. Of blocks of up to 32 MB, as it has, each thread would keep what it freed."""

_LARGE = 64_000_000
"""Pixels. A larger picture is reduced while it is converted, to at least four times what is wanted."""

_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""Bytes that Pillow takes for a pixel of each mode; for all others 4."""

_DECODERS = {"AVIF": 8, "GIF": 4, "HEIF": 6, "JPEG2000": 16, "TIFF": 4, "WEBP": 16}
"""Bytes more for a pixel that the decoders of formats take, which hold the whole picture (a TIFF: of one strip)."""
_MOST_TEXT = 16 << 20
"""Bytes that a chunk of text or a profile of a PNG may unfold to: what makes pictures keeps its recipe there, of some
megabytes, and Pillow would take one. All of a picture's texts together may have 64 MB, as Pillow has it."""

_COEFFICIENTS = 6
"""Bytes for a pixel of a JPEG that comes in several scans: all of them are held, at whatever size it is decoded."""

_FINER = 16
"""Bytes for a pixel of the numbers that Pillow does not give, with those that they are unfolded from."""


@functools.cache
def _pillow() -> Any:
    """Pillow without its warnings: what is wrong with a picture is said once, in a problem of that picture."""
    from PIL import Image, PngImagePlugin

    image_module: Any = Image
    warnings.filterwarnings("ignore", module=r"PIL\.")
    image_module.core.set_block_size(_BLOCK)
    PngImagePlugin.MAX_TEXT_CHUNK = _MOST_TEXT
    return image_module


def opened(path: str | Path) -> Image.Image:
    """The picture of a file, its header read and nothing decoded; raises `Unreadable`."""
    image_module = _pillow()
    image_module.MAX_IMAGE_PIXELS = BUDGET.pixels / 2  # Pillow refuses what has over twice as many
    with reading("a damaged image"):
        try:
            return _opened(path)
        except image_module.DecompressionBombError as error:
            said = re.search(r"\((\d+) pixels\)", str(error))
            raise too_many(int(said[1]) if said else None) from MemoryError()
        except image_module.UnidentifiedImageError:
            raise Unreadable("not an image that Pillow can read") from None
        except OSError as error:
            raise Unreadable((error.strerror or str(error) or type(error).__name__).lower()) from error


def _opened(path: str | Path) -> Image.Image:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a FIFO would be waited for
        raise Unreadable("not a regular file")
    ending = formats.named(path)
    if ending in formats.RAW:
        return raw.preview(path, ending)
    with open(path, "rb") as file:
        head = file.read(formats.HEAD)
    wanted = formats.asked(head)
    with BUDGET.room(status.st_size if formats.read_whole(head) else 0):
        image: Image.Image = _pillow().open(path, formats=wanted)
        return image


def room_for(image: Image.Image, side: int | None) -> AbstractContextManager[None]:
    """A block in which a picture is made `upright`, or `whole` (without a side), in the memory that may be taken.

    It waits for others that are decoded. Raises `Unreadable` where the picture alone takes more than all may take.
    """
    return BUDGET.room(_need(image, side))


def upright(image: Image.Image, side: int) -> Image.Image:
    """8-bit sRGB of the first frame, turned as its EXIF says; raises `Unreadable`.

    Decoded at a reduced size where the format allows (JPEG), or where its colours have to be changed, with both sides
    at least twice `side` if it has so much.
    """
    with reading("cannot be decoded"):
        # Twice the wanted size keeps the later resize honest: Pillow's own thumbnails use the same gap.
        image.draft("RGB", (2 * side, 2 * side))
        loaded = _loaded(image)
        change = colours(loaded)
        factor = max(1, min(loaded.size) // (2 * side)) if change else _factor(loaded.size, side)
        return _turned(_rgb(loaded, factor, change), image)


def whole(image: Image.Image) -> Image.Image:
    """The first frame in all its pixels and its own mode, turned as its EXIF says; raises `Unreadable`."""
    with reading("cannot be decoded"):
        return _turned(_loaded(image), image)


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    # Pillow loses the palette of a picture within an ICNS; a copy has one, if an empty one.
    return image.copy() if image.mode in ("P", "PA") and image.palette is None else image


def _turned(image: Image.Image, source: Image.Image) -> Image.Image:
    """As the EXIF of the source says; a copy only where there is something to turn."""
    turn = _TURNS[orientation(source)]
    return image.transpose(_pillow().Transpose[turn]) if turn else image


def _factor(size: tuple[int, int], side: int) -> int:
    """By how much a large picture is reduced: so that both sides are still at least four times what is wanted."""
    return max(1, min(size) // (4 * side)) if size[0] * size[1] > _LARGE else 1


def _need(image: Image.Image, side: int | None) -> int:
    """Bytes that it takes to decode a picture, at most: what Pillow and the decoder hold, and a copy that is made."""
    pixels = image.width * image.height
    stored = _STORED.get(image.mode, 4)
    if image.format in ("JPEG", "MPO"):
        scans = _COEFFICIENTS * pixels if image.info.get("progressive") else 0
        step = min(image.size) // (2 * side) if side else 1
        return scans + 2 * 4 * pixels // max(fits for fits in (1, 2, 4, 8) if fits <= max(1, step)) ** 2
    reduced = side is not None and _factor(image.size, side) > 1
    # What is converted or turned is there twice; the EXIF that says so may come after the pixels.
    finer = _FINER if side is None and deep(image) else 0
    return pixels * (stored + finer + _DECODERS.get(str(image.format), 0) + (0 if reduced else 4))


def frames(image: Image.Image) -> int:
    """How many frames or pages there are; raises `Unreadable` where their heads, which are read now, are damaged.

    The further pictures of a phone's MPO are previews and depth maps, and do not count.
    """
    with reading("its further pages or frames cannot be read"):
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def plain(image: Image.Image) -> bool:
    """Whether 8-bit RGB shows all that it holds: nothing is transparent, nor of more than 8 bits."""
    return not (image.has_transparency_data or image.mode.startswith("I") or image.mode == "F")


def orientation(image: Image.Image) -> int:
    """How its EXIF says that it is to be turned, 1 (not at all) to 8; raises `Unreadable`.

    A HEIC is turned by its decoder already, as the container says and not the EXIF, which may say it once more; so is
    a TIFF, which says its size as it will be from the start.
    """
    if image.format in ("HEIF", "TIFF"):
        return 1
    with reading("its EXIF cannot be read"):
        said = image.getexif().get(_ORIENTATION, 1)
        return int(said) if said in range(1, 9) else 1


def thumbnail(path: str | Path, width: int, height: int, enlarge: int = 1) -> Image.Image:
    """The whole picture, upright, in 8-bit RGB and its own proportions, as large as fits; raises `Unreadable`.

    A smaller one is enlarged by a whole number, at most `enlarge`, so that its pixels stay what they are.
    """
    with opened(path) as image, room_for(image, max(width, height)):
        picture = upright(image, max(width, height))
        with reading("cannot be made smaller"):
            return _fitting(picture, width, height, enlarge)


def _fitting(picture: Image.Image, width: int, height: int, enlarge: int) -> Image.Image:
    factor = min(width / picture.width, height / picture.height)
    resampling = _pillow().Resampling
    if factor < 1:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        return picture.resize(size, resampling.LANCZOS)
    times = max(1, min(enlarge, int(factor)))
    return picture.resize((picture.width * times, picture.height * times), resampling.NEAREST)


def _rgb(image: Image.Image, factor: int, change: Colours | None) -> Image.Image:
    """8-bit sRGB from any mode, reduced so many times, a band of the picture after another."""
    if factor == 1 and image.mode == "RGB" and not image.has_transparency_data and change is None:
        return image
    white = _white(image) if image.mode.startswith("I") or image.mode == "F" else 0.0
    width, height = image.size
    rows = max(1, _BAND // width // factor) * factor
    made: Image.Image = _pillow().new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        band = image if rows >= height else image.crop((0, top, width, min(height, top + rows)))
        band = _flat(band, white, change[0] if change else "RGB")
        band = band.reduce(factor) if factor > 1 else band
        band = change[1](band) if change else band
        if rows >= height:
            return band
        made.paste(band, (0, top // factor))
    return made


def _flat(image: Image.Image, white: float, mode: str) -> Image.Image:
    """8 bits, in a mode. Transparent parts become white: what lies under them is no part of the picture."""
    image_module = _pillow()
    if white:
        import numpy as np

        values = _finite(image)
        image = image_module.fromarray((np.clip(values / white, 0, 1) * 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = image_module.alpha_composite(image_module.new("RGBA", rgba.size, "white"), rgba)
    return image.convert(mode)


def _white(image: Image.Image) -> float:
    """The value that means white in a picture of more than 8 bits: its mode says it, or else its largest value."""
    if image.mode.startswith("I;16"):
        return 65535.0
    rows = max(1, _BAND // image.width)
    bands = (image.crop((0, top, image.width, min(image.height, top + rows))) for top in range(0, image.height, rows))
    largest = max(float(_finite(band).max()) for band in bands)
    if largest > 255:
        return 65535.0
    return 1.0 if image.mode == "F" and largest <= 1 else 255.0


def _finite(image: Image.Image) -> Any:
    """The numbers of a picture, (height, width) float64."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # of a damaged file some are no numbers
        return np.nan_to_num(np.asarray(image, dtype=np.float64))
