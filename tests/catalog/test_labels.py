"""What is said of items, and what holds of it."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest
from fakes import open_fake, picture, text
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.catalog.labels import Source
from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.maintenance.status import Status

COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"


@pytest.fixture
def items(ws, photos):
    """Ids of five texts."""
    for n in range(5):
        text(photos / f"{n}.txt", f"text number {n}")
    ws.add(photos, encode=False)
    return [item.id for item in ws.items.select()]


def say(ws, item, label, value, source, group=None):
    """A statement of any source: people's through the public call, others through the journal."""
    if source is Source.HUMAN:
        ws.label(label, [item], {1: True, -1: False, 0: None}[value], group)
        return
    journal = Journal(ws.database, "test", {})
    ws.labels.say(journal, [item], ws.labels.ensure(journal, label, group), value, source)
    journal.finish("done")


def ref(ws, target):
    """What `label:NAME` and `group:NAME` stand for in these tests."""
    kind, _, name = target.partition(":")
    return ws.labels.target(**{kind: name})


def holds(ws, item, target="label:cat"):
    """1, -1, 0, or None for a conflict."""
    examples = ws.labels.examples(ref(ws, target), least=Source.HEAD)
    if item in examples.conflicts:
        return None
    said = dict(zip(examples.items, examples.targets, strict=True))
    return {1: 1, 0: -1, None: 0}[said.get(item)]


# --- one label ---


def test_a_person_overrides_an_import_either_way(ws, items):
    say(ws, items[0], "cat", 1, Source.IMPORT)
    assert holds(ws, items[0]) == 1
    say(ws, items[0], "cat", -1, Source.HUMAN)
    assert holds(ws, items[0]) == -1
    say(ws, items[0], "cat", -1, Source.IMPORT)
    say(ws, items[0], "cat", 1, Source.IMPORT)
    assert holds(ws, items[0]) == -1


def test_an_import_overrides_a_rule_and_a_rule_a_head(ws, items):
    for source, value in ((Source.HEAD, 1), (Source.RULE, -1), (Source.IMPORT, 1)):
        say(ws, items[0], "cat", value, source)
        assert holds(ws, items[0]) == value
    say(ws, items[0], "cat", -1, Source.HEAD)
    say(ws, items[0], "cat", -1, Source.RULE)
    assert holds(ws, items[0]) == 1


def test_imports_both_ways_are_a_conflict_that_a_person_settles(ws, photos, items):
    path = photos / "0.txt"
    ws.add(path, label="cat", encode=False)
    ws.add(path, not_label="cat", encode=False)
    assert holds(ws, items[0]) is None
    assert ws.label("cat", [path]) == [(ws.items.by_id(items[0]), "conflict")]
    assert holds(ws, items[0]) == 1
    ws.add(path, not_label="cat", encode=False)
    assert holds(ws, items[0]) == 1


def test_what_was_withdrawn_is_no_longer_said(ws, items):
    ws.label("cat", [items[0]])
    assert ws.label("cat", [items[0]], None) == [(ws.items.by_id(items[0]), "positive")]
    assert holds(ws, items[0]) == 0
    assert ws.label("cat", [items[0]], None)[0][1] == ""
    # An import does not bring back what a person took away.
    say(ws, items[0], "cat", 1, Source.IMPORT)
    assert holds(ws, items[0]) == 0


def test_saying_it_again_says_nothing_new(ws, photos, items):
    ws.label("cat", items)
    said = ws.database.value("SELECT count(*) FROM statement")
    runs = ws.database.value("SELECT count(*) FROM run")
    ws.label("cat", items)
    ws.label("cat", [f"id:{items[0]}", photos / "0.txt", items[0]])
    assert ws.database.value("SELECT count(*) FROM statement") == said == len(items)
    assert ws.database.value("SELECT count(*) FROM run") == runs


def test_nothing_is_said_where_one_item_is_unknown(ws, items):
    before = ws.database.value("SELECT count(*) FROM change")
    with pytest.raises(NotFound, match="ids go from 1 to 5"):
        ws.label("cat", [items[0], 999])
    with pytest.raises(NotFound, match="no label 'cat'"):
        ws.label("cat", [items[0]], None)
    assert ws.database.value("SELECT count(*) FROM change") == before


