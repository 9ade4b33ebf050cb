"""What is computed of two contents: once, by their contents, and only of files that are as they were."""

from __future__ import annotations

import itertools

import pytest
from fakes import picture

from curator.api import Comparison
from curator.history.journal import Journal
from curator.kit.reading import Unreadable
from curator.running.context import ActionContext


@pytest.fixture
def given(ws, photos):
    for number in range(4):
        picture(photos / f"{number}.png", number)
    ws.add(photos, encode=False)
    return ws, ActionContext(ws, Journal(ws.database, "mine", {})), ws.items.select()


class Counted:
    """How the names of two files read together; `unreadable` are those of which it cannot be told."""

    def __init__(self):
        self.computed, self.prepared, self.unreadable = [], [], set()

    def compute(self, one, other):
        self.computed.append((one.id, other.id))
        if {one.id, other.id} & self.unreadable:
            raise Unreadable("no")
        return f"{one.path.name} {other.path.name}".encode()

    def prepare(self, pairs):
        self.prepared.append(len(pairs))

    def __call__(self, context, pairs, name="mine/1", **how):
        return [*context.comparisons(Comparison(name, self.compute, prepare=self.prepare, **how), pairs)]


def test_each_pair_is_computed_once_and_by_name_and_order(given):
    _, context, items = given
    mine, pairs = Counted(), [*itertools.combinations(items, 2)]
    first = mine(context, pairs)
    assert first == [f"{one.path.name} {other.path.name}".encode() for one, other in pairs]
    assert (len(mine.computed), mine.prepared) == (6, [6])
    assert mine(context, pairs[::-1]) == first[::-1] and len(mine.computed) == 6 and mine.prepared == [6]
    assert mine(context, [pairs[0][::-1]]) == [b"1.png 0.png"] and mine.prepared == [6, 1]
    assert mine(context, pairs[:2], "mine/2") == first[:2] and len(mine.computed) == 9
    assert mine(context, []) == []


def test_what_cannot_be_told_is_asked_again_and_what_is_damaged_made_anew(given):
    ws, context, items = given
    mine, pairs = Counted(), [(items[0], items[1]), (items[0], items[2])]
    mine.unreadable = {items[1].id}
    assert mine(context, pairs) == [None, b"0.png 2.png"]
    mine.unreadable = set()
    assert mine(context, pairs) == [b"0.png 1.png", b"0.png 2.png"] and len(mine.computed) == 3
    ws.derived.put_comparisons("mine/1", [(items[0].hash, items[1].hash, b"")])
    assert mine(context, pairs, whole=lambda kept: len(kept) == 11) == [b"0.png 1.png", b"0.png 2.png"]
    assert len(mine.computed) == 4


def test_a_file_that_changed_is_not_looked_at(given, photos):
    _, context, items = given
    picture(photos / "1.png", 9)
    mine, pairs = Counted(), [(items[0], items[1]), (items[0], items[2])]
    assert mine(context, pairs, files=True) == [None, b"0.png 2.png"] and len(mine.computed) == 1
    assert mine(context, pairs) == [b"0.png 1.png", b"0.png 2.png"]


def test_many_pairs_come_in_order_whichever_of_them_cannot_be_compared(ws, photos):
    for number in range(9):
        picture(photos / f"{number}.png", number)
    ws.add(photos, encode=False)
    context, items, counted = ActionContext(ws, Journal(ws.database, "mine", {})), ws.items.select(), Counted()
    counted.unreadable = {items[3].id}
    pairs = [*itertools.permutations(items, 2)]
    wanted = [None if items[3] in pair else " ".join(item.path.name for item in pair).encode() for pair in pairs]
    assert counted(context, pairs) == wanted
    assert len(counted.computed) == len(pairs) == 72
    assert counted(context, pairs) == wanted
    assert len(counted.computed) == 72 + 16  # only what could not be computed is tried again
