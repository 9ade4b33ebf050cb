"""What is near, and what is near once versions of one thing count as one."""

from __future__ import annotations

import numpy as np

from curator.kit.copies.neighbours import Near


def near(vectors, k):
    """The `k` nearest of each row."""
    rows = np.asarray(vectors, np.float32)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return Near(len(rows), np.arange(len(rows)), order, np.take_along_axis(cosines, order, 1))


def turned(degrees):
    return np.column_stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def test_what_is_near_to_a_version_of_it_is_found_behind_the_other_versions():
    """Five versions lie about 0 degrees, a crop at 10, and what is unlike from 12 on."""
    found = near(turned([0, 0.1, 0.2, -0.1, -0.2, 10, 12, 14, 16, 18]), 8)
    crop, versions = 5, {(0, other) for other in (1, 2, 3, 4)}
    first = {tuple(pair) for pair in found.pairs(2)[0].tolist()}
    assert not any((version, crop) in first for version in range(5))
    further = {tuple(pair) for pair in found.further(sorted(versions), 2).tolist()}
    # The nearest of them, and the one that all others are linked to.
    assert {(2, crop), (0, crop)} <= further
    assert not versions & further


def test_where_nothing_is_linked_there_is_nothing_more():
    assert len(near(turned([0, 1, 2, 3]), 3).further([], 2)) == 0


def test_of_each_heap_no_more_than_asked_for():
    rng = np.random.default_rng(1)
    found = near(rng.normal(size=(200, 8)), 40)
    links = [(10 * heap, 10 * heap + other) for heap in range(5) for other in range(1, 10)]
    heap = np.arange(200)
    heap[:50] = heap[:50] // 10 * 10
    pairs = found.further(links, 3)
    assert (heap[pairs[:, 0]] != heap[pairs[:, 1]]).all() and (pairs[:, 0] < pairs[:, 1]).all()
    many = np.unique(heap).size
    assert 5 * 3 <= len(pairs) <= 2 * 3 * many


def test_some_have_no_vector():
    whole = near(turned([0, 0.1, 5, 12]), 2)
    found = Near(6, whole.own + 1, whole.others + 1, whole.cosines)
    assert {tuple(pair) for pair in found.further([(1, 2)], 1).tolist()} == {(2, 3), (1, 3), (3, 4)}
