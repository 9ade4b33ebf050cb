"""Equal vectors, near ones, and what hangs together by these."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curator.kit.copies import vectors
from curator.kit.copies.vectors import SHARE, Space, comparable, copies, join, near_copies, nearest_pairs, parts


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(seed, count, dim=64):
    return unit(np.random.default_rng(seed).standard_normal((count, dim)))


def families(seed, many, each, noise, dim=64):
    """Rows in families, each about one of its own."""
    rng = np.random.default_rng(seed)
    return unit(
        np.repeat(drawn(seed, many, dim), each, axis=0) + noise / dim**0.5 * rng.standard_normal((many * each, dim))
    )


def in_cone(rows, narrow):
    """The same beside a vector that is so many times as long."""
    return unit(rows + narrow * drawn(99, 1, rows.shape[1]))


@pytest.mark.parametrize("narrow", [0, 3, 30, 300])
def test_families_are_found_and_different_ones_parted_however_narrow_the_cone(narrow):
    rows = in_cone(families(0, 100, 3, 0.1), narrow)
    assert near_copies(rows).tolist() == np.repeat(np.arange(100), 3).tolist()
    assert len(set(near_copies(in_cone(drawn(1, 400), narrow)))) == 400


def test_equal_ones_are_the_same_also_where_there_is_nothing_else():
    rows = np.ones((5, 3), np.float32)
    assert near_copies(rows).tolist() == copies(rows).tolist() == [0] * 5
    assert len(set(near_copies(rows + np.float32(1e-7) * np.arange(5, dtype=np.float32)[:, None]))) == 1


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_in_few_directions_different_ones_are_no_chain(dim):
    """As in a space of a few colours: of 2,000 rows many are closer than `SHARE` of the spread."""
    rng = np.random.default_rng(dim)
    rows = rng.standard_normal((2000, dim)).astype(np.float32)
    assert Space.of(rows).near < SHARE / 2
    assert np.bincount(near_copies(rows)).max() < 20
    assert np.bincount(parts(rows, Space.of(rows), SHARE)).max() > 200 or dim == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10), st.integers(2, 40), st.integers(0, 2000))
def test_any_two_in_different_groups_are_not_near(seed, count, more):
    """Also where the rows take several blocks, and whatever their order."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, 3)).astype(np.float32)
    rows = rows[rng.integers(0, count, count + more)]
    groups = near_copies(rows)
    first = np.unique(copies(rows), return_index=True)[1]
    if len(first) > 1:
        space = Space.of(rows[first])
        apart = np.linalg.norm(rows[first][:, None] - rows[first][None], axis=2) / space.spread
        assert (apart[groups[first][:, None] != groups[first][None]] > space.near - 1e-3).all()
    mixed = rng.permutation(len(rows))
    assert len(np.unique(near_copies(rows[mixed]))) == len(np.unique(groups))


def plainly_linked(rows, within):
    """The same with all pairs at once: numbers spread to neighbours until nothing changes."""
    near = np.linalg.norm(rows[:, None] - rows[None], axis=2) <= within
    numbers = np.arange(len(rows))
    while True:
        spread = np.where(near, numbers[None], len(rows)).min(axis=1, initial=len(rows))
        if (spread == numbers).all():
            return np.unique(numbers, return_inverse=True)[1]
        numbers = spread


UNMOVED = Space(np.float32(0), 1.0, 1.0)  # type: ignore[arg-type]
"""In which rows lie where they are."""


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5), st.sampled_from([1, 2, 7, 16, 1024]))
def test_block_by_block_is_as_with_all_pairs(seed, count, dim, block):
    """Also the numbers, which come as the rows do; among them equal rows, rows of zeros and single ones."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)).astype(np.float32)
    rows = np.concatenate([rows, rows[rng.integers(0, count, count // 3)], np.zeros((seed % 2, dim), np.float32)])
    rows = rows[rng.permutation(len(rows))]
    within = 0.3 * dim**0.5
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assume((np.abs(apart - within) > 1e-3).all())  # what is just as near may be rounded either way
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "BLOCK", block)
        assert parts(rows, UNMOVED, within).tolist() == plainly_linked(rows, within).tolist()
        pairs, whole = (
            nearest_pairs(rows, len(rows), within / Space.of(rows).spread, 10**6) if len(rows) > 1 else ([], True)
        )
    wanted = {(one, two) for one, two in zip(*np.nonzero(apart <= within), strict=True) if one < two}
    assert whole and set(pairs) == wanted


def test_a_chain_through_many_blocks_is_one(monkeypatch):
    """Each is near to the next alone, in an order in which no block holds two neighbours."""
    monkeypatch.setattr(vectors, "BLOCK", 8)
    rows = np.zeros((200, 201), np.float32)
    for number in range(200):
        rows[number, number : number + 2] = 1
    order = np.arange(200).reshape(8, 25).T.ravel()
    assert not parts(rows[order], UNMOVED, 1.5).any()
    assert len(np.unique(parts(rows[np.delete(order, 50)], UNMOVED, 1.5))) == 2


@pytest.mark.parametrize("kinds", [20, 2000])
def test_pairs_are_never_collected(kinds):
    """Of 4,000 rows that are near-copies of one another there are eight million pairs, of 16 bytes each."""
    rng = np.random.default_rng(0)
    rows = unit(rng.standard_normal((kinds, 16))[np.arange(4000) % kinds] + 1e-3 * rng.standard_normal((4000, 16)))
    near_copies(rows[:10])  # what is imported at first is not counted
    tracemalloc.start()
    groups = near_copies(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(groups)) <= kinds and peak < 100e6


def test_the_nearest_pairs_come_first_and_no_more_than_asked_for():
    rows = families(3, 50, 2, 0.1)
    pairs, whole = nearest_pairs(rows, 2, 0.6, 1000)
    assert whole and set(pairs) == {(2 * number, 2 * number + 1) for number in range(50)}
    apart = [float(np.linalg.norm(rows[one] - rows[two])) for one, two in pairs]
    assert apart == sorted(apart)
    assert nearest_pairs(rows, 2, 0.6, 7) == (pairs[:7], False)
    assert nearest_pairs(rows[:1], 2, 0.6, 7) == ([], True)


def test_groupings_and_pairs_join():
    assert join(np.array([3, 3, 1, 0, 0, 7])).tolist() == [0, 0, 1, 2, 2, 3]
    joined = join(np.array([0, 0, 1, 2, 3, 4]), np.array([0, 1, 1, 2, 3, 4]), pairs=[(3, 5)])
    assert joined.tolist() == [0, 0, 0, 1, 2, 1]
    assert join(np.zeros(0, np.int64)).tolist() == []


def test_of_very_many_only_equal_ones_are_found(monkeypatch):
    monkeypatch.setattr(vectors, "MANY", 200)
    rows = families(5, 67, 3, 0.05)
    assert len(np.unique(near_copies(rows))) == len(rows) == 201 and not comparable(rows)
    assert nearest_pairs(rows, 2, 1.0, 1000) == ([], True)
    assert len(np.unique(near_copies(rows[:-1]))) == 67 and comparable(rows[:-1])
    several = np.concatenate([rows[:-1], rows[:-1]])
    assert len(np.unique(near_copies(several))) == 67 and comparable(several)


@pytest.mark.parametrize("rows", [np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)])
def test_none_and_one(rows):
    assert near_copies(rows).tolist() == list(range(len(rows)))
