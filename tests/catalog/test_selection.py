"""Selections as SQL, held to a plain filter in Python over catalogues of chance."""

from __future__ import annotations

import itertools
import os
import random
import tracemalloc
from array import array
from collections import defaultdict
from pathlib import Path

import fakes
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.api import ItemSet, TargetRef
from curator.catalog import selection
from curator.catalog.items import Items
from curator.catalog.labels import strongest
from curator.errors import NotFound
from curator.store.catalogue import open_catalogue, path_from_value, path_to_value
from curator.store.catalogue.labels import VerdictRow

FOLDERS = ["", "a", "a/b", "a/b!", "a/b0", "a-b", "A", "caf\xe9", os.fsdecode(b"caf\xe9"), "%_"]
ROOTS = ["/r/one", "/r/one-more", "/r/two"]
LABELS = {1: ("hat", 1), 2: ("cap", 1), 3: ("wig", 1), 4: ("old", None), 5: ("new", None)}
SAID = st.tuples(st.sampled_from(sorted(LABELS)), st.integers(-1, 1), st.sampled_from((0, 1, 2, 2, 2, 3)))
PLACE = st.tuples(st.sampled_from(range(3)), st.sampled_from(FOLDERS), st.booleans())
ITEM = st.fixed_dictionaries(
    {
        "media": st.sampled_from(("image", "text")),
        "aside": st.sampled_from((False, False, False, True)),
        "said": st.lists(SAID, max_size=6),
        "places": st.lists(PLACE, max_size=2, unique_by=lambda place: place[:2]),
    }
)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    database = open_catalogue(tmp_path_factory.mktemp("catalogue"))
    yield database
    database.close()


def fill(database, items):
    """Those items, and every fifth number left out."""
    for table in ("statement", "label", "label_group", "quarantined", "place", "root", "item", "run"):
        database.execute(f"DELETE FROM {table}")
    run = "INSERT INTO run (id, command, arguments, started, state, version)"
    database.execute(f"{run} VALUES (1, '', '', '', 'done', '')")
    database.execute("INSERT INTO label_group (id, name) VALUES (1, 'head')")
    database.execute_many(
        "INSERT INTO label (id, name, group_id) VALUES (?, ?, ?)", [(n, *of) for n, of in LABELS.items()]
    )
    database.execute_many("INSERT INTO root (id, path) VALUES (?, ?)", list(enumerate(ROOTS)))
    numbers = (number for number in range(1, 1000) if number % 5)
    for number, item in zip(numbers, items, strict=False):
        fields = (number, f"{number * 7919 % 1000:064}", item["media"])
        database.execute("INSERT INTO item (id, hash, modality, size, text) VALUES (?, ?, ?, 1, 'body')", *fields)
        for root, folder, missing in item["places"]:
            path = path_to_value(f"{folder}/{number}".lstrip("/"))
            place = "INSERT INTO place (item_id, root_id, path, size, mtime_ns, device, inode, missing)"
            database.execute(f"{place} VALUES (?, ?, ?, 1, 1, '', ?, ?)", number, root, path, str(number), missing)
        if item["aside"]:
            away = "INSERT INTO quarantined (item_id, outside, inside, hash, size, kind, reason, taken)"
            database.execute(f"{away} VALUES (?, '', ?, '', 1, '', '', '')", number, str(number))
        for label, value, source in item["said"]:
            said = "INSERT INTO statement (item_id, label_id, value, source, run_id)"
            database.execute(f"{said} VALUES (?, ?, ?, ?, 1)", number, label, value, source)


def plainly(database, among, media):
    """The ids by looking at every row: what holds is asked of the view, and what counts within a group of Python."""
    places = defaultdict(list)
    for item, root, path, missing in database.rows("SELECT item_id, root_id, path, missing FROM place"):
        places[item].append((f"{ROOTS[root]}/{path_from_value(path)}", bool(missing)))
    aside = {row[0] for row in database.rows("SELECT item_id FROM quarantined")}
    verdicts = defaultdict(list)
    for row in database.rows("SELECT * FROM verdict"):
        verdicts[row["item_id"]].append(VerdictRow(*row))

    def is_labelled(item):
        group = next(of for name, of in LABELS.values() if name == among.label)
        siblings = [n for n, (name, of) in LABELS.items() if (of == group if group else name == among.label)]
        said = [
            row for row in verdicts[item] if row.label_id in siblings and row.source >= 1 and row.value in (1, None)
        ]
        return bool(said) and LABELS.get(strongest(said), ("",))[0] == among.label

    for item, modality in database.rows("SELECT id, modality FROM item ORDER BY id"):
        below = [p for p, _ in places[item] if among.under is None or p.startswith(f"{among.under}/")]
        if (
            modality in media
            and among.media in (None, modality)
            and (item not in aside or any(not missing for _, missing in places[item]))
            and (among.under is None or below)
            and (among.label is None or is_labelled(item))
            and not (among.unlabelled and any(row.value != 0 for row in verdicts[item]))
        ):
            yield item


