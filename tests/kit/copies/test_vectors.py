"""Equal vectors, near ones, and what hangs together by these."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curator.kit.copies import vectors
from curator.kit.copies.vectors import ALIKE, comparable, copies, linked, near_copies


def turned(angle, dim=8):
    """A unit vector, so many radians from the first axis."""
    row = np.zeros(dim, np.float32)
    row[:2] = np.cos(angle), np.sin(angle)
    return row


def test_near_copies_are_those_of_about_the_same_direction_and_what_is_near_to_these():
    step = np.arccos(ALIKE)
    rows = np.stack([turned(angle) for angle in (0, 0.9 * step, 1.8 * step, 3.5 * step, 3.5 * step)])
    assert near_copies(rows).tolist() == [0, 0, 0, 1, 1]
    assert copies(rows).tolist() == [0, 1, 2, 3, 3]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10), st.integers(2, 40), st.integers(0, 2000))
def test_any_two_in_different_groups_are_not_near(seed, count, more):
    """Also where the rows take several blocks, and whatever their order."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, 3)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows[rng.integers(0, count, count + more)]
    groups = near_copies(rows)
    first = np.unique(groups, return_index=True)[1]
    cosines = rows[first] @ rows.T
    assert (cosines[groups[first][:, None] != groups[None, :]] < ALIKE + 1e-6).all()
    mixed = rng.permutation(len(rows))
    assert len(np.unique(near_copies(rows[mixed]))) == len(first)


def plainly_linked(rows, least):
    """The same with all pairs at once: numbers spread to neighbours until nothing changes."""
    near = rows @ rows.T >= least
    numbers = np.arange(len(rows))
    while True:
        spread = np.where(near, numbers[None], len(rows)).min(axis=1, initial=len(rows))
        spread = np.minimum(spread, numbers)
        if (spread == numbers).all():
            return np.unique(numbers, return_inverse=True)[1]
        numbers = spread


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5), st.sampled_from([1, 2, 7, 16, 1024]))
def test_block_by_block_is_as_with_all_pairs(seed, count, dim, block):
    """Also the numbers, which come as the rows do; among them equal rows, rows of zeros and single ones."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.concatenate([rows, rows[rng.integers(0, count, count // 3)], np.zeros((seed % 2, dim), np.float32)])
    rows = rows[rng.permutation(len(rows))]
    products = rows @ rows.T
    assume((np.abs(products - ALIKE) > 1e-5).all())  # what is just as near may be rounded either way
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "BLOCK", block)
        # A row of zeros is near to nothing, itself not excepted.
        assert linked(rows, ALIKE).tolist() == near_copies(rows).tolist() == plainly_linked(rows, ALIKE).tolist()


def test_a_chain_through_many_blocks_is_one(monkeypatch):
    """Each is near to the next alone, in an order in which no block holds two neighbours."""
    monkeypatch.setattr(vectors, "BLOCK", 8)
    rows = np.zeros((200, 201), np.float32)
    for number in range(200):
        rows[number, number : number + 2] = 1
    order = np.arange(200).reshape(8, 25).T.ravel()
    assert not linked(rows[order], 0.5).any()
    assert len(np.unique(linked(rows[np.delete(order, 50)], 0.5))) == 2


@pytest.mark.parametrize("kinds", [1, 2, 2000])
def test_pairs_are_never_collected(kinds):
    """Of 4,000 rows that are near-copies of one another there are eight million pairs, of 16 bytes each."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((kinds, 16))[np.arange(4000) % kinds] + 1e-3 * rng.standard_normal((4000, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    near_copies(rows[:10])  # what is imported at first is not counted
    tracemalloc.start()
    groups = near_copies(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(groups)) <= kinds and peak < 100e6


def test_of_very_many_only_equal_ones_are_found(monkeypatch):
    monkeypatch.setattr(vectors, "MANY", 2000)
    rows = np.stack([turned(1e-3 * number, 2) for number in range(2001)])
    assert len(np.unique(near_copies(rows))) == len(rows) and not comparable(rows)
    assert len(np.unique(near_copies(rows[:-1]))) == 1 and comparable(rows[:-1])
    several = np.concatenate([rows[:-1], rows[:-1]])
    assert len(np.unique(near_copies(several))) == 1 and comparable(several)


@pytest.mark.parametrize("rows", [np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)])
def test_none_and_one(rows):
    assert near_copies(rows).tolist() == list(range(len(rows)))
