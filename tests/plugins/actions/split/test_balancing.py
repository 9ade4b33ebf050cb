"""Which side groups go to: what is on one stays, and every side gets its share of every label as far as it goes."""

from __future__ import annotations

from collections import Counter

from curator_plugins.actions.split.balancing import Group, assign
from hypothesis import given
from hypothesis import strategies as st

from curator.api import SIDES

SHARES = st.sampled_from(
    [
        {"train": 0.8, "val": 0.1, "test": 0.1},
        {"train": 0.5, "val": 0.25, "test": 0.25},
        {"train": 0.7, "val": 0.0, "test": 0.3},
        {"train": 0.0, "val": 0.0, "test": 1.0},
    ]
)


def key(number):
    return number.to_bytes(8, "big")


def single(number, *labels, side=None):
    return Group(1, {("kind", label): 1 for label in labels}, key(number), side)


@given(shares=SHARES, labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
def test_single_items_of_one_label_each_are_shared_out_to_within_one_item(shares, labels):
    sides = assign([single(number, label) for number, label in enumerate(labels)], shares)
    for label in set(labels):
        of_label = Counter(side for side, one in zip(sides, labels, strict=True) if one == label)
        for side in SIDES:
            assert abs(of_label[side] - shares[side] * labels.count(label)) <= 1, (label, of_label)


@given(shares=SHARES, count=st.integers(1, 200))
def test_items_without_labels_are_shared_out_to_within_one(shares, count):
    sides = Counter(assign([single(number) for number in range(count)], shares))
    assert all(abs(sides[side] - shares[side] * count) <= 1 for side in SIDES)


GROUPS = st.lists(
    st.builds(
        lambda size, labels, side, number: Group(
            size, {("kind", label): min(size, count) for label, count in labels.items()}, key(number), side
        ),
        st.integers(1, 9),
        st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), max_size=3),
        st.sampled_from([None, None, *SIDES]),
        st.integers(0, 2**32),
    ),
    max_size=30,
)


@given(groups=GROUPS, shares=SHARES)
def test_every_group_gets_a_side_with_a_share_and_those_on_one_stay(groups, shares):
    sides = assign(groups, shares)
    assert len(sides) == len(groups)
    for group, side in zip(groups, sides, strict=True):
        assert side == group.side if group.side else shares[side] > 0


@given(groups=GROUPS, shares=SHARES, seed=st.randoms())
def test_the_order_in_which_groups_come_does_not_matter(groups, shares, seed):
    groups = [Group(group.size, group.labels, key(number), group.side) for number, group in enumerate(groups)]
    by_key = dict(zip((group.key for group in groups), assign(groups, shares), strict=True))
    shuffled = list(groups)
    seed.shuffle(shuffled)
    assert by_key == dict(zip((group.key for group in shuffled), assign(shuffled, shares), strict=True))


@given(groups=GROUPS)
def test_no_side_is_over_its_share_by_more_than_its_largest_group_and_what_was_there(groups):
    """Without labels: a group goes where most is lacking, so what is taken on top is one group at most."""
    groups = [Group(group.size, {}, group.key, group.side) for group in groups]
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    sides = assign(groups, shares)
    total = sum(group.size for group in groups)
    for side in SIDES:
        there = [group.size for group in groups if group.side == side]
        new = [group.size for group, of in zip(groups, sides, strict=True) if of == side and group.side is None]
        assert sum(there) + sum(new) <= max(sum(there), shares[side] * total) + max(new, default=0) + 1e-6


@given(taken=st.integers(0, 60), free=st.integers(10, 100))
def test_where_one_side_is_full_already_the_others_get_their_parts_of_the_rest(taken, free):
    """Folders may have filled test: val must not starve for it."""
    groups = [single(number, side="test") for number in range(taken)]
    groups += [single(taken + number) for number in range(free)]
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    new = Counter(assign(groups, shares)[taken:])
    if taken >= 0.1 * (taken + free):
        assert new["test"] <= 1
        assert abs(new["train"] - free * 8 / 9) <= 1 and abs(new["val"] - free / 9) <= 1
    else:
        total = taken + free
        assert all(abs(new[side] + taken * (side == "test") - shares[side] * total) <= 1 for side in SIDES)
