"""What a typed name means: every label can be typed, and nothing is ever taken for another in silence."""

from __future__ import annotations

import re
import shlex
import unicodedata

import pytest
from fakes import open_fake, text
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.api import MetricSpec, SetLabel
from curator.catalog.label_names import LabelNames, full_name, search_name
from curator.catalog.labels import clean
from curator.catalog.pairs import possible_meanings
from curator.embedding.models import model_name
from curator.embedding.reference import Reference
from curator.errors import BadInput, NotFound, NotReady
from curator.history.journal import Journal
from curator.learning.similarity import LearnedMetrics
from curator.maintenance.status import Status
from curator.registry.loader import Loaded, Origin
from curator.store.catalogue.labels import LabelRow

PARTS = st.sampled_from(
    ["a", "b", "/", ":", "@", ",", " ", "id:", "0", "1", "2", "\u00e9", "e\u0301", "\u732b", "label:"]
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("".join).filter(str.strip).map(clean)
KNOWN = st.lists(st.tuples(st.none() | NAMES, NAMES), min_size=1, max_size=8, unique=True)


def rows(known):
    """As the catalogue gives them, by turns with two ids."""
    groups = {group: number for number, group in enumerate({group for group, _ in known if group}, 1)}
    return [LabelRow(number, name, groups.get(group), group) for number, (group, name) in enumerate(known, 1)]


@settings(max_examples=300, deadline=None)
@given(KNOWN)
@example([(None, "photos/hat"), ("photos", "hat"), (None, "id:1"), (None, "id:01")])
@example([("a/b", "c"), ("a", "b/c"), (None, "c"), (None, "b/c"), (None, "a/b/c")])
def test_every_label_has_a_spelling_of_its_own(known):
    names = LabelNames(rows(known))
    for row in names.rows:
        spelled = names.unambiguous_name(row)
        for way in (spelled, f" {spelled} ", unicodedata.normalize("NFD", spelled)):
            assert names.matches(search_name(way)) == [row]


@settings(max_examples=300, deadline=None)
@given(KNOWN, NAMES)
def test_whatever_goes_by_a_name_is_meant_but_a_namesake_in_a_group_beside_one_that_stands_alone(known, name):
    names = LabelNames(rows(known))
    alone = any(row.name == name and row.group_id is None for row in names.rows)
    number = re.fullmatch("id:([0-9]+)", name)
    wanted = [
        row
        for row in names.rows
        if (row.name == name and not (alone and row.group_id))
        or full_name(row.name, row.group) == name
        or (number and int(number[1]) == row.id)
    ]
    assert names.matches(name) == wanted


@pytest.fixture
def ws(tmp_path):
    with open_fake(tmp_path / "workspace") as workspace:
        for n in range(8):
            text(tmp_path / "texts" / f"{n}.txt", f"text number {n}")
        workspace.add(tmp_path / "texts", encode=False)
        yield workspace


def test_a_name_that_may_mean_two_is_refused_and_what_the_message_says_works(ws):
    ws.label("photos/hat", [1])
    ws.label("hat", [2], group="photos")
    assert ws.labels.target("hat").group == "photos"
    with pytest.raises(BadInput, match="may mean several labels: write ") as error:
        ws.labels.target("photos/hat")
    ways = [shlex.split(way)[0] for way in str(error.value).partition(": write ")[2].split(" or ")]
    found = {(ws.labels.target(way).group, ws.labels.target(way).name) for way in ways}
    assert found == {(None, "photos/hat"), ("photos", "hat")}
    with pytest.raises(BadInput, match="may mean several"):
        ws.label("photos/hat", [3])
    ws.label(ways[0], [3])
    ws.label("photos/hat", [4], group="photos")  # with a group, it is the name within that group, and a new one
    assert sorted((count.group or "", count.ref.name) for count in ws.labels.counts()) == [
        ("", "photos/hat"),
        ("photos", "hat"),
        ("photos", "photos/hat"),
    ]


def test_a_name_that_begins_as_an_option_does_stands_behind_two_dashes(ws):
    ws.label("-x y", [1])
    with pytest.raises(NotReady, match="curator label -- '-x y' FILES and curator label --negative -- '-x y' FILES"):
        ws.train(label="-x y")
    assert "curator label --negative -- '-x y' FILES" in [step.command for step in Status(ws).next_steps()]


def test_a_number_that_no_label_has_makes_none(ws):
    with pytest.raises(NotFound, match="no label 'id:9'"):
        ws.label("id:9", [1])
    ws.label("cat", [1])
    ws.label("id:1", [2])
    assert [(count.label, count.positives) for count in ws.labels.counts()] == [("cat", 2)]


def test_a_change_by_reference_is_of_just_that_label(ws):
    ws.label("a/b", [1])
    ws.label("b", [2], group="a")
    alone, grouped = sorted((count.ref for count in ws.labels.counts()), key=lambda ref: ref.group or "")
    for item, ref in ((3, alone), (4, grouped)):
        journal = Journal(ws.database, "test", {})
        ws.labels.change(journal, SetLabel(item, ref, True))
        journal.finish("done")
    assert {count.ref: count.positives for count in ws.labels.counts()} == {alone: 2, grouped: 2}
    ws.undo()
    ws.undo()
    gone = alone.__class__("label", 99, "a/b")
    with pytest.raises(NotFound, match="no label 'a/b'"):
        ws.labels.examples(gone)


@settings(max_examples=200, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=6), NAMES)
@example({"a:b", "a"}, "a:b")
def test_a_metric_is_found_by_its_whole_name_and_with_a_kind(names, reference):
    kinds = ["a", "b", "projection"]
    found = possible_meanings(reference, sorted(names), kinds)
    assert ((reference, "") in found) == (reference in names)
    for name in names:
        assert (name, "projection") in possible_meanings(f"{name}:projection", sorted(names), kinds)
        assert (name, "projection") in possible_meanings(f" {name}  :projection", sorted(names), kinds)
    assert all(name in names for name, _ in found)


def test_a_metric_called_as_another_with_a_kind_that_came_later_is_told_apart(ws):
    spec = MetricSpec("kind", "none", lambda: None, True)
    ws.registry.take(Loaded(Origin("late", "", "late", "0"), (spec,)))
    journal = Journal(ws.database, "pair", {})
    for metric in ("a", "a:kind", "b:c"):
        ws.pairs.say(journal, metric, ws.items.by_ids([1, 2]), True)
    learned = LearnedMetrics(ws.encoding, ws.training)
    assert (learned._resolve_reference("a"), learned._resolve_reference(" b:c ")) == (("a", ""), ("b:c", ""))
    with pytest.raises(BadInput, match="metric 'a:kind' may be two: write ") as error:
        learned._resolve_reference("a:kind")
    ways = [shlex.split(way)[0] for way in str(error.value).partition(": write ")[2].split(" or ")]
    assert list(map(learned._resolve_reference, ways)) == [("a:kind", "kind"), ("a", "kind")]
    with pytest.raises(NotFound, match="no kind of metric 'kin'"):
        learned._resolve_reference("b:c:kin")
    with pytest.raises(BadInput, match="holds a ':' with the kind"):
        ws.pair("new:kind", 1, 2)


def test_the_name_of_a_model_is_a_reference_to_it_whatever_its_variant_ends_in(ws):
    read = Reference.parse(model_name("clip", "local-dir:/a@7", 1, "null"))
    assert (read.name, read.variant, read.version) == ("clip", "local-dir:/a@7", 1)
    assert model_name("clip", "local-dir:/a@b", 1, "null") == "clip:local-dir:/a@b"