UNDER = st.sampled_from(["/r", *ROOTS, *(f"/r/one/{folder}" for folder in FOLDERS[1:])])
AMONG = st.builds(
    ItemSet,
    media=st.sampled_from((None, "image", "text")),
    under=st.none() | UNDER.map(Path),
    label=st.sampled_from((None, None, *(name for name, _ in LABELS.values()))),
    unlabelled=st.sampled_from((False, False, True)),
)


@settings(max_examples=60, deadline=None)
@given(items=st.lists(ITEM, max_size=25), among=st.lists(AMONG, min_size=3, max_size=6), data=st.data())
def test_any_conditions_are_met_by_those_that_a_plain_filter_finds(catalogue, items, among, data):
    fill(catalogue, items)
    for conditions in among:
        media = data.draw(st.sampled_from((("image", "text"), ("image",), ("text", "image"), ())))
        wanted = list(plainly(catalogue, conditions, media))
        select = lambda: Items(catalogue).select(conditions, media)  # noqa: B023, E731
        try:
            found = select()
        except NotFound:
            assert conditions.under is not None and not wanted
            continue
        assert (len(found), bool(found)) == (len(wanted), bool(wanted))
        first = data.draw(st.integers(0, 4))
        assert [item.id for item in found[:first]] == wanted[:first]
        assert [item.id for item in found] == wanted
        assert len(select().only(wanted[::2])) == len(wanted[::2])
        every = [row[0] for row in catalogue.rows("SELECT id FROM item ORDER BY id")]
        assert select().only(every).ids == array("q", wanted)
        assert {n: h for page in select().contents() for n, h in page.items()} == {item.id: item.hash for item in found}
        assert select().media() == {item.modality for item in found}


def test_every_combination_is_met_by_those_that_a_plain_filter_finds(catalogue):
    """An item in each folder of each root, labelled by chance in every way that imports and people contradict."""
    chance = random.Random(3)
    said = lambda: [  # noqa: E731
        (chance.choice(sorted(LABELS)), chance.choice((1, 1, -1, 0)), chance.choice((0, 1, 2, 2, 3)))
        for _ in range(chance.choice((0, 0, 1, 2, 6, 12)))
    ]
    places = [(root, folder, chance.random() < 0.3) for root in range(3) for folder in FOLDERS] * 4
    fill(
        catalogue,
        [
            {
                "media": chance.choice(("image", "text")),
                "aside": chance.random() < 0.3,
                "said": said(),
                "places": [place],
            }
            for place in places
        ],
    )
    met = 0
    unders = [None, *map(Path, ["/r", *ROOTS, *(f"/r/one/{folder}" for folder in FOLDERS[1:])])]
    labels = [None, *(name for name, _ in LABELS.values())]
    for media, under, label, unlabelled in itertools.product((None, "image"), unders, labels, (False, True)):
        among = ItemSet(media, under, label, unlabelled)
        wanted = list(plainly(catalogue, among, ("image", "text")))
        assert list(Items(catalogue).select(among).ids) == wanted, among
        met += bool(wanted)
    assert met > 100


@pytest.fixture
def some(catalogue):
    fill(catalogue, [{"media": "image", "aside": False, "said": [], "places": []}] * 20)
    return Items(catalogue)


def test_a_selection_is_a_sequence_as_a_list_is(some, monkeypatch):
    monkeypatch.setattr(selection, "AT_ONCE", 3)
    plain = some.by_ids(range(1, 100))
    assert len(plain) == 20
    found = some.select()
    for slices in (slice(4), slice(2, 9), slice(None, None, -1), slice(-3, None), slice(1, 15, 4), slice(50, 60)):
        assert list(some.select()[slices]) == list(found[slices]) == plain[slices]
    assert [found[at] for at in (0, 19, -1, 7, 8, -20)] == [plain[at] for at in (0, 19, -1, 7, 8, -20)]
    for at in (20, -21):
        with pytest.raises(IndexError):
            found[at]
    assert found == plain and plain == found and found != plain[1:] and found == some.select() and found != "other"
    assert plain[3] in found and plain[3] not in found.except_for({plain[3].id}) and "other" not in found
    assert list(reversed(found)) == plain[::-1] and found.index(plain[5]) == 5 and found.count(plain[5]) == 1
    assert found + plain[:1] == plain + plain[:1] and plain[:1] + found == plain[:1] + plain
    assert repr(found) == "<20 items>" and found[:0] == [] and not some.select(modalities=["text"])


