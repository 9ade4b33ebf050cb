"""What curator asks of every encoder, and what this one is for."""

import sys

import numpy as np
import pytest
from curator.api import ImageBatch
from curator.errors import BadInput, NotFound, NotReady
from curator.testing import parametrize

import curator_hog

(SPEC,) = curator_hog.register_encoders()

# A disc and a square of about one size, in the middle of a picture.
ROWS, COLUMNS = np.mgrid[-1 : 1 : curator_hog.SIDE * 1j, -1 : 1 : curator_hog.SIDE * 1j]
DISC = ROWS**2 + COLUMNS**2 < 0.4
SQUARE = np.maximum(abs(ROWS), abs(COLUMNS)) < 0.56

FROM_RIGHT, FROM_BELOW = 0.6 + 0.4 * COLUMNS, 0.6 + 0.4 * ROWS
"""Light that falls off to a fifth from one side to the other."""


@parametrize(curator_hog)
def test_contract(check):
    check()


@parametrize(SPEC, variant="8x8")
def test_contract_of_fine_cells(check):
    check()


@parametrize(SPEC, variant="32x32")
def test_contract_of_coarse_cells(check):
    check()


def picture(shape, light=1.0, seed=0):
    """An orange shape on a bluish ground, with a little grain as photos have it, as curator hands it over."""
    colours = np.where(shape, np.reshape((0.9, 0.6, 0.2), (3, 1, 1)), np.reshape((0.2, 0.3, 0.4), (3, 1, 1)))
    grain = np.random.default_rng(seed).normal(0, 0.02, shape.shape)
    return np.clip(colours * light + grain, 0, 1).astype(np.float32)


def encoded(*pictures, variant=None):
    """The vectors of pictures."""
    encoder = curator_hog.load(curator_hog.resolve(variant, None), "cpu")
    return encoder.encode(ImageBatch(np.stack(pictures)))


def cosine(one, other):
    """How alike this encoder finds two pictures."""
    first, second = encoded(one, other).astype(np.float64)
    return first @ second / (np.linalg.norm(first) * np.linalg.norm(second))


def test_light_from_elsewhere_matters_less_than_shape():
    query = picture(DISC, FROM_RIGHT)
    same, other = picture(DISC, FROM_BELOW, seed=1), picture(SQUARE, FROM_RIGHT, seed=2)
    assert cosine(query, same) > 0.92 > cosine(query, other)


def test_colours_do_not_matter():
    assert cosine(picture(DISC), picture(DISC)[::-1]) > 0.99
    assert cosine(picture(DISC), 1 - picture(DISC)) > 0.99


def test_a_picture_without_edges_is_like_nothing():
    assert not encoded(np.full((3, curator_hog.SIDE, curator_hog.SIDE), 0.5, np.float32)).any()


def test_vectors_are_those_of_the_versions_before():
    """Where this fails after an upgrade of scikit-image, raise `revision`: vectors on record are of another space."""
    waves = (1 + np.sin(6 * ROWS**2 + 9 * COLUMNS**2)) / 2
    (vector,) = encoded(np.stack([waves, 0.5 * waves, 0.2 * waves]).astype(np.float32))
    by_direction = vector.reshape(-1, curator_hog.ORIENTATIONS).sum(axis=0)
    wanted = [18.10, 20.61, 14.32, 9.86, 12.97, 9.86, 14.32, 20.61, 16.79]
    assert by_direction == pytest.approx(wanted, abs=0.01)


def test_what_it_cannot_use_is_said():
    with pytest.raises(NotFound, match="no variant of hog '8': there is '16x16', '32x32', '8x8'"):
        curator_hog.resolve("8", None)
    with pytest.raises(BadInput, match="no weights"):
        curator_hog.resolve(None, "weights.pth")


def test_a_missing_library_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    resolved = curator_hog.resolve(None, None)
    with pytest.raises(NotReady, match="pip install scikit-image"):
        curator_hog.load(resolved, "cpu")
