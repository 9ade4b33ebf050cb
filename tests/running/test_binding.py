"""Queries of an action, given as files, as words or as both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
from fakes import open_fake, text

from curator.api import ActionSpec, Argument, Query
from curator.errors import BadInput
from curator.running.artifacts import Targets
from curator.running.binding import bind_parameters


@dataclass(frozen=True)
class One:
    query: Annotated[Query, Argument()]


@dataclass(frozen=True)
class Several:
    query: Annotated[tuple[Query, ...], Argument()]
    minus: tuple[Query, ...] = ()


@dataclass(frozen=True)
class OfPictures:
    query: Annotated[Query, Argument(text=False)]


@pytest.fixture
def bound(tmp_path):
    for name in "ab":
        text(tmp_path / f"{name}.txt", name)
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(tmp_path / "a.txt")

        def bound(params, words=None, **values):
            spec = ActionSpec("look", "s", params, lambda context, params: iter(()))
            return bind_parameters(spec, values, ws.items, words, Targets(ws.folder, ws.items.places, force=False))

        yield bound


def test_words_stand_for_a_single_query_and_join_several(bound, tmp_path):
    file = str(tmp_path / "a.txt")
    assert bound(One, "words").query.text == "words" and bound(One, query=file).query.item.id == 1
    for given in (file, [file], (file,)):
        assert [query.text for query in bound(Several, "words", query=given).query] == ["a", "words"]
    assert [query.text for query in bound(Several, "words").query] == ["words"]
    known = bound(One, query=str(tmp_path / "b.txt")).query
    both = bound(Several, query=[known, "id:1"], minus="id:1")
    assert (both.query[0], both.query[1].item.id, both.minus[0].item.id) == (known, 1, 1)


@pytest.mark.parametrize(
    ("params", "words", "values", "message"),
    [
        (One, None, {}, "look takes a file, id:N or --text TEXT$"),
        (One, "words", {"query": "id:1"}, "look takes a file or --text, not both"),
        (One, " ", {}, "--text needs a text"),
        (OfPictures, None, {}, "look takes a file or id:N$"),
        (OfPictures, "words", {}, "look takes no text"),
        (Several, None, {"query": ()}, "look takes a file, id:N or --text TEXT$"),
        (Several, None, {"minus": ["id:1"]}, "--text TEXT, beside --minus, which does not say what to look for"),
        (Several, None, {"query": ["id:1", ""]}, "''"),
    ],
)
def test_what_is_no_question_is_named(bound, params, words, values, message):
    with pytest.raises(BadInput, match=message):
        bound(params, words, **values)
