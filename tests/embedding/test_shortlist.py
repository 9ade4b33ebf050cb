"""Search by codes against brute force, whatever happened to the vectors and to the file of codes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from curator.api import Item, Model
from curator.embedding import shortlist
from curator.embedding.codes import Coder, Measure, unit
from curator.embedding.embedder import Embedder
from curator.embedding.search import nearest
from curator.embedding.shortlist import Shortlist
from curator.errors import NotReady
from curator.reporter import Silent
from curator.store.derived import Derived
from curator.store.vector_codes import PREFIX

DIM = 8
MODEL = mock.Mock(spec=Model)
MODEL.fingerprint, MODEL.dim, MODEL.name = "f" * 64, DIM, "numbers"


class Space(Embedder):
    """A cache with vectors, and items for them, without a catalogue."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.reporter = folder, Silent()
        self.derived = Derived(folder)
        self.shortlist = Shortlist(self.derived, self.reporter)
        self.items: dict[str, Item] = {}
        self.chance = np.random.default_rng(0)

    def again(self) -> Space:
        """As another process finds it."""
        other = Space(self.folder)
        other.items, other.chance = self.items, self.chance
        return other

    def add(self, count: int, space: str = MODEL.fingerprint) -> None:
        hashes = [hashlib.sha256(b"%d" % (len(self.items) + n)).hexdigest() for n in range(count)]
        for hash_ in hashes:
            number = len(self.items) + 1
            self.items[hash_] = Item(number, hash_, "text", None, None, None)
        self.put(hashes, space)

    def put(self, hashes, space: str = MODEL.fingerprint) -> None:
        rows = self.chance.standard_normal((len(hashes), DIM)).astype("<f4")
        self.derived.put_vectors(space, [(h, row.tobytes()) for h, row in zip(hashes, rows, strict=True)], "float32")

    def there(self) -> list[str]:
        return sorted(hash_ for hash_, _ in self.derived.all_vectors(MODEL.fingerprint))

    def query(self):
        return unit(self.chance.standard_normal((1, DIM)).astype(np.float32))[0]

    def coded(self):
        return self.derived.codes.of(self.derived.space(MODEL.fingerprint))

    def file(self) -> Path:
        return self.folder / (PREFIX + self.coded().token)

    def hold(self, k: int = 3) -> None:
        """The neighbours are those of brute force, and so is every code that counts."""
        query, items = self.query(), list(self.items.values())
        found = nearest(self, query, MODEL, items, k)
        with mock.patch.object(shortlist, "EXACT_UP_TO", 1 << 60):
            assert found == nearest(self, query, MODEL, items, k)
        coded = self.coded()
        if coded is not None and coded.depth:
            self.hold_codes(coded)

    def hold_codes(self, coded) -> None:
        blocks = self.derived.codes.blocks(coded)
        coder = Coder.read(next(blocks), DIM)
        rows = np.frombuffer(b"".join(map(bytes, blocks)), "<u8").reshape(-1, coded.width // 8)
        kept = {int(row[0]): row[2:].tolist() for row in rows}
        changed = {*self.derived.codes.recoded(coded.space_id)}
        sql = "SELECT rowid, vector FROM vector WHERE space_id = ? AND rowid <= ?"
        stored = self.derived.database.rows(sql, coded.space_id, coded.last)
        sound = [row for row in stored if row[0] not in changed]
        values = unit(np.frombuffer(b"".join(row[1] for row in sound), "<f4").reshape(-1, DIM))
        for row, code in zip(sound, coder.codes(values)[1], strict=True):
            agree = np.bitwise_count(np.array(kept[row[0]], np.uint64) ^ code).sum()
            assert agree <= 2, row[0]  # a product of other rows may differ in its last bit


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """So that a hundred vectors are many."""
    for name, value in (("EXACT_UP_TO", 20), ("LEAST", 20), ("PAYS", 2), ("CHANGED", 10), ("CHUNK", 32)):
        monkeypatch.setattr(shortlist, name, value)


@pytest.fixture
def space(tmp_path):
    made = Space(tmp_path)
    made.add(150)
    with contextlib.closing(made.derived):
        yield made


class Searched(RuleBasedStateMachine):
    """Whatever happens, in any order: the next search gives what brute force gives."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.space = Space(self.folder)

    @initialize()
    def many(self) -> None:
        self.space.add(120)

    @rule(count=st.integers(1, 40), other=st.booleans())
    def add(self, count: int, other: bool) -> None:
        if other:
            self.space.put([f"other-{count}-{n}" for n in range(count)], "another space")
        else:
            self.space.add(count)

    @rule(first=st.floats(0, 1), count=st.integers(1, 12), again=st.booleans())
    def delete(self, first: float, count: int, again: bool) -> None:
        there = self.space.there()
        some = there[int(first * len(there)) :][:count]
        self.space.derived.forget_vectors(MODEL.fingerprint, some)
        if again:
            self.space.put(some)

    @rule(count=st.integers(1, 12))
    def delete_the_newest_and_add_others(self, count: int) -> None:
        """Which take their numbers."""
        self.space.derived.database.execute(
            "DELETE FROM vector WHERE rowid > (SELECT max(rowid) FROM vector) - ?", count
        )
        self.space.add(count)

    @rule(count=st.integers(1, 12))
    def change(self, count: int) -> None:
        self.space.put(self.space.there()[:count])

    @rule()
    def forget_for_good(self) -> None:
        self.space.derived.forget(self.space.there()[:2])
        self.space.derived.database.without_traces()

    @rule()
    def killed_while_making_the_file(self) -> None:
        begun = self.space.derived.codes.begin(self.space.derived.space(MODEL.fingerprint))
        (self.folder / (PREFIX + begun.token)).write_bytes(b"half")

    @precondition(lambda self: self.space.coded() is not None and self.space.coded().depth)
    @rule(harm=st.sampled_from(["killed while adding", "truncated", "one bit", "gone", "empty"]), at=st.floats(0, 0.99))
    def harm(self, harm: str, at: float) -> None:
        path, content = self.space.file(), bytearray(self.space.file().read_bytes())
        if harm == "gone":
            path.unlink()
            return
        content[int(at * len(content))] ^= 16 if harm == "one bit" else 0
        ends = {"killed while adding": len(content), "empty": 0, "truncated": int(at * len(content))}
        path.write_bytes(content[: ends.get(harm, len(content))] + (b"x" * 99 if "killed" in harm else b""))

    @rule()
    def another_process(self) -> None:
        self.space.derived.close()
        self.space = self.space.again()

    @invariant()
    def as_brute_force(self) -> None:
        self.space.hold()

    def teardown(self) -> None:
        self.space.derived.close()
        shutil.rmtree(self.folder)


Searched.TestCase.settings = settings(
    max_examples=5, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSearched = Searched.TestCase


def test_more_neighbours_of_a_query_cost_what_was_not_read_for_the_first(space, monkeypatch):
    space.add(400)
    query, items = space.query(), list(space.items.values())
    nearest(space, query, MODEL, items, 3)
    read, looked = [], []
    numbered, blocks = space.derived.numbered, space.derived.codes.blocks
    monkeypatch.setattr(space.derived, "numbered", lambda of, numbers: read.extend(numbers) or numbered(of, numbers))
    monkeypatch.setattr(space.derived.codes, "blocks", lambda coded: looked.append(coded) or blocks(coded))
    query = space.query()
    for k in (3, 25, 40):
        found = nearest(space, query, MODEL, items, k)
        with mock.patch.object(shortlist, "EXACT_UP_TO", 1 << 60):
            assert found == nearest(space, query, MODEL, items, k)
    assert len(read) == len({*read}) > 60 and len(looked) == 1
    # What changed since is read again, and what went is gone.
    before = len(read)
    space.put([item.hash for item, _ in found[:2]])
    space.derived.forget_vectors(MODEL.fingerprint, [found[2][0].hash])
    again = nearest(space, query, MODEL, items, 40)
    with mock.patch.object(shortlist, "EXACT_UP_TO", 1 << 60):
        assert again == nearest(space, query, MODEL, items, 40) != found
    assert before + 2 <= len(read) < before + 20
    # Among others, all are.
    nearest(space, query, MODEL, items[:-1], 40)
    assert len(read) > before + 60 and len(looked) == 1


def test_what_is_there_is_not_made_again(space):
    space.hold()
    before = space.file().read_bytes()
    space.add(5)
    with mock.patch.object(Shortlist, "_made", side_effect=AssertionError):
        space.hold()
        space.again().hold()
    assert space.file().read_bytes()[: len(before)] == before
    assert space.coded().held == 155


def test_a_selection_is_searched_as_a_space_of_its_own(space):
    space.add(850)
    space.hold()
    items = list(space.items.values())
    for some in (items[::9], items[500:], items[:21]):
        for k in (1, 15):
            query = space.query()
            found = nearest(space, query, MODEL, some, k)
            with mock.patch.object(shortlist, "EXACT_UP_TO", 1 << 60):
                assert found == nearest(space, query, MODEL, some, k)


def test_equal_vectors_come_by_their_ids(space):
    hashes = list(space.items)[40:100]
    vector = space.query().tobytes()
    space.derived.put_vectors(MODEL.fingerprint, [(hash_, vector) for hash_ in hashes], "float32")
    found = nearest(space, np.frombuffer(vector, "<f4"), MODEL, list(space.items.values()), 7)
    assert [item.id for item, _ in found] == [*range(41, 48)]


def test_a_damaged_file_is_told_and_made_anew(space):
    space.hold()
    content = bytearray(space.file().read_bytes())
    content[-3] ^= 1
    space.file().write_bytes(content)
    space.hold()
    assert space.reporter.said == ["the codes of numbers are damaged: they are made anew"]
    space.hold()
    assert len(space.reporter.said) == 1 and len(list(space.folder.glob(PREFIX + "*"))) == 1


def test_a_cache_that_was_deleted_and_filled_again_takes_no_old_codes(space):
    space.hold()
    old = space.file().name
    space.derived.close()
    for path in space.folder.glob("derived.db*"):
        if not path.name.startswith(PREFIX):
            path.unlink()
    fresh = space.again()
    fresh.put(list(space.items))
    fresh.hold()
    assert [path.name for path in space.folder.glob(PREFIX + "*")] == [fresh.file().name] != [old]
    fresh.derived.close()


def test_a_vector_that_is_none_is_told_wherever_it_lies(space):
    space.hold()
    bad = list(space.items)[7]
    space.derived.put_vectors(MODEL.fingerprint, [(bad, np.full(DIM, np.nan, "<f4").tobytes())], "float32")
    for _ in range(2):
        with pytest.raises(NotReady, match="not finite"):
            nearest(space, space.query(), MODEL, list(space.items.values()), 3)
        space.derived.codes.forget()  # also where it is met while the file is made


def test_what_cannot_be_written_is_read_as_far_as_it_goes(space, monkeypatch):
    space.hold()
    space.add(4)
    space.derived.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # as for who is not root
    reading = space.again()
    before = {path.name: path.stat().st_size for path in space.folder.glob(PREFIX + "*")}
    with mock.patch.object(Embedder, "matrix", autospec=True, side_effect=Embedder.matrix) as read:
        nearest(reading, reading.query(), MODEL, list(space.items.values()), 3)
    assert sum(len(call.args[2]) for call in read.call_args_list) < 100
    reading.hold()
    assert before == {path.name: path.stat().st_size for path in space.folder.glob(PREFIX + "*")}
    next(space.folder.glob(PREFIX + "*")).write_bytes(b"")
    reading.hold()
    assert reading.reporter.said == []
    reading.derived.close()


def test_where_no_file_can_be_made_all_are_compared(space):
    with mock.patch.object(type(space.derived.codes), "file", side_effect=OSError(28, "No space left on device")):
        space.hold()
    assert (
        space.reporter.said[0] == "all vectors are compared, as their codes cannot be written: No space left on device"
    )
    space.hold()
    assert space.coded().held == 150


def test_a_space_in_which_codes_tell_nothing_is_compared_as_a_whole(space, monkeypatch):
    monkeypatch.setattr(shortlist, "PAYS", 1_000)
    space.hold()
    assert (space.coded().depth, space.coded().measured) == (0, 150)
    assert not list(space.folder.glob(PREFIX + "*"))
    with mock.patch.object(Shortlist, "_made", side_effect=AssertionError):
        space.hold()  # it is not measured again
    space.add(151)
    monkeypatch.setattr(shortlist, "PAYS", 2)
    space.hold()  # until it has grown
    assert space.coded().depth and space.coded().held == 301


def test_a_link_in_place_of_a_file_is_refused(space, tmp_path):
    space.hold()
    path, elsewhere = space.file(), tmp_path / "precious"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    space.add(3)
    with pytest.raises(Exception, match="symbolic link"):
        space.hold()
    assert elsewhere.read_bytes() == before


SEARCH = """
import sys
sys.path[:0] = [{tests!r}, {embedding!r}]
import test_shortlist as t
from curator.embedding import shortlist
for name, value in (("EXACT_UP_TO", 20), ("LEAST", 20), ("PAYS", 2), ("CHUNK", 32)):
    setattr(shortlist, name, value)
space = t.Space(t.Path({folder!r}))
for number, hash_ in enumerate(space.there(), 1):
    space.items[hash_] = t.Item(number, hash_, "text", None, None, None)
print("ready", flush=True)
sys.stdin.readline()
space.hold()
"""


def test_two_processes_make_and_extend_the_file_at_once(space):
    here = Path(__file__).parent
    for round_ in range(2):
        code = SEARCH.format(tests=str(here.parent), embedding=str(here), folder=str(space.folder))
        both = [
            subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for one in both:
            assert one.stdout.readline() == "ready\n"
        for one in both:
            one.stdin.write("\n")
            one.stdin.flush()
        assert [one.wait(60) for one in both] == [0, 0]
        for one in both:
            one.stdin.close()
            one.stdout.close()
        space.hold()
        assert len(list(space.folder.glob(PREFIX + "*"))) == 1
        assert space.coded().held == len(space.items)
        space.add(30)
        assert round_ < 2


def test_who_made_a_file_gives_way_to_who_began_later(space):
    codes, number = space.derived.codes, space.derived.space(MODEL.fingerprint)
    first = codes.begin(number)
    with codes.file(first) as made:
        made.write(b"x" * 100)
        second = codes.begin(number)
        assert not codes.keep(first, made)
    assert not list(space.folder.glob(PREFIX + "*")) and codes.of(number) is None
    assert second.token != first.token
    space.hold()


@pytest.mark.parametrize("column", ["head", "width", "held", "last", "checksum", "depth", "measured"])
@pytest.mark.parametrize("value", [-(2**62), -1, 0, 1, 2**62])
def test_numbers_that_no_curator_wrote_cost_time_alone(space, column, value):
    space.hold()
    space.derived.database.execute(f"UPDATE coded SET {column} = ?", value)
    query, items = space.query(), list(space.items.values())
    found = nearest(space, query, MODEL, items, 3)
    with mock.patch.object(shortlist, "EXACT_UP_TO", 1 << 60):
        assert [item for item, _ in found] == [item for item, _ in nearest(space, query, MODEL, items, 3)]


def test_vacuum_lets_codes_be_made_anew(space):
    space.hold()
    before = space.coded().token
    with contextlib.closing(sqlite3.connect(space.folder / "derived.db")) as connection:
        connection.execute("VACUUM")
    assert space.coded() is None
    space.hold()
    assert space.coded().token != before


def test_nearest_rows_are_found_in_a_narrow_cone_and_among_clusters():
    """What the depth is measured for: queries that the space does not hold."""
    chance = np.random.default_rng(5)
    for offset, clusters in ((0, 40), (30, 1), (30, 40)):
        middles = chance.standard_normal((clusters, 64)) * 2 + offset
        rows = unit((middles[chance.integers(clusters, size=4_000)] + chance.standard_normal((4_000, 64))).astype("f4"))
        coder = Coder.of(rows)
        measure = Measure(coder, rows, len(rows))
        for start in range(0, 4_000, 1_000):
            part = rows[start : start + 1_000]
            measure.take(part, *coder.codes(part))
        assert 10 <= measure.depth() < 400


@pytest.mark.parametrize("threads", [4])
def test_threads_that_search_at_once_find_the_same(space, threads):
    found = []

    def search() -> None:
        own = space.again()
        found.append(nearest(own, np.eye(1, DIM, dtype=np.float32)[0], MODEL, list(space.items.values()), 5))
        own.derived.close()

    running = [threading.Thread(target=search) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    assert len(found) == threads and all(each == found[0] for each in found)
