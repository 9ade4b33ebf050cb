"""Pictures of a pixel or two in one direction have a sketch, as others do."""

import numpy as np
import pytest

from curator.kit.copies import image_sketches


@pytest.mark.parametrize("shape", [(900, 2), (1, 4000), (3, 6550), (300, 1), (1, 1), (31, 40)])
def test_a_strip_has_a_sketch_without_keypoints(shape):
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    kept = image_sketches.sketch(picture)
    assert image_sketches.whole(kept)
