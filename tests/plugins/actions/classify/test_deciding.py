"""Where to draw the line: held against every threshold there is."""

from __future__ import annotations

import numpy as np
import pytest
from curator_plugins.actions.classify import accepting, deciding
from curator_plugins.actions.classify.deciding import NO, UNKNOWN, by_precision, by_recall, lower_bound
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.api import HeldOut, Item
from curator.errors import NotReady
from curator.kit.trust.promises import Estimate

SHARES = st.sampled_from([0.0, 0.5, 0.75, 0.9, 1.0])
ANSWERS = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40)


def held_out(answers):
    """Of a label: eighths of probability, and whether it is right."""
    yes = np.float32([eighths / 8 for eighths, _ in answers])
    items = [Item(number, f"{number:064x}", "text", None, "") for number in range(len(answers))]
    targets = np.array([int(right) for _, right in answers])
    return HeldOut(items, ("not x", "x"), targets, np.stack([1 - yes, yes], axis=1)), yes, targets == 1


def precisions(yes, right, sign):
    return {t: right[sign * yes >= sign * t].mean() for t in np.unique(yes)}


@settings(max_examples=200, deadline=None)
@given(ANSWERS, SHARES)
def test_the_line_for_a_precision_says_yes_of_as_many_as_can_be(answers, wanted):
    given_, yes, right = held_out(answers)
    known = precisions(yes, right, 1)
    good = [t for t, share in known.items() if share >= wanted - 1e-9]
    if not good:
        with pytest.raises(
            NotReady, match=rf"no threshold has a precision of {wanted:g} .* best is {max(known.values()):.3f}"
        ):
            by_precision(given_, wanted, True)
        return
    lines = by_precision(given_, wanted, True)
    assert lines.yes.threshold == min(good) and lines.yes.said == (yes >= min(good)).sum()
    below = {t: share for t, share in precisions(yes, ~right, -1).items() if t < min(good)}
    denied = [t for t, share in below.items() if share >= wanted - 1e-9]
    assert (lines.no.threshold if lines.no else None) == (max(denied) if denied else None)
    for value in np.linspace(0, 1, 17):
        said = lines.verdict(value, "yes")
        assert said == ("yes" if value >= min(good) else NO if denied and value <= max(denied) else UNKNOWN)


@settings(max_examples=200, deadline=None)
@given(ANSWERS, SHARES)
def test_the_line_for_a_recall_is_the_highest_that_has_it(answers, wanted):
    given_, yes, right = held_out(answers)
    if not right.any():
        with pytest.raises(NotReady, match="no held-out item has the label"):
            by_recall(given_, wanted)
        return
    line = by_recall(given_, wanted).yes
    recalls = {t: (yes[right] >= t).mean() for t in np.unique(yes[right])}
    assert line.threshold == max(t for t, share in recalls.items() if share >= wanted - 1e-9)
    assert line.right / line.of == recalls[line.threshold]


def test_of_a_group_the_most_probable_class_counts():
    said = np.float32([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    given_, _, _ = held_out([(0, True)] * 4)
    lines = by_precision(HeldOut(given_.items, ("a", "b", "c"), np.array([0, 1, 0, 0]), said), 1.0, False)
    assert lines.yes.threshold == pytest.approx(0.6) and lines.no is None
    assert (lines.verdict(0.7, "b"), lines.verdict(0.5, "b")) == ("b", UNKNOWN)


def test_nothing_held_out():
    empty = HeldOut([], ("not x", "x"), np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    for draw in (lambda: by_precision(empty, 0.9, True), lambda: by_recall(empty, 0.9)):
        with pytest.raises(NotReady, match="no items could be held out"):
            draw()


def test_few_items_prove_little():
    assert lower_bound(3, 3) == pytest.approx(0.438, abs=1e-3)  # Wilson's, as tabulated
    assert lower_bound(95, 100) == pytest.approx(0.888, abs=1e-3)
    assert lower_bound(0, 5) == 0


@pytest.mark.parametrize(("said", "told"), [(49, False), (50, True)])
def test_of_few_items_that_nobody_looked_at_no_share_is_told(said, told):
    line = deciding.Estimated("the class", Estimate(0.7, said, 0.95, 0.8, 0.5), True, 0.7)
    values = line.finding().values
    assert (values["precision"], values["at_least"]) == ((0.95, 0.8) if told else (None, None))
    assert values["items"] == said and values["recall"] == 0.5
    assert ("5% of the 50" in wrong(line)) == told and ("not known how many of the 49" in wrong(line)) != told


def wrong(line):
    """What --accept says of a line."""
    nothing = HeldOut([], ("a", "b"), np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    return accepting._wrong(nothing, 0.9, deciding.Lines(line))