def test_items_of_ids_are_in_the_order_of_these_as_a_list_is(catalogue, monkeypatch):
    monkeypatch.setattr(selection, "AT_ONCE", 4)
    one = {"media": "image", "aside": False, "said": [], "places": []}
    fill(catalogue, [one, one, {**one, "media": "text"}] * 7)
    items = Items(catalogue)
    ids = list(items.select().ids)
    random.Random(3).shuffle(ids)
    made = {item.id: item for item in items.select()}
    found, wanted = items.of_ids(ids), [made[number] for number in ids]
    assert list(found) == wanted == [found[place] for place in range(len(wanted))] == found.at(range(len(wanted)))
    assert list(found[3:9]) == wanted[3:9] and list(found[::-2]) == wanted[::-2] and wanted[5] in found
    assert list(found.kept([1, 4, 6])) == [wanted[1], wanted[4], wanted[6]]
    assert list(found.arranged([6, 1])) == [wanted[6], wanted[1]]
    assert list(found.only([min(ids), max(ids)]).ids) == [min(ids), max(ids)]
    assert list(found.except_for(ids[2:5])) == wanted[:2] + wanted[5:]
    assert [*itertools.chain(*found.contents())] == ids
    pictures = [item for item in wanted if item.modality == "image"]
    assert list(found.of_media(["image"])) == pictures and list(items.select().of_media(["image"])) == sorted(
        pictures, key=lambda item: item.id
    )
    assert found.having({item.hash for item in wanted[:3]}) == {item.id: item.hash for item in wanted[:3]}


def test_what_the_first_look_found_stays_while_others_add_and_take_away(some):
    found, counted = some.select(), some.select()
    before = list(found)
    assert len(counted) == 20
    some.database.execute("INSERT INTO item (id, hash, modality, size) VALUES (500, 'new', 'image', 1)")
    some.database.execute("DELETE FROM item WHERE id = 3")
    assert len(found) == 20 and list(found) == [item for item in before if item.id != 3]
    with pytest.raises(NotFound, match="id:3 was removed by another command"):
        found[2]
    assert len(counted) == len(some.select()) == 20 and counted[-1].id == 500


def test_what_nothing_was_said_of_is_settled_when_it_is_asked_for(ws, photos):
    """A plan may go through them and say something of each: the next ones must not move up."""
    for n in range(4):
        fakes.picture(photos / f"{n}.png", n)
    ws.add(photos, encode=False)
    found = ws.items.select(ItemSet(unlabelled=True))
    ws.label("seen", [1, 2])
    assert [item.id for item in found] == [1, 2, 3, 4]
    assert [item.id for item in ws.items.select(ItemSet(unlabelled=True))] == [3, 4]


def test_a_label_that_is_gone_is_named(some):
    with pytest.raises(NotFound, match="hat"):
        some.select(ItemSet(label="hatt"))
    with pytest.raises(NotFound):
        some.select(ItemSet(label=TargetRef("label", 99, "gone")))


def test_the_first_few_and_the_count_take_no_memory_by_how_many_there_are(some):
    some.database.execute_many(
        "INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'image', 1)",
        [(n, f"{n}") for n in range(1000, 40_000)],
    )
    some.select()[:5]
    tracemalloc.start()
    try:
        found = some.select()
        assert len(found) == 39_020 and len(found[:20]) == 20
        assert tracemalloc.get_traced_memory()[1] < 100_000
        assert sum(1 for _ in found) == 39_020
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("among", "searched"),
    [
        (ItemSet(under=Path("/r/one/a")), "place"),
        (ItemSet(media="image"), "item"),
        (ItemSet(label="hat"), "statement"),
    ],
)
def test_conditions_are_looked_up_by_an_index(some, among, searched):
    some.database.execute("INSERT INTO place VALUES (1, 1, 0, 'a/1', '', 1, 1, '', '', 0)")
    asked = []
    some.database.connection.set_trace_callback(asked.append)
    len(some.select(among))
    some.database.connection.set_trace_callback(None)
    steps = [row["detail"] for sql in asked for row in some.database.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(step.startswith(f"SEARCH {searched} USING") for step in steps), steps
    assert not [step for step in steps if step.startswith((f"SCAN {searched}", "SCAN item"))], steps


def test_places_of_a_selection(catalogue):
    fill(catalogue, [{"media": "text", "aside": False, "said": [], "places": []}] * 12)
    chosen = Items(catalogue).select()
    every = list(chosen)
    assert chosen.at([7, 2, 2, 0]) == [every[7], every[2], every[2], every[0]] and chosen.at([]) == []
    assert list(chosen.kept([0, 3, 9])) == [every[0], every[3], every[9]]
    assert selection.kept(chosen, range(len(every))) is chosen and selection.kept(every, [1, 2]) == every[1:3]
    for some in ([], [every[0].id], [every[-1].id, every[4].id], [item.id for item in every], [0, 5, 10**9]):
        assert list(chosen.except_for({*some})) == [item for item in every if item.id not in some]
    gone = every[3].id
    chosen.ids  # noqa: B018
    catalogue.execute("DELETE FROM item WHERE id = ?", gone)
    with pytest.raises(NotFound, match=f"id:{gone} was removed by another command"):
        chosen.at([1, 3])
