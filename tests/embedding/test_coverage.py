"""What of a selection is embedded, however many there are: as one by one, so in the order of hashes."""

from __future__ import annotations

import contextlib
import random
from array import array

import pytest
from fakes import open_fake, picture, text

from curator.api import ItemSet
from curator.embedding import coverage
from curator.errors import BadInput, NotFound, NotReady
from curator.maintenance.status import Status
from curator.store.derived import Derived
from curator.store.selecting import ids


@pytest.fixture(scope="module")
def patchy(tmp_path_factory):
    """Forty pictures and thirty texts; of each fifth nothing was made, each seventh failed, three were set aside."""
    folder = tmp_path_factory.mktemp("patchy")
    for n in range(40):
        picture(folder / "photos" / f"{n % 2}" / f"{n}.png", n)
    for n in range(30):
        text(folder / "texts" / f"{n}.txt", f"{n} {n + 1} {n % 7}")
    with open_fake(folder / "workspace", "histogram", "numbers") as ws:
        ws.add(folder / "photos", folder / "texts", encode=False)
        for name in ("histogram", "numbers"):
            ws.use(name)
            ws.encode(name)
            model = ws.models.find(name)
            hashes = [item.hash for item in ws.items.select() if item.modality in model.modalities]
            random.Random(name).shuffle(hashes)
            ws.derived.forget_vectors(model.fingerprint, hashes[::5])
            for hash_ in hashes[::7]:
                ws.derived.forget_vectors(model.fingerprint, [hash_])
                ws.derived.put_failure(model.fingerprint, hash_, "is too odd")
        with ws.database.transaction():
            for number in (3, 4, 50):
                ws.database.execute("UPDATE place SET missing = 1 WHERE item_id = ?", number)
                away = "INSERT INTO quarantined (item_id, outside, inside, hash, size, kind, reason, taken)"
                ws.database.execute(f"{away} VALUES (?, '', ?, '', 1, '', '', '')", number, str(number))
        yield ws, folder


@pytest.mark.parametrize("few", [0, 20_000])
@pytest.mark.parametrize("page", [3, 10_000])
@pytest.mark.parametrize("name", ["histogram", "numbers"])
@pytest.mark.parametrize("under", [None, "photos/1", "texts"])
def test_what_is_missing_of_a_selection_is_what_is_missing_of_its_items(patchy, monkeypatch, few, page, name, under):
    ws, folder = patchy
    monkeypatch.setattr(coverage, "FEW", few)
    monkeypatch.setattr(ids, "PAGE", page)
    model, among = ws.models.find(name), ItemSet(under=folder / under if under else None)
    one_by_one = ws.coverage.missing(model, list(ws.items.select(among)))
    assert ws.coverage.missing(model, ws.items.select(among)) == one_by_one
    missing, failed = ws.coverage.missing_and_failed(model, ws.items.select(among))
    assert missing == one_by_one
    hashes = [item.hash for item in ws.items.select(among) if item.modality in model.modalities]
    assert {item.hash for item in failed} == ws.derived.failures(model.fingerprint, hashes).keys()


@pytest.mark.parametrize("few", [0, 20_000])
def test_a_status_counts_what_is_not_set_aside(patchy, monkeypatch, few):
    ws, _ = patchy
    monkeypatch.setattr(coverage, "FEW", few)
    for holding, name in zip(Status(ws).holdings(), ("histogram", "numbers"), strict=True):
        model = ws.models.find(name)
        items = list(ws.items.select(modalities=[holding.modality]))
        vectors = dict(ws.derived.vectors(model.fingerprint, [item.hash for item in items]))
        failures = ws.derived.failures(model.fingerprint, [item.hash for item in items])
        assert (holding.items, holding.embedded, holding.failed) == (len(items), len(vectors), len(failures))
        assert holding.embedded and holding.failed and holding.items > holding.embedded + holding.failed


