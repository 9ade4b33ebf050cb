"""Selections of items, and what they take of memory."""

from __future__ import annotations

import tracemalloc

import fakes
import pytest

from curator.api import ItemSet
from curator.errors import NotFound


@pytest.fixture
def long_texts(ws, tmp_path):
    """Sixty texts of 50 kB, three megabytes, every third of them a cat; and a picture."""
    for number in range(60):
        fakes.text(tmp_path / "texts" / f"{number}.txt", f"{number:050000}")
    fakes.picture(tmp_path / "photos" / "a.png")
    ws.add(tmp_path / "texts", tmp_path / "photos", encode=False)
    ws.label("cat", [number for number in range(1, 61) if number % 3 == 0])
    return ws


@pytest.mark.parametrize(
    ("among", "modalities", "wanted"),
    [
        (ItemSet(), None, [*range(1, 62)]),
        (ItemSet(), ["image"], [61]),
        (ItemSet(), [], []),
        (ItemSet(media="image"), ["text"], []),
        (ItemSet(media="text", label="cat"), None, [*range(3, 61, 3)]),
        (ItemSet(unlabelled=True), ["text"], [number for number in range(1, 61) if number % 3]),
    ],
)
def test_a_selection_without_texts_is_the_same_but_for_these(long_texts, among, modalities, wanted):
    whole, bare = (long_texts.items.select(among, modalities, texts=texts) for texts in (True, False))
    assert [item.id for item in whole] == [item.id for item in bare] == wanted
    assert all((item.text is None) == (item.modality == "image") for item in whole)
    assert all(item.text is None for item in bare)
    assert [(item.hash, item.path, item.pixels) for item in whole] == [
        (item.hash, item.path, item.pixels) for item in bare
    ]


def test_conditions_are_met_below_a_folder_and_one_that_is_not_there_is_named(long_texts, tmp_path):
    assert [item.id for item in long_texts.items.select(ItemSet(under=tmp_path / "photos"))] == [61]
    with pytest.raises(NotFound):
        long_texts.items.select(ItemSet(under=tmp_path / "nowhere"))


@pytest.mark.parametrize("among", [ItemSet(media="image"), ItemSet(media="text")])
def test_texts_that_nobody_asked_for_take_no_memory(long_texts, among):
    long_texts.items.select()
    tracemalloc.start()
    try:
        long_texts.items.select(among, texts=among.media == "image")
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_they_are_read_where_they_are_embedded(long_texts):
    (report,) = [report for name, report in long_texts.encode("ngram").items()]
    assert (report.encoded, report.failed) == (60, [])
    assert not long_texts.check()
