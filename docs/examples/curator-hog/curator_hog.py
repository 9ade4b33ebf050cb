"""An encoder for curator: histograms of oriented gradients, as scikit-image computes them.

A picture is cut into cells, and each cell becomes a histogram of the directions of its edges; neighbouring cells are
normalised together, which takes out how strong the light is (Dalal & Triggs 2005, "Histograms of oriented gradients
for human detection"). It needs no weights, and knows shapes that stand still: what is turned, moved or seen from
elsewhere is another shape to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Preprocess, Resolved, TextBatch, hookimpl
from curator.errors import BadInput, NotFound, NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 128
"""Pixels of a side; a multiple of every cell."""

CELLS = {"8x8": 8, "16x16": 16, "32x32": 32}
"""The variants (`-e hog:8x8`), and how many pixels the side of a cell has in each."""

DEFAULT = "16x16"

BLOCK = 2
"""So many cells, by so many, are normalised together."""

ORIENTATIONS = 9
"""Into so many directions 180 degrees are parted: which side of an edge is the lighter one does not count."""

# The shorter side is scaled and the middle cut out. To squash a picture into a square would turn its edges (45 degrees
# become 53 in a photo of 4 by 3), and to pad it would add edges that are strong and in no picture: here the directions
# of edges are all that counts. What lies outside of the middle square is the price.
PREPROCESS = Preprocess(resize=SIDE, crop=SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), resize_mode="shortest")


class Hog:
    """The encoder, as `load` makes it; `describe` is scikit-image's function."""

    def __init__(self, describe: Callable[..., Any], config: dict[str, Any]) -> None:
        self.describe = describe
        self.config = config

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32, not negative. A picture without any edge is a row of zeros, which is like nothing."""
        import numpy as np

        assert isinstance(batch, ImageBatch)
        return np.stack([self._vector(picture) for picture in batch.pixels])

    def close(self) -> None:
        """Nothing to free."""

    def _vector(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of the three channels the one with the strongest edge counts, pixel by pixel, as in the paper."""
        import numpy as np

        cell, block = self.config["cell"], self.config["block"]
        vector = self.describe(
            picture,
            orientations=self.config["orientations"],
            pixels_per_cell=(cell, cell),
            cells_per_block=(block, block),
            block_norm=self.config["norm"],
            channel_axis=0,
        )
        return np.asarray(vector, dtype=np.float32)


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """Say what the vectors of a variant will be. Without scikit-image: what is stored stays of use where it is not."""
    if weights is not None:
        raise BadInput("hog has no weights")
    variant = variant or DEFAULT
    if variant not in CELLS:
        raise NotFound.named("variant of hog", variant, CELLS)
    # Every parameter is named, also where it is the library's default, which may change. The library's version is not:
    # from 0.24 to 0.26 it gave the same vectors to the last bit, and to name it would make everybody embed anew with
    # each upgrade. Should a version give others, the test of a known vector fails, and `revision` below goes up.
    cell = CELLS[variant]
    config = {"cell": cell, "block": BLOCK, "orientations": ORIENTATIONS, "norm": "L2-Hys"}
    blocks = SIDE // cell - BLOCK + 1
    return Resolved(blocks**2 * BLOCK**2 * ORIENTATIONS, variant, PREPROCESS, config=config)


def load(resolved: Resolved, device: str) -> Hog:
    """Import the library; there is nothing else to load."""
    # Here and not at the top of the module: every command of curator imports every plugin, `curator --help` too, and
    # with scikit-image comes numpy, a tenth of a second for all of them.
    try:
        from skimage.feature import hog
    except ImportError as error:
        raise NotReady(f"hog needs scikit-image ({error}): pip install scikit-image") from error
    return Hog(hog, dict(resolved.config))


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """What this plugin offers."""
    summary = "histograms of oriented gradients: shapes seen from the front, in any light; no weights"
    return [EncoderSpec("hog", ("image",), summary, resolve, load)]
