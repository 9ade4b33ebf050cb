"""Boxes: of any map, over any part of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from curator_plugins.actions.explain.evidence import Evidence
from curator_plugins.actions.explain.regions import PLACES, Region, common_place, covered_box, strongest
from hypothesis import example, given, settings
from hypothesis import strategies as st


def evidence(cells, size, frame):
    return Evidence(np.asarray(cells, np.float32), size, frame, 0.0, 0.0, 1, 0.5)


@st.composite
def covered(draw):
    """A size, and a frame within the picture or around it, as cutting and padding give them."""
    width, height = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    factor = draw(st.floats(0.3, 1)) if draw(st.booleans()) else max(width, height) / min(width, height)
    half = factor * min(width, height) / 2
    return (width, height), (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)


@settings(max_examples=200, deadline=None)
@example(((1, 180), (-89.5, 0.0, 90.5, 180.0)), 1, 3, (0, 1))
@given(covered(), st.integers(1, 9), st.integers(1, 9), st.tuples(st.integers(0, 8), st.integers(0, 8)))
def test_the_box_holds_the_cell_that_speaks_for_it_and_stays_in_what_is_seen(part, rows, columns, which):
    size, frame = part
    hot = which[0] % rows, which[1] % columns
    cells = np.full((rows, columns), -1.0)
    cells[hot] = 5.0
    what = evidence(cells, size, frame)
    left, top, right, bottom = covered_box(what)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    region = strongest(what)
    if rows == columns == 1:
        assert region is None  # all of it speaks alike
        return
    x = frame[0] + (hot[1] + 0.5) / columns * (frame[2] - frame[0])
    y = frame[1] + (hot[0] + 0.5) / rows * (frame[3] - frame[1])
    if region is None:  # it lies in the padding, or is all that is seen, as of a line of pixels
        wide, high = (frame[2] - frame[0]) / columns / 2, (frame[3] - frame[1]) / rows / 2
        alone = x - wide <= left < right <= x + wide and y - high <= top < bottom <= y + high
        assert alone or not (left < x < right and top < y < bottom)
        return
    box = region.box
    assert left <= box[0] < box[2] <= right and top <= box[1] < box[3] <= bottom
    assert 0 < region.share <= 1
    if left < x < right and top < y < bottom:
        slack = 1 + (right - left) / 448 + (bottom - top) / 448
        assert box[0] - slack <= x <= box[2] + slack and box[1] - slack <= y <= box[3] + slack


def test_only_the_region_around_the_most_counts():
    cells = np.zeros((7, 7))
    cells[1, 1], cells[5, 5] = 9.0, 10.0
    region = strongest(evidence(cells, (700, 700), (0.0, 0.0, 700.0, 700.0)))
    assert region.place == "bottom right" and region.box[0] > 400 and region.box[1] > 400
    assert 0.1 < region.share < 0.5


@pytest.mark.parametrize(
    "cells", [np.zeros((3, 3)), np.full((3, 3), 4.0), -np.eye(3)], ids=["none", "alike", "against"]
)
def test_where_nothing_speaks_for_it_or_all_alike_there_is_no_region(cells):
    assert strongest(evidence(cells, (90, 90), (0.0, 0.0, 90.0, 90.0))) is None


def test_each_ninth_has_its_name():
    for row in range(3):
        for column in range(3):
            cells = np.zeros((3, 3))
            cells[row, column] = 1.0
            # Of a wide picture only the middle is seen, and that is what is divided.
            assert strongest(evidence(cells, (900, 300), (300.0, 0.0, 600.0, 300.0))).place == PLACES[row][column]


def of(**places):
    return [Region((0, 0, 1, 1), 0.5, place.replace("_", " ")) for place, many in places.items() for _ in range(many)]


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (of(top_left=10), ("top left", 10)),
        (of(top_left=5, middle=6), ("top left", 5)),
        (of(top_left=3, middle=7), None),
        (of(bottom=8, middle=2), ("bottom", 8)),
        (of(bottom=6, middle=4), None),
        (of(bottom=6, top_right=5), ("top right", 5)),
        (of(middle=20), None),
        (of(top_left=7), None),
        ([], None),
    ],
)
def test_a_common_place_is_a_corner_or_an_edge_where_many_lie(regions, said):
    assert common_place(regions) == said
