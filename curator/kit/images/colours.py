"""Colours as screens show them: a picture whose profile says that its numbers mean other colours than sRGB's.

Encoders learnt from pictures in sRGB, where most are. A phone's are in Display P3: without its profile their reds and
greens are duller.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from curator.kit.reading import Unreadable, reading

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Colours", "colours"]

LARGEST = 4 << 20
"""Bytes. The tables of printers take up to three megabytes."""

NEAR = 3
"""Steps of 255: so far from sRGB may be what is taken for it, as those are from each other that are called so."""

_STEPS = (0, 32, 64, 96, 128, 160, 192, 224, 255)

_MODES = {
    "RGB": {"RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "YCbCr"},
    "GRAY": {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"},
    "CMYK": {"CMYK"},
}
"""The modes of pictures that a profile can be of, by the space of the profile."""

Colours: TypeAlias = tuple[str, Callable[["Image.Image"], "Image.Image"]]
"""The mode that a picture is to have, and what makes one in sRGB of it."""


def colours(image: Image.Image) -> Colours | None:
    """What makes sRGB of a picture; None where it is sRGB, or nothing that can be used says otherwise."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 0 < len(profile) <= LARGEST:
        return None
    found = _transform(profile)
    return found[1] if found and image.mode in _MODES[found[0]] else None


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, Colours] | None:
    """The space of a profile, and what it does; a camera writes the same into each of its pictures.

    A damaged one says nothing, as viewers have it.
    """
    from PIL import ImageCms

    try:
        with reading():
            opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = str(opened.profile.xcolor_space).strip()
            if space not in _MODES:
                return None
            mode = "L" if space == "GRAY" else space
            made = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")

            def apply(image: Image.Image) -> Image.Image:
                found = ImageCms.applyTransform(image, made)
                assert found is not None  # it is not done in place
                return found

            return None if _changes_nothing(mode, apply) else (space, (mode, apply))
    except Unreadable:
        return None


def _changes_nothing(mode: str, apply: Callable[[Image.Image], Image.Image]) -> bool:
    """Whether all colours stay what they are, or nearly so."""
    from PIL import Image, ImageChops

    if mode == "CMYK":
        return False
    places = [(r, g, b) for r in _STEPS for g in _STEPS for b in _STEPS]
    numbers = bytes(range(256)) if mode == "L" else bytes(value for place in places for value in place)
    probe = Image.frombytes(mode, (len(numbers) // len(mode), 1), numbers)
    differences = ImageChops.difference(apply(probe), probe.convert("RGB"))
    return not any(differences.point(lambda step: step > NEAR).tobytes())
