"""Safe decoding, and preprocessing as data: a file becomes pixels with Pillow and numpy, without torch."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import Preprocess
from curator.core.files import BadContent, reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

DECODING = 1
"""Goes up when the pixels that encoders see change; part of every image space's fingerprint."""


@functools.cache
def _pillow() -> Any:
    """Pillow without its warnings: what is wrong with a picture is said once, in a problem of that picture."""
    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.")
    return Image


def header(path: str) -> tuple[int, int, str]:
    """Width, height and format, read from the head of the file; raises `BadContent`."""
    with _opened(path) as image:
        return image.width, image.height, str(image.format)


def pixels(path: str | Path, preprocess: Preprocess) -> NDArray[np.float32]:
    """The picture as an encoder sees it: (3, crop, crop) float32. Raises `BadContent`."""
    with _opened(str(path)) as image:
        try:
            decoded = _decoded(image, preprocess)
        except Exception as error:  # what a damaged file makes Pillow's format plugins raise has no common class
            raise BadContent(f"cannot be decoded: {_words(error)}") from error
    return _normalised(_resized(decoded, preprocess), preprocess)


def picture(path: str | Path, longest: int | None) -> Image.Image:
    """The first frame, upright: in RGB with a longest side of at most `longest`, or whole and in its own mode.

    `info["frames"]` is how many there are. Raises `BadContent`.
    """
    from PIL import ImageOps

    with _opened(str(path)) as image:
        # The further pictures of a phone's MPO are previews and depth maps.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        try:
            if longest is None:
                decoded = ImageOps.exif_transpose(image)
            else:
                image.draft("RGB", (2 * longest, 2 * longest))
                decoded = _rgb(ImageOps.exif_transpose(image))
                decoded.thumbnail((longest, longest), _pillow().Resampling.LANCZOS)
        except Exception as error:  # what a damaged file makes Pillow's format plugins raise has no common class
            raise BadContent(f"cannot be decoded: {_words(error)}") from error
    decoded.info["frames"] = frames
    return decoded


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
    except Exception as error:
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
    if preprocess.resize_mode == "longest":
        # Rounded to the nearest, as open_clip does.
        new = (max(1, round(size * width / side)), max(1, round(size * height / side)))
    else:
        image = _middle(image, 8 * side)
        # The other side is rounded down, as torchvision does.
        new = (size * image.width // side, size * image.height // side)
    return image if new == image.size else image.resize(new, filter_)


def _middle(image: Image.Image, longest: int) -> Image.Image:
    """At most so much of the longer side: a strip of 4000 x 1 would become 1,024,000 pixels wide, to be cut anyway."""
    width, height = image.size
    # An odd surplus would move the middle by half a pixel.
    left, top = max(0, width - longest) // 2, max(0, height - longest) // 2
    return image.crop((left, top, width - left, height - top)) if left or top else image


def _normalised(image: Image.Image, preprocess: Preprocess) -> NDArray[np.float32]:
    import numpy as np

    crop = preprocess.crop
    width, height = image.size
    if (width, height) != (crop, crop):
        canvas = _pillow().new("RGB", (crop, crop), (preprocess.fill,) * 3)
        canvas.paste(image, (_offset(width, crop), _offset(height, crop)))
        image = canvas
    scale = 1 / (255 * np.asarray(preprocess.std, dtype=np.float32))
    shift = np.asarray(preprocess.mean, dtype=np.float32) / np.asarray(preprocess.std, dtype=np.float32)
    values = np.asarray(image, dtype=np.float32) * scale - shift
    return np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)


def _offset(side: int, crop: int) -> int:
    """Where a side of the picture starts in the centre crop, padded if it is smaller; rounded as torchvision does."""
    return (crop - side) // 2 if side < crop else -round((side - crop) / 2)


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
