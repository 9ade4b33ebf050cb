"""Which items are asked about: the least sure, far apart, the same each time."""

from __future__ import annotations

import numpy as np
from curator_plugins.actions.review.choosing import shortlist, spread, typical, unsureness
from hypothesis import given
from hypothesis import strategies as st


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noise(count, dim=32, seed=0):
    return unit(np.random.default_rng(seed).standard_normal((count, dim)))


def near_copies(row, count, seed=0):
    return unit(row + 0.01 * noise(count, len(row), seed))


def test_unsureness_is_one_less_the_margin():
    rows = np.asarray([[0.5, 0.5, 0], [1, 0, 0], [0.6, 0.3, 0.1]], np.float32)
    assert np.allclose(unsureness(rows), [1, 0, 0.7])
    assert np.allclose(unsureness(np.asarray([[0.9, 0.1], [0.45, 0.55]], np.float32)), [0.2, 0.9])


def test_no_two_near_copies_while_there_is_anything_else():
    kinds = noise(5)
    vectors = np.concatenate([near_copies(kind, 20, seed) for seed, kind in enumerate(kinds)])
    worth = np.linspace(1, 0.5, 100).astype(np.float32)  # twenty copies of one scene are the least sure of all
    chosen = spread(vectors, worth, 5)
    assert sorted(chosen // 20) == [0, 1, 2, 3, 4] and chosen[0] == 0
    cosines = vectors[chosen] @ vectors[chosen].T - np.eye(5)
    assert cosines.max() < 0.9
    # The control: by uncertainty alone, all five are one scene.
    assert set(shortlist(worth, 5)[:5] // 20) == {0}


def test_where_all_are_copies_they_are_asked_about_all_the_same():
    vectors = near_copies(noise(1)[0], 8)
    assert len(set(spread(vectors, np.ones(8, np.float32), 5))) == 5


def test_of_things_equally_far_apart_the_least_sure_are_chosen():
    vectors = np.eye(30, dtype=np.float32)
    worth = np.linspace(1, 0, 30).astype(np.float32)
    assert spread(vectors, worth, 4).tolist() == [0, 1, 2, 3]


@given(st.integers(0, 40), st.integers(1, 9), st.integers(0, 3))
def test_as_many_as_there_are_each_once_and_the_same_again(count, k, seed):
    vectors, worth = noise(count, 4, seed).reshape(count, 4), np.sort(np.random.default_rng(seed).random(count))[::-1]
    chosen = spread(vectors, worth.astype(np.float32), k)
    assert len(chosen) == len(set(chosen.tolist())) == min(k, count)
    assert chosen.tolist() == spread(vectors, worth.astype(np.float32), k).tolist()


def test_typical_ones_are_of_different_clusters_the_largest_first():
    kinds = noise(3)
    sizes = (5, 30, 12)
    vectors = np.concatenate([near_copies(kind, size, size) for kind, size in zip(kinds, sizes, strict=True)])
    of = np.repeat([0, 1, 2], sizes)
    assert of[typical(vectors, 3)].tolist() == [1, 2, 0]
    assert len(typical(vectors[:2], 5)) == 2
    assert len(typical(np.repeat(vectors[:1], 4, axis=0), 3)) == 1  # copies of one are one