def test_what_there_is_decides_which_encoders_embed_it(patchy):
    ws, folder = patchy
    for among, wanted in ((ItemSet(), 2), (ItemSet(media="text"), 1), (ItemSet(under=folder / "photos"), 1)):
        of_selection = ws.coverage.default_references(ws.items.select(among))
        assert of_selection == ws.coverage.default_references(list(ws.items.select(among)))
        assert len(of_selection) == wanted


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Five texts, which are many, with their vectors."""
    monkeypatch.setattr(coverage, "FEW", 0)
    for n in range(5):
        text(tmp_path / "texts" / f"{n}.txt", f"{n} 1 2")
    with open_fake(tmp_path / "workspace", "numbers") as ws:
        ws.add(tmp_path / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        yield ws


def missing(ws):
    """How many are missing, and whether all had to be gone through."""
    asked = []
    ws.database.connection.set_trace_callback(asked.append)
    found = len(ws.coverage.missing(ws.models.find("numbers"), ws.items.select()))
    ws.database.connection.set_trace_callback(None)
    return found, any("group_concat" in sql for sql in asked)


def remembered(ws):
    """Up to which change nothing is missing."""
    return ws.derived.database.value("SELECT change FROM covered")


def test_what_was_found_complete_is_not_gone_through_again_but_only_what_was_added_since(many, tmp_path):
    assert [missing(many) for _ in range(3)] == [(0, True), (0, False), (0, False)]
    many.label("odd", [1, 3])
    assert missing(many) == (0, False)
    text(tmp_path / "texts" / "new.txt", "9 9 9")
    many.add(tmp_path / "texts", encode=False)
    assert [missing(many), missing(many)] == [(1, False), (1, False)]
    before = remembered(many)
    many.encode()
    assert missing(many) == (0, False)
    assert remembered(many) > before  # and the next time not even the new one is looked for


def test_where_very_many_were_added_all_are_gone_through(many, tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "LATER", 1)
    missing(many)
    for n in range(2):
        text(tmp_path / "texts" / f"new{n}.txt", f"9 {n}")
        many.add(tmp_path / "texts", encode=False)
        assert missing(many) == (n + 1, n > 0)


def test_changes_that_add_nothing_are_not_gone_through_each_time(many, monkeypatch):
    missing(many)
    before = remembered(many)
    many.label("odd", [1, 3])
    assert (missing(many), remembered(many)) == ((0, False), before)
    monkeypatch.setattr(coverage, "LATER", 1)
    assert missing(many) == (0, False)
    assert remembered(many) > before


def test_what_was_added_since_is_looked_for_wherever_somebody_looks(many, tmp_path):
    """A folder that is complete is no evidence that what was added elsewhere is embedded."""
    missing(many)
    text(tmp_path / "others" / "new.txt", "9 9 9")
    many.add(tmp_path / "others", encode=False)
    model = many.models.find("numbers")
    among = many.items.select(ItemSet(under=tmp_path / "texts"))
    assert not many.coverage.missing(model, among)
    assert missing(many) == (1, False)


def test_another_history_with_changes_of_the_same_numbers_is_no_evidence(many):
    assert [missing(many), missing(many)] == [(0, True), (0, False)]
    many.database.execute("UPDATE run SET started = '2001-01-01T00:00:00+00:00'")
    assert missing(many) == (0, True)


def test_what_another_process_took_away_meanwhile_is_not_taken_to_be_there(many):
    model = many.models.find("numbers")
    covered, space = many.coverage.covered, many.derived.space(model.fingerprint)
    before = covered.now()
    with contextlib.closing(Derived(many.folder)) as other:
        other.forget_vectors(model.fingerprint, [many.items.by_id(2).hash])
    covered.put(space, "text", before)
    assert covered.since(space, "text") is None
    covered.put(space, "text", covered.now())
    assert covered.since(space, "text") == (before.change, array("q"))


def test_what_cannot_be_remembered_is_looked_for_again(many):
    many.derived.database.execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(Derived(many.folder)) as other, other.database.transaction():
        assert [missing(many), missing(many)] == [(0, True), (0, True)]
    assert [missing(many), missing(many)] == [(0, True), (0, False)]


def test_a_memory_that_is_wrong_is_found_by_check(many):
    missing(many)
    assert not many.check()
    (row,) = many.derived.database.rows("SELECT * FROM covered")
    many.derived.forget_vectors(many.models.find("numbers").fingerprint, [many.items.by_id(2).hash])
    many.derived.database.execute("INSERT INTO covered VALUES (?, ?, ?, ?)", *row)
    assert missing(many) == (0, False)
    ((fault, mended),) = many.check(repair=True)
    assert "taken to hold all texts" in fault.wrong and mended
    assert missing(many) == (1, True)


def test_whatever_happens_what_is_missing_is_found(many, tmp_path):
    chance, model, names = random.Random(5), many.models.find("numbers"), iter(range(100, 1000))

    def some():
        return chance.choice(list(many.items.select())).hash

    def add():
        text(tmp_path / "texts" / f"{next(names)}.txt", f"{next(names)} 3 4")
        many.add(tmp_path / "texts", encode=False)

    def undo():
        if len(many.items.select()) > 5:
            many.undo()

    def redo():
        last = many.database.value("SELECT id FROM run WHERE undoes IS NOT NULL ORDER BY id DESC LIMIT 1")
        with contextlib.suppress(BadInput, NotReady, NotFound):
            many.undo(last)

    steps = {
        "add": add,
        "embed": many.encode,
        "retry": lambda: many.encode(retry=True),
        "label": lambda: many.label(f"label{next(names)}", [many.items.select()[0].id]),
        "lose a vector": lambda: many.derived.forget_vectors(model.fingerprint, [some()]),
        "fail": lambda: many.derived.put_failure(model.fingerprint, some(), "is odd"),
        "undo": undo,
        "redo": redo,
    }
    quick = 0
    for _ in range(80):
        chance.choice(list(steps.values()))()
        wanted = many.coverage.missing(model, list(many.items.select()))
        for _ in range(2):
            assert many.coverage.missing(model, many.items.select()) == wanted
        quick += many.coverage.covered.since(many.derived.space(model.fingerprint), "text") is not None
    assert 10 < quick < 50
