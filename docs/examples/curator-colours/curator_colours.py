"""An action for curator: images get the name of their dominant colour as a label.

Each pixel gets one of eleven names, the basic colour terms of English (Berlin & Kay 1969): that of the nearest shade in
`SHADES`. What is near is measured in Oklab (Ottosson 2020), where equal distances look about equal; in HSV they do not,
and brown, pink and grey are no ranges of a hue. The name that more pixels have than any other is the dominant one,
whatever they show: a tomato on a white plate is a white picture.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import (
    ActionSpec,
    Column,
    Context,
    Finding,
    ItemSet,
    Option,
    Output,
    SetLabel,
    Signature,
    Table,
    hookimpl,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Floats = NDArray[np.float64]

GROUP = "colour"

SHADES = {
    "red": "ff0000 c00000 800000 d04040",
    "orange": "ff8000 ffa040 d06010",
    "yellow": "ffff00 ffd020 ffff90 c8b800 c89810 fff0c0",
    "green": "00ff00 008000 103c10 90c020 a0ffa0 708040 20c080",
    "blue": "0000ff 000060 203050 406080 4080ff 80c0ff 00e0ff 008090 c0f0ff",
    "purple": "800080 8000ff 300040 b080e0 905090 a000c0",
    "pink": "ff80b0 ff00a0 ffc0d0 d07090 ff60ff",
    "brown": "804000 502800 a07040 704030 c09868 806010",
    "white": "ffffff f0ece8",
    "grey": "404040 808080 c0c0c0 a09080 605850",
    "black": "000000 181818",
}
"""Every name with the shades (hexadecimal sRGB) that stand for it. A tie goes to the name that stands first."""

NAMES = tuple(SHADES)

LIGHTNESS = 0.5
"""How much a difference in lightness counts beside one in hue or strength: a shadow makes no other colour."""

LONGEST = 64
"""Pixels of the longest side of the picture that is looked at. With 256, 4 in 100 photos got another dominant colour,
and it took 25 times as long."""


@dataclass(frozen=True)
class Params:
    """What the command takes; each field is an option."""

    min_share: Annotated[
        float, Option(min=0, max=1, help="Label no image of which the colour covers less than this part.")
    ] = 0.3
    items: Annotated[ItemSet, Option()] = ItemSet()


COLOURS = Table(
    "colour",
    "Dominant colours",
    (
        Column("id", "the item", "integer"),
        Column("path", "where it is; null if its file is gone", "picture"),
        Column("colour", "the name that more of its pixels have than any other"),
        Column("share", "the part of its pixels that have it, 0 to 1", "percent"),
    ),
)


def plan(context: Context, params: Params) -> Iterator[Output]:
    """A row for each image, and a label for those of which the colour covers enough.

    curator keeps what `count` gives, so that each picture is decoded once, however often this runs.
    """
    images = context.items(params.items, modalities=["image"])
    if not images:
        context.note("there is no image to look at")
    below = 0
    for item, counts in context.signatures(COUNTS, images):
        colour, share = dominant(counts)
        yield Finding("colour", {"id": item.id, "path": item.path, "colour": colour, "share": share})
        if share >= params.min_share:
            yield SetLabel(item.id, colour, True, group=GROUP, score=share)
        else:
            below += 1
    if below:
        which = f"{below:,} of {len(images):,} images"
        context.note(f"{which} get no label: their colour covers less than {params.min_share:.0%}")


def dominant(counts: bytes) -> tuple[str, float]:
    """The name that more pixels have than any other, and the part of the pixels that have it."""
    import numpy as np

    pixels = np.frombuffer(counts, "<u4")
    first = int(pixels.argmax())
    return NAMES[first], float(pixels[first] / pixels.sum())


def count(picture: Image.Image) -> bytes:
    """How many pixels have each name, in the order of `NAMES`: 44 bytes."""
    import numpy as np

    pixels = np.asarray(picture, dtype=np.uint8).reshape(-1, 3)
    return np.bincount(named(pixels), minlength=len(NAMES)).astype("<u4").tobytes()


# What is kept under this name is used as long as it is there. Whoever changes `SHADES`, `LIGHTNESS` or `LONGEST` raises
# the number, or old counts would stand beside new ones.
COUNTS = Signature("curator-colours.counts/1", "image", count, LONGEST, whole=lambda kept: len(kept) == 4 * len(NAMES))


def named(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The name of each of (n, 3) pixels, as its place in `NAMES`."""
    import numpy as np

    shades, names = _shades()
    weights = np.array([LIGHTNESS, 1, 1])
    apart = (oklab(pixels)[:, None] - shades) * weights
    return np.asarray(names[np.square(apart).sum(axis=2).argmin(axis=1)])


@functools.cache
def _shades() -> tuple[Floats, NDArray[np.intp]]:
    """The shades in Oklab, and the place in `NAMES` of each."""
    import numpy as np

    shades = [(bytes.fromhex(shade), place) for place, name in enumerate(NAMES) for shade in SHADES[name].split()]
    return oklab(np.array([list(shade) for shade, _ in shades])), np.array([place for _, place in shades])


def oklab(rgb: NDArray[Any]) -> Floats:
    """(n, 3) lightness, green to red and blue to yellow, of (n, 3) sRGB values from 0 to 255.

    The matrices are those of https://bottosson.github.io/posts/oklab.
    """
    import numpy as np

    values = rgb / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.asarray(np.cbrt(linear @ np.transpose(to_cones)) @ np.transpose(to_lab))


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """What this plugin offers: the command `dominant-colour`."""
    return [
        ActionSpec(
            "dominant-colour",
            "Label images by the colour that covers more of them than any other.",
            Params,
            plan,
            (COLOURS,),
            example="curator dominant-colour --min-share 0.5\ncurator ls --labelled red",
        )
    ]
