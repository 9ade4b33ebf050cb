"""Sketches are in memory while they are wanted; of all pictures at once only the hashes are."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from curator.api import Item
from curator.kit.copies import image_sketches, kept_sketches
from curator.kit.copies.image_copies import NOT_PLAIN, SKETCH, WHOLE_SKETCH
from curator.kit.copies.kept_sketches import KeptSketches

FILM = b""


class Kept:
    """Sketches of any number of pictures, made when they are asked for; of every tenth the whole picture was looked at,
    every hundredth is a film."""

    def __init__(self):
        noise = np.random.default_rng(1).integers(0, 256, (96, 128), dtype=np.uint8)
        self.jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
        self.asked = []
        self.gone = set()

    def signatures(self, signature, items):
        self.asked.append(len(items))
        for item in items:
            if item.id in self.gone:
                continue
            if item.id % 100 == 0:
                yield item, FILM
            elif item.id % 10 == 0 and signature is SKETCH:
                yield item, NOT_PLAIN
            else:
                yield item, self.sketch(item.id)

    def signature_values(self, signature, items):
        return ((item.id, data) for item, data in self.signatures(signature, items))

    def sketch(self, number):
        head = image_sketches.HEAD.pack(100 + number, 100, 0, 0)
        hashes = np.full(image_sketches.ORIENTATIONS, number, "<u8").tobytes()
        return head + hashes + bytes(3 * image_sketches.FIELDS**2) + self.jpeg


def items(count):
    return [Item(number, f"{number:064x}", "image", None) for number in range(1, count + 1)]


def test_memory_grows_by_the_hashes_alone():
    context, pictures = Kept(), items(12_000)
    tracemalloc.start()
    kept = KeptSketches(context, pictures, SKETCH, WHOLE_SKETCH, NOT_PLAIN)
    for start in range(0, len(kept.items), 1_500):
        kept.hold(kept.items[start : start + 1_500])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(context.jpeg) > 8_000  # all of them: over 100 MB
    assert most < 45e6, most
    assert max(context.asked[2:]) <= kept_sketches.AT_ONCE


def test_those_that_were_wanted_last_are_held_also_among_some(monkeypatch):
    monkeypatch.setattr(kept_sketches, "HELD", 3)
    context = Kept()
    kept = KeptSketches(context, items(120), SKETCH, WHOLE_SKETCH, NOT_PLAIN)
    assert [item.id for item in kept.items] == [number for number in range(1, 121) if number != 100]
    some = kept.among(range(20, 8, -1))
    assert [item.id for item in some.items] == list(range(21, 9, -1))
    for of in (kept, some):
        for number in (7, 3, 9, 0):
            item = of.items[number]
            of.hold([item])
            assert of.get(item).size[0] == 100 + item.id == 100 + of.hashes[number, 0]
        assert of.get(of.items[7]) is None and of.get(of.items[9]) is not None  # three are held
    five = kept.items[1:6]
    kept.hold(five)
    assert all(kept.get(item) is not None for item in five)


def test_what_is_gone_meanwhile_is_none_and_the_others_are_there():
    context = Kept()
    kept = KeptSketches(context, items(5), SKETCH, WHOLE_SKETCH, NOT_PLAIN)
    context.gone.add(2)
    one, two, three = kept.items[:3]
    kept.hold([one, two, three])
    assert kept.get(two) is None and kept.get(one).size[0] == 101 and kept.get(three).size[0] == 103


@pytest.mark.parametrize("count", [0, 1])
def test_few(count):
    kept = KeptSketches(Kept(), items(count), SKETCH, WHOLE_SKETCH, NOT_PLAIN)
    assert kept.hashes.shape == (count, image_sketches.ORIENTATIONS) and len(kept.among(range(count)).items) == count