def model(statements):
    """The reference: what holds of one item and one label after `(source, value)` in this order."""
    made = []
    for source, value in statements:
        said = [v for s, v in made if s == source]
        if said[-1:] != [value] and not (value == 0 and verdict(made) == 0):
            made.append((source, value))
    return verdict(made)


def verdict(made):
    top = [value for source, value in made if source == max(s for s, _ in made)]
    if not top:
        return 0
    since = top[len(top) - top[::-1].index(0) :] if 0 in top else top
    both = made and max(s for s, _ in made) == Source.IMPORT and {1, -1} <= set(since)
    return None if both else top[-1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A workspace with 400 texts; each example of a property takes one of its own."""
    folder = tmp_path_factory.mktemp("labels")
    for n in range(400):
        text(folder / "texts" / f"{n:03}.txt", f"text {n}")
    with open_fake(folder / "workspace") as ws:
        ws.add(folder / "texts", encode=False)
        yield ws, iter(list(ws.items.select()))


VALUES = st.sampled_from([1, -1, 0])
# Of few sources, so that the highest has more than one thing to say.
SAID = st.sets(st.sampled_from(list(Source)), min_size=1, max_size=2).flatmap(
    lambda sources: st.lists(st.tuples(st.sampled_from(sorted(sources)), VALUES), max_size=8)
)


@settings(max_examples=200, deadline=None)
@given(SAID)
@example([(Source.IMPORT, 1), (Source.IMPORT, 0), (Source.IMPORT, -1)])
@example([(Source.IMPORT, -1), (Source.IMPORT, 0), (Source.IMPORT, 1)])
@example([(Source.IMPORT, -1), (Source.IMPORT, 1), (Source.IMPORT, 0), (Source.IMPORT, -1)])
@example([(Source.RULE, 1), (Source.RULE, -1), (Source.HEAD, 1)])
def test_statements_give_the_verdict_of_the_reference(shared, statements):
    ws, fresh = shared
    item = next(fresh).id
    journal = Journal(ws.database, "test", {})
    label = ws.labels.ensure(journal, "cat")
    for source, value in statements:
        ws.labels.say(journal, [item], label, value, source)
    assert holds(ws, item) == model(statements)


def test_the_reference_itself():
    imports, human = Source.IMPORT, Source.HUMAN
    assert model([(imports, 1), (imports, -1)]) is None
    assert model([(imports, 1), (imports, -1), (human, 1)]) == 1
    assert model([(imports, 1), (imports, 0), (imports, -1)]) == -1
    assert model([(human, 1), (human, -1)]) == -1
    assert model([(Source.RULE, 1), (Source.RULE, -1)]) == -1
    assert model([]) == 0


# --- groups ---


def test_positive_for_one_is_negative_for_its_siblings(ws, items):
    ws.label("cat", items[:2], group="kind")
    ws.label("dog", items[2:4], group="kind")
    assert [holds(ws, item, "label:cat") for item in items] == [1, 1, -1, -1, 0]
    assert [holds(ws, item, "label:dog") for item in items] == [-1, -1, 1, 1, 0]
    examples = ws.labels.examples(ws.labels.target(group="kind"))
    assert (examples.classes, examples.items, examples.targets) == (("cat", "dog"), items[:4], [0, 0, 1, 1])
    assert examples.counts == (2, 2)


def test_two_imports_in_one_group_are_a_conflict_that_a_person_settles(ws, items):
    say(ws, items[0], "cat", 1, Source.IMPORT, "kind")
    say(ws, items[0], "dog", 1, Source.IMPORT, "kind")
    for target in ("label:cat", "label:dog", "group:kind"):
        assert holds(ws, items[0], target) is None
    assert ws.labels.of_items([items[0]]) == {items[0]: ["cat", "dog"]}
    say(ws, items[0], "cat", 1, Source.HUMAN, "kind")
    assert (holds(ws, items[0], "label:cat"), holds(ws, items[0], "label:dog")) == (1, -1)
    assert ws.labels.of_items([items[0]]) == {items[0]: ["cat"]}


def test_a_person_can_settle_a_group_by_saying_what_it_is_not(ws, items):
    say(ws, items[0], "cat", 1, Source.IMPORT, "kind")
    say(ws, items[0], "dog", 1, Source.IMPORT, "kind")
    say(ws, items[0], "cat", -1, Source.HUMAN, "kind")
    assert (holds(ws, items[0], "label:cat"), holds(ws, items[0], "label:dog")) == (-1, 1)


def test_a_persons_later_word_wins_within_a_group(ws, items):
    say(ws, items[0], "cat", 1, Source.HUMAN, "kind")
    say(ws, items[0], "dog", 1, Source.HUMAN, "kind")
    assert (holds(ws, items[0], "label:cat"), holds(ws, items[0], "label:dog")) == (-1, 1)
    say(ws, items[0], "dog", 0, Source.HUMAN, "kind")
    assert holds(ws, items[0], "label:cat") == 1


@pytest.mark.parametrize("source", [Source.HUMAN, Source.RULE])
def test_the_last_word_wins_within_a_group_also_if_it_was_said_before(ws, items, source):
    for name in ("cat", "dog", "cat", "cow", "dog"):
        say(ws, items[0], name, 1, source, "kind")
        assert ws.labels.of_items([items[0]]) == {items[0]: [name]}
        assert holds(ws, items[0], f"label:{name}") == 1
    said = ws.database.value("SELECT count(*) FROM statement")
    say(ws, items[0], "dog", 1, source, "kind")
    assert ws.database.value("SELECT count(*) FROM statement") == said  # and nothing is said twice


def test_imports_that_contradict_each_other_are_said_once(ws, items):
    for _ in range(3):
        for name in ("cat", "dog"):
            say(ws, items[0], name, 1, Source.IMPORT, "kind")
    assert ws.database.value("SELECT count(*) FROM statement") == 2
    assert holds(ws, items[0], "group:kind") is None


def test_a_person_naming_a_sibling_settles_contradicting_imports(ws, items):
    say(ws, items[0], "cat", 1, Source.IMPORT, "kind")
    say(ws, items[0], "cat", -1, Source.IMPORT, "kind")
    assert holds(ws, items[0], "label:cat") is None
    say(ws, items[0], "dog", 1, Source.HUMAN, "kind")
    assert (holds(ws, items[0], "label:cat"), holds(ws, items[0], "label:dog")) == (-1, 1)
    assert ws.labels.examples(ws.labels.target(group="kind")).conflicts == []


def test_labels_that_stand_alone_do_not_exclude_each_other(ws, items):
    ws.label("cat", items[:2])
    ws.label("indoors", items[:2])
    assert holds(ws, items[0], "label:cat") == holds(ws, items[0], "label:indoors") == 1
    assert ws.labels.examples(ws.labels.target(label="cat")).classes == ("not cat", "cat")


# --- names ---


def test_names_are_composed_wherever_they_come_from(ws, items):
    ws.label(DECOMPOSED, [items[0]], group=DECOMPOSED)
    ws.label(COMPOSED, [items[1]], group=COMPOSED)
    assert {row.label: row.group for row in ws.labels.counts()} == {COMPOSED: COMPOSED}
    for name in (COMPOSED, DECOMPOSED, f"{COMPOSED}/{COMPOSED}", f"{DECOMPOSED}/{DECOMPOSED}", f" {COMPOSED}"[1:]):
        assert holds(ws, items[0], f"label:{name}") == 1
    assert ws.labels.find_group(DECOMPOSED).name == COMPOSED
    assert unicodedata.is_normalized("NFC", ws.labels.names()[0])


def test_a_name_in_two_groups_has_to_be_told_apart(ws, items):
    ws.label("young", [items[0]], group="cats")
    ws.label("young", [items[1]], group="dogs")
    assert ws.labels.names() == ["cats/young", "dogs/young"]
    for call in (lambda: ws.labels.find("young"), lambda: ws.label("young", [items[2]])):
        with pytest.raises(BadInput, match="write cats/young or dogs/young"):
            call()
    assert (holds(ws, items[0], "label:cats/young"), holds(ws, items[0], "label:dogs/young")) == (1, 0)
    ws.label("dogs/young", [items[2]])
    assert ws.labels.names() == ["cats/young", "dogs/young"]
    assert holds(ws, items[2], "label:dogs/young") == 1
    # The group given apart tells it too, also for taking back.
    ws.label("young", [items[0]], None, group="cats")
    assert holds(ws, items[0], "label:cats/young") == 0


def test_a_label_that_stands_alone_beside_one_in_a_group(ws, items):
    ws.label("cat", [items[0]])
    ws.label("cat", [items[1]], group="kind")
    assert ws.labels.names() == ["cat", "kind/cat"]
    ws.label("cat", [items[2]])
    assert [holds(ws, item, "label:cat") for item in items[:3]] == [1, 0, 1]
    assert [holds(ws, item, "label:kind/cat") for item in items[:3]] == [0, 1, 0]
    status = {(row.label, row.group): row.positives for row in Status(ws).labels()}
    assert status == {("cat", None): 2, ("kind/cat", "kind"): 1}
    assert list(Status(ws).next_steps())


def test_without_a_group_the_one_that_there_is_is_meant(ws, items):
    ws.label("cat", [items[0]], group="kind")
    ws.label("cat", [items[1]])
    assert {row.label: row.group for row in ws.labels.counts()} == {"cat": "kind"}
    assert ws.labels.examples(ws.labels.target(group="kind")).items == items[:2]


def test_unknown_names_bring_the_nearest(ws, items):
    with pytest.raises(NotFound, match="there is no label yet"):
        ws.labels.find("ultramn")
    ws.label("ultraman", [items[0]], group="heroes")
    with pytest.raises(NotFound, match="did you mean 'ultraman'"):
        ws.labels.find("ultramn")
    with pytest.raises(NotFound, match="did you mean 'heroes'"):
        ws.labels.find_group("heros")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "\udcff"], ids=ascii)
def test_names_that_cannot_be_shown_are_refused(ws, items, name):
    with pytest.raises(BadInput, match="name"):
        ws.label(name, [items[0]])
    with pytest.raises(BadInput, match="name"):
        ws.label("cat", [items[0]], group=name)


def test_selections_by_label(ws, photos, items):
    picture(photos / "p.png", 1)
    ws.add(photos, encode=False)
    ws.label("cat", items[:2], group="kind")
    ws.label("dog", items[2:3], group="kind")
    from curator.api import ItemSet

    assert [item.id for item in ws.items.select(ItemSet(label="cat"))] == items[:2]
    assert [item.id for item in ws.items.select(ItemSet(unlabelled=True, media="text"))] == items[3:]
    assert len(ws.items.select(ItemSet(media="image"))) == 1


STATEMENT = st.tuples(
    st.integers(0, 4), st.sampled_from(["cat", "dog", "alone"]), st.sampled_from([1, -1, 0]), st.sampled_from(Source)
)


@settings(max_examples=40, deadline=None)
@given(said=st.lists(STATEMENT, max_size=12))
def test_the_counts_of_status_are_those_of_all_that_is_said(tmp_path_factory, said):
    base = tmp_path_factory.mktemp("counts")
    with open_fake(base / "workspace") as ws:
        for n in range(5):
            text(base / "texts" / f"{n}.txt", f"text number {n}")
        ws.add(base / "texts", encode=False)
        for item, label, value, source in said:
            with contextlib.suppress(NotFound):  # nobody can take back what was never said
                say(ws, item + 1, label, value, source, None if label == "alone" else "kind")
        for row in ws.labels.counts():
            examples = ws.labels.examples(ws.labels.target(label=row.label), least=Source.HEAD)
            assert (row.negatives, row.positives) == examples.counts
            assert row.conflicts == len(examples.conflicts)
        assert [row.label for row in ws.labels.counts()] == ws.labels.names()


@pytest.mark.parametrize("target", ["label:cat", "group:kind"])
def test_what_a_head_said_holds_and_is_not_learnt_from(ws, items, target):
    for item, source in zip(items[:4], Source, strict=True):
        say(ws, item, "cat", 1, source, "kind")
    assert ws.labels.of_items(items[:4]) == {item: ["cat"] for item in items[:4]}
    assert ws.labels.examples(ref(ws, target)).items == items[1:4]
