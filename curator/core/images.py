"""Safe decoding, and preprocessing as data: a file becomes pixels with Pillow and numpy, without torch."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import Preprocess
from curator.core.contents import BadContent, reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

DECODING = 1
"""Goes up when the pixels that encoders see change; part of every image space's fingerprint."""


@functools.cache
def _pillow() -> Any:
    """Pillow, with its limit for decompression bombs as an error only (179 megapixels), not also a warning."""
    from PIL import Image

    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    return Image


def header(path: str) -> tuple[int, int, str]:
    """Width, height and format, read from the head of the file; raises `BadContent`."""
    with _opened(path) as image:
        return image.width, image.height, str(image.format)


def pixels(path: str | Path, preprocess: Preprocess) -> NDArray[np.float32]:
    """The picture as an encoder sees it: (3, crop, crop) float32. Raises `BadContent`."""
    with _opened(str(path)) as image:
        try:
            return _normalised(_resized(_decoded(image, preprocess), preprocess), preprocess)
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError) as error:
            raise BadContent(f"cannot be decoded: {_words(error)}") from error


def _opened(path: str) -> Image.Image:
    image_module = _pillow()
    try:
        opened: Image.Image = image_module.open(path)
    except image_module.DecompressionBombError:
        raise BadContent("a picture of over 179 megapixels: taken for a decompression bomb") from None
    except image_module.UnidentifiedImageError:
        raise BadContent("not an image that Pillow can read") from None
    except OSError as error:
        raise BadContent(reason(error)) from error
    except (SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        # Pillow's format plugins raise all of these on damaged headers.
        raise BadContent(f"a damaged image: {_words(error)}") from error
    return opened


def _decoded(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """Upright RGB of the first frame, decoded at a reduced size where the format allows (JPEG)."""
    from PIL import ImageOps

    # Twice the wanted size keeps the later resize honest: Pillow's own thumbnails use the same gap.
    image.draft("RGB", (2 * preprocess.resize, 2 * preprocess.resize))
    return _rgb(ImageOps.exif_transpose(image))


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


def _resized(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    image_module = _pillow()
    filter_ = image_module.Resampling[preprocess.interpolation.upper()]
    size = preprocess.resize
    width, height = image.size
    if preprocess.resize_mode == "squash":
        return image.resize((size, size), filter_)
    side = min(width, height) if preprocess.resize_mode == "shortest" else max(width, height)
    # The other side is rounded down, as torchvision does.
    new = (max(1, size * width // side), max(1, size * height // side))
    # A strip of 4000 x 1 would become 896,000 pixels wide; only its middle is kept, so cut before resizing.
    if preprocess.resize_mode == "shortest" and max(new) > 8 * size:
        keep = 8 * side
        left, top = max(0, (width - keep) // 2), max(0, (height - keep) // 2)
        image = image.crop((left, top, min(width, left + keep), min(height, top + keep)))
        width, height = image.size
        new = (max(1, size * width // side), max(1, size * height // side))
    return image if new == image.size else image.resize(new, filter_)


def _normalised(image: Image.Image, preprocess: Preprocess) -> NDArray[np.float32]:
    import numpy as np

    crop = preprocess.crop
    width, height = image.size
    if (width, height) != (crop, crop):
        # Centre crop, padded where the picture is smaller; rounding as torchvision does.
        left, top = round((width - crop) / 2), round((height - crop) / 2)
        canvas = _pillow().new("RGB", (crop, crop), (preprocess.fill,) * 3)
        canvas.paste(image, (-left, -top))
        image = canvas
    scale = 1 / (255 * np.asarray(preprocess.std, dtype=np.float32))
    shift = np.asarray(preprocess.mean, dtype=np.float32) / np.asarray(preprocess.std, dtype=np.float32)
    values = np.asarray(image, dtype=np.float32) * scale - shift
    return np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
