"""Pictures decoded safely: a decompression bomb, a damaged file or an odd mode never becomes more than a sentence.

The only door to what decodes people's files: nothing else opens one, or asks Pillow of a file what it reads only then
(its frames, its EXIF).

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import functools
import os
import stat
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.kit.memory import BUDGET
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

_DECODERS = {"AVIF": 8, "GIF": 4, "JPEG2000": 16, "TIFF": 4, "WEBP": 16}
"""Bytes more for a pixel that the decoders of formats take, which hold the whole picture (a TIFF: of one strip)."""
_COEFFICIENTS = 6
"""Bytes for a pixel of a JPEG that comes in several scans: all of them are held, at whatever size it is decoded."""


@functools.cache
def _pillow() -> Any:
    """Pillow without its warnings: what is wrong with a picture is said once, in a problem of that picture."""
    from PIL import Image

    image_module: Any = Image
    warnings.filterwarnings("ignore", module=r"PIL\.")
    image_module.core.set_block_size(_BLOCK)
    return image_module


def opened(path: str | Path) -> Image.Image:
    """The picture of a file, its header read and nothing decoded; raises `Unreadable`."""
    image_module = _pillow()
    with reading("a damaged image"):
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # a FIFO would be waited for
                raise Unreadable("not a regular file")
            image: Image.Image = image_module.open(path)
        except image_module.DecompressionBombError:
            raise Unreadable("a picture of over 179 megapixels: taken for a decompression bomb") from None
        except image_module.UnidentifiedImageError:
            raise Unreadable("not an image that Pillow can read") from None
        except OSError as error:
            raise Unreadable((error.strerror or str(error) or type(error).__name__).lower()) from error
    return image


def room_for(image: Image.Image, side: int | None) -> AbstractContextManager[None]:
    """A block in which a picture is made `upright`, or `whole` (without a side), in the memory that may be taken.

    It waits for others that are decoded. Raises `Unreadable` where the picture alone takes more than all may take.
    """
    return BUDGET.room(_need(image, side))


def upright(image: Image.Image, side: int) -> Image.Image:
    """8-bit RGB of the first frame, turned as its EXIF says; raises `Unreadable`.

    Decoded at a reduced size where the format allows (JPEG), with both sides at least twice `side` if it has so much.
    """
    with reading("cannot be decoded"):
        # Twice the wanted size keeps the later resize honest: Pillow's own thumbnails use the same gap.
        image.draft("RGB", (2 * side, 2 * side))
        return _turned(_rgb(_loaded(image), _factor(image.size, side)), image)


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
    return pixels * (stored + _DECODERS.get(str(image.format), 0) + (0 if reduced else 4))


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
    """How its EXIF says that it is to be turned, 1 (not at all) to 8; raises `Unreadable`."""
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


def _rgb(image: Image.Image, factor: int) -> Image.Image:
    """8-bit RGB from any mode, reduced so many times, a band of the picture after another."""
    if factor == 1 and image.mode == "RGB" and not image.has_transparency_data:
        return image
    white = _white(image) if image.mode.startswith("I") or image.mode == "F" else 0.0
    width, height = image.size
    rows = max(1, _BAND // width // factor) * factor
    if factor == 1 and rows >= height:
        return _flat(image, white)
    made: Image.Image = _pillow().new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        band = _flat(image.crop((0, top, width, min(height, top + rows))), white)
        made.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return made


def _flat(image: Image.Image, white: float) -> Image.Image:
    """8-bit RGB. Transparent parts become white: what lies under them is no part of the picture."""
    image_module = _pillow()
    if white:
        import numpy as np

        values = _finite(image)
        image = image_module.fromarray((np.clip(values / white, 0, 1) * 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = image_module.alpha_composite(image_module.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


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
