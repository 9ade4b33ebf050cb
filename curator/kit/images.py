"""Pictures decoded safely: a decompression bomb, a damaged file or an odd mode never becomes more than a sentence.

The only door to what decodes people's files: nothing else opens one, or asks Pillow of a file what it reads only then
(its frames, its EXIF).

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Unreadable", "frames", "opened", "orientation", "thumbnail", "upright", "whole"]

_ORIENTATION = 0x0112
"""EXIF's tag, and those of its values that swap width and height."""


class Unreadable(Exception):
    """A file cannot be shown as a picture; the message says why, in a few words.

    Where the system is to blame (permissions, a disk that is gone), an `OSError` with an `errno` is the cause.
    """


@functools.cache
def _pillow() -> Any:
    """Pillow without its warnings: what is wrong with a picture is said once, in a problem of that picture."""
    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.")
    return Image


def opened(path: str | Path) -> Image.Image:
    """The picture of a file, its header read and nothing decoded; raises `Unreadable`."""
    image_module = _pillow()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a FIFO would be waited for
            raise Unreadable("not a regular file")
        image: Image.Image = image_module.open(path)
    except Unreadable:
        raise
    except image_module.DecompressionBombError:
        raise Unreadable("a picture of over 179 megapixels: taken for a decompression bomb") from None
    except image_module.UnidentifiedImageError:
        raise Unreadable("not an image that Pillow can read") from None
    except OSError as error:
        raise Unreadable((error.strerror or str(error) or type(error).__name__).lower()) from error
    except Exception as error:
        raise Unreadable(f"a damaged image: {_words(error)}") from error
    return image


def upright(image: Image.Image, side: int) -> Image.Image:
    """8-bit RGB of the first frame, turned as its EXIF says; raises `Unreadable`.

    Decoded at a reduced size where the format allows (JPEG), with both sides at least twice `side` if it has so much.
    """
    from PIL import ImageOps

    with _decoding("cannot be decoded"):
        # Twice the wanted size keeps the later resize honest: Pillow's own thumbnails use the same gap.
        image.draft("RGB", (2 * side, 2 * side))
        return _rgb(ImageOps.exif_transpose(image))


def whole(image: Image.Image) -> Image.Image:
    """The first frame in all its pixels and its own mode, turned as its EXIF says; raises `Unreadable`."""
    from PIL import ImageOps

    with _decoding("cannot be decoded"):
        return ImageOps.exif_transpose(image)


def frames(image: Image.Image) -> int:
    """How many frames or pages there are; raises `Unreadable` where their heads, which are read now, are damaged.

    The further pictures of a phone's MPO are previews and depth maps, and do not count.
    """
    with _decoding("its further pages or frames cannot be read"):
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def orientation(image: Image.Image) -> int:
    """How its EXIF says that it is to be turned, 1 (not at all) to 8; raises `Unreadable`."""
    with _decoding("its EXIF cannot be read"):
        said = image.getexif().get(_ORIENTATION, 1)
        return int(said) if said in range(1, 9) else 1


@contextlib.contextmanager
def _decoding(failed: str) -> Iterator[None]:
    """What a damaged file makes Pillow's format plugins raise has no common class: all of it becomes `Unreadable`."""
    try:
        yield
    except Exception as error:
        raise Unreadable(f"{failed}: {_words(error)}") from error


def thumbnail(path: str | Path, width: int, height: int, enlarge: int = 1) -> Image.Image:
    """The whole picture, upright, in 8-bit RGB and its own proportions, as large as fits; raises `Unreadable`.

    A smaller one is enlarged by a whole number, at most `enlarge`, so that its pixels stay what they are.
    """
    with opened(path) as image:
        picture = upright(image, max(width, height))
    factor = min(width / picture.width, height / picture.height)
    resampling = _pillow().Resampling
    if factor < 1:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        return picture.resize(size, resampling.LANCZOS)
    whole = max(1, min(enlarge, int(factor)))
    return picture.resize((picture.width * whole, picture.height * whole), resampling.NEAREST)


def _rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB from any mode. Transparent parts become white: what lies under them is no part of the picture."""
    import numpy as np

    image_module = _pillow()
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        image = image_module.fromarray(
            (np.clip(values / _white(image.mode, values.max()), 0, 1) * 255).astype(np.uint8)
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = image_module.new("RGBA", rgba.size, "white")
        image = image_module.alpha_composite(white, rgba)
    return image.convert("RGB")


def _white(mode: str, largest: float) -> float:
    """The value that means white in a picture of more than 8 bits: its mode says it, or else its largest value."""
    if mode.startswith("I;16") or largest > 255:
        return 65535.0
    return 1.0 if mode == "F" and largest <= 1 else 255.0


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
