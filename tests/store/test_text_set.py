"""Sets of texts of which only some are in memory."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.store import scratch
from curator.store.scratch import TextSet

TEXTS = st.lists(st.text(st.characters(), max_size=3), max_size=30)
"""Lone surrogates are among them, as names of files may hold them."""


@given(TEXTS, TEXTS)
def test_it_is_a_set(added, asked):
    met, wanted = TextSet(), set()
    for text in added:
        assert met.add(text) is (text not in wanted)
        wanted.add(text)
    assert [text in met for text in asked + added] == [text in wanted for text in asked + added]


def test_more_than_is_held_in_memory(monkeypatch):
    monkeypatch.setattr(scratch, "HELD", 16)
    met = TextSet()
    assert all(met.add(f"folder/{number * 7919 % 20_011}.jpg") for number in range(20_000))
    assert not any(met.add(f"folder/{number * 7919 % 20_011}.jpg") for number in range(20_000))
    assert "folder/20011.jpg" not in met


def test_a_full_disk_is_said_in_a_line(monkeypatch):
    met = TextSet()
    met._database.execute("PRAGMA max_page_count = 3")
    with pytest.raises(CuratorError, match=r"temporary file.*make room") as raised:
        for number in range(10_000):
            met.add(f"{number:0100}")
    assert isinstance(raised.value.__cause__, sqlite3.Error)
