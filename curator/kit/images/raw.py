"""Raw photos, by the preview that the camera keeps in them: nothing is developed.

What a sensor saw becomes a picture by choices (white, contrast, noise) that the camera made already, in its preview.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from curator.kit.memory import BUDGET
from curator.kit.reading import Unreadable

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["preview"]

_ORIENTATION = 0x0112
_TURNED = {3: 3, 5: 8, 6: 6}
"""EXIF's number for each way in which LibRaw says that the camera was held."""


def preview(path: str | os.PathLike[str], kind: str) -> Image.Image:
    """The largest preview, its header read; `kind`: the ending of the file. Raises `Unreadable`."""
    from PIL import Image

    name = kind.removeprefix(".").upper()
    try:
        import rawpy
    except ImportError as error:
        raise Unreadable(f"{name}, a raw photo, which needs rawpy: pip install 'curator-agent[raw]'") from error
    try:
        # Not by its path: older LibRaws write names to stderr as they are, and rawpy takes none that is no UTF-8.
        with open(path, "rb") as source, BUDGET.room(os.fstat(source.fileno()).st_size), rawpy.imread(source) as file:
            found, flip = file.extract_thumb(), file.sizes.flip
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise Unreadable("a raw photo without a preview that can be read") from error
    except rawpy.LibRawError as error:
        said = error.args[0] if error.args else ""
        raise Unreadable(f"a damaged raw photo: {said.decode() if isinstance(said, bytes) else said}") from error
    if found.format == rawpy.ThumbFormat.JPEG:
        image: Image.Image = Image.open(io.BytesIO(found.data), formats=("JPEG", "MPO"))
    else:
        image = Image.fromarray(found.data)
    image.info["raw"] = name
    said = image.getexif()
    said.setdefault(_ORIENTATION, _TURNED.get(flip, 1))
    return image
