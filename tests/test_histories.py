"""Histories of a workspace, made up: after each step every table and every file is what a plain model says.

Steps are commands in this process and in others, which may be killed at any step that changes a disk or commits, and
what people do to their files in between. The model (`workspace_model`) is dictionaries and calls nothing of curator's.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import elsewhere
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image
from workspace_model import TABLES, Content, Model, Refused, below

from curator.history.journal import WORKED_OUT
from curator.workspace import Workspace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="other processes are forks")


def _image(color):
    stream = io.BytesIO()
    Image.new("RGB", (3, 2), color).save(stream, "png")
    return Content(stream.getvalue(), ".png", {"width": 3, "height": 2, "format": "PNG"})


TEXTS = [
    Content(f"text {'and more ' * n}".encode(), ".txt", dict.fromkeys(("width", "height", "format"))) for n in range(2)
]
CONTENTS = {".png": [_image("red"), _image("green")], ".txt": TEXTS}
FOLDERS = ["", "/a", "/b", "/b/c"]
PATHS = [f"{folder}/{name}" for folder in ("", "/a", "/b/c") for name in ("1.png", "1.txt", "2.png")]
"""Few, so that histories meet what they did before. `1.txt` lies beside a picture: where that goes, it goes too."""

paths, folders = st.sampled_from(PATHS), st.sampled_from(FOLDERS)
some = st.integers(0, 30)
"""One of those that there are, counted round."""
hows = st.one_of(st.just("here"), st.just("elsewhere"), st.integers(0, 8), st.integers(4, 16))
"""Who does it: this process, another one, or one that dies at that step."""


LONG = os.environ.get("CURATOR_RELIABILITY") == "long"
"""As for `tests/reliability`."""


class Histories(RuleBasedStateMachine):
    other: elsewhere.Elsewhere
    template: Path

    def __init__(self):
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="history", dir=self.template.parent)).resolve()
        self.folder = str(self.base / "data")
        for folder in FOLDERS:
            Path(self.folder + folder).mkdir()
        self.workspace = self.base / "workspace"
        shutil.copytree(self.template, self.workspace)
        self.model = Model(self.folder)
        self.clock = 1_700_000_000
        self.ws = elsewhere.opened(self.workspace)
        self.ws.trust(yes=True)  # it is a copy

    def teardown(self):
        self.ws.close()
        shutil.rmtree(self.base)

    # --- what people do to their files ---

    def _write(self, path, number):
        contents = CONTENTS[os.path.splitext(path)[1]]
        content = contents[number % len(contents)]
        Path(self.folder + path).write_bytes(content.data)
        self.clock += 1  # no two states of a file have one time, as two within a tick of the clock would
        os.utime(self.folder + path, (self.clock, self.clock))
        self.model.files[self.folder + path] = content

    @initialize(files=st.lists(st.tuples(paths, some), min_size=3, max_size=8))
    def begin(self, files):
        for path, number in files:
            self._write(path, number)
        self._do("here", "add", self.model.add(self.folder), "add", self.folder, encode=False)

    @rule(what=st.sampled_from(["write", "move", "remove"]), which=some, path=paths)
    def people_change_files(self, what, which, path):
        files = self.model.files
        if what == "write" or not files:
            self._write(path, which)
            return
        source = self._one(sorted(files), which)
        if what == "move":
            target = self.folder + os.path.splitext(path)[0] + os.path.splitext(source)[1]
            os.replace(source, target)
            files[target] = files.pop(source)
        else:
            os.unlink(source)
            del files[source]

    @precondition(lambda self: self.model.moves)
    @rule(which=some, number=some)
    def people_put_a_file_where_one_was_moved(self, which, number):
        outside = self._one(sorted({move["outside"] for move in self.model.moves.values()}), which)
        self._write(outside[len(self.folder) :], number)

    # --- commands ---

    @rule(source=folders | folders | paths, said=st.sampled_from(["", "folders", "x", "not x"]), how=hows)
    def add(self, source, said, how):
        source, said = self.folder + source, said if source in FOLDERS or said != "folders" else ""
        label, not_label = "x" * (said == "x"), "x" * (said == "not x")
        asked = {"label": label or (), "not_label": not_label or (), "labels_from_folders": said == "folders"}
        steps = self.model.add(source, label, not_label, said == "folders")
        group = "g" if said == "folders" else None
        self._do(how, "add", steps, "add", source, **asked, group=group, encode=False)

    @precondition(lambda self: self.model.tables["item"])
    @rule(
        name=st.sampled_from(["a", "b", "x"]),
        which=st.lists(some, min_size=1, max_size=2),
        value=st.sampled_from([True, False, None]),
        group=st.sampled_from([None, "g", "h"]),
        how=hows,
    )
    def label(self, name, which, value, group, how):
        items = [self._one(sorted(self.model.tables["item"]), one) for one in which]
        self._do(how, "label", self.model.label(name, items, value, group), "label", name, items, value, group)

    @precondition(lambda self: len(self.model.tables["item"]) > 1)
    @rule(which=some, other=some, alike=st.sampled_from([True, False, None]), how=hows)
    def pair(self, which, other, alike, how):
        items = [self._one(sorted(self.model.tables["item"]), one) for one in (which, other)]
        self._do(how, "pair", self.model.pair("likeness", *items, alike), "pair", "likeness", *items, alike=alike)

    @precondition(lambda self: len(self.model.tables["place"]) > 1)
    @rule(
        which=st.lists(some, min_size=1, max_size=2),
        keeper=some,
        kind=st.sampled_from(["near", "near", "exact"]),
        apply=st.sampled_from([True, True, True, False]),
        how=hows,
    )
    def set_aside(self, which, keeper, kind, apply, how):
        known = [self.model.path(place) for _, place in sorted(self.model.tables["place"].items())]
        sound = list(filter(self.model.proven, known))
        goes = [self._one(known if one > 20 else sound or known, one) for one in which]
        others = [path for path in sound if path not in goes]
        keeper = self._one(known if keeper > 20 else others or known, keeper)
        steps = self.model.set_aside(goes, keeper, kind, apply)
        said = {"goes": ",".join(goes), "keeper": keeper, "kind": kind, "apply": apply}
        self._do(how, "tidy", steps, "run", "tidy", **said)

    @precondition(lambda self: self.model.tables["quarantined"])
    @rule(
        what=st.sampled_from(["restore", "restore", "purge"]),
        which=st.none() | some,
        folder=st.none() | folders,
        how=hows,
    )
    def restore_or_purge(self, what, which, folder, how):
        if what == "purge":
            self._do(how, "quarantine purge", self.model.purge(), "purge", "0", yes=True)
            return
        there = sorted(file["outside"] for file in self.model.tables["quarantined"].values())
        named = [] if which is None else [self._one(there, which)]
        if folder is not None and any(below(path, self.folder + folder) for path in there):
            named.append(self.folder + folder)
        self._do(how, "quarantine restore", self.model.restore(*named), "restore", *named)

    @rule(what=st.sampled_from(["latest", "redo", "another"]), which=some, how=hows)
    def undo(self, what, which, how):
        runs = sorted(self.model.undone().values() if what == "redo" else self.model.runs, reverse=True)
        named = [] if what == "latest" or not runs else [self._one(runs, which)]
        self._do(how, "undo", self.model.undo(*named or [None]), "undo", *named)

    @precondition(lambda self: self.model.tables["item"])
    @rule(how=hows)
    def look(self, how):
        """What only reads is no run, and nothing that the model knows of, whatever it works out on its way."""
        self._do(how, "look", iter(()), "run", "look", may_encode=True)

    @rule()
    def open_again(self):
        self.ws.close()
        self.ws = elsewhere.opened(self.workspace)

    @staticmethod
    def _one(things, which):
        return things[which % len(things)]

    # --- doing and comparing ---

    def _do(self, how, command, steps, *given, **named):
        """Let curator do it, and then the model."""
        if how == "here":
            said = elsewhere.act(self.ws, *given, **named)
        elif how == "elsewhere":
            said = self.other.act(self.workspace, *given, **named)
        else:
            said = self.other.act(self.workspace, *given, die_at=how, **named)
        died = said is not None and said.startswith("died")
        if died:
            self.ws.check()  # the first that writes after a kill puts back what was half moved; the others do so too
        expected, states = None, [self.model.saved()]
        try:
            for _ in self.model.run(command, steps):
                states.append(self.model.saved())
        except Refused as refused:
            expected = str(refused)
        if died:
            self._find(said, [*states, self.model.saved()])
        else:
            assert (said and said.partition(":")[0]) == expected, f"{said!r}, and expected was {expected}"

    def _find(self, said, states):
        """Go on from the state that a killed process left: one of those that the command passes through."""
        rows, files = self._rows(), self._files()
        for state in states:
            self.model.restore_saved(state)
            if self._expected_rows() == rows and self._expected_files() == files:
                return
        assert (said, rows, files) == (said, self._expected_rows(), self._expected_files()), "not even the last state"

    @invariant()
    def all_is_as_the_model_says(self):
        faults = {(fault.part, fault.which, fault.wrong.partition(" though ")[0]) for fault, _ in self.ws.check()}
        twice = {fault for fault in faults if fault[0] == "database"}
        assert len(twice) == len({later for _, later in self.model.twice()})
        assert faults - twice == self.model.faults()
        assert self._rows() == self._expected_rows()
        assert self._files() == self._expected_files()
        self._changes_tell_everything()
        self._doors_say_so()

    def _rows(self):
        """Every row of every table, by plain SQL."""
        with closing(sqlite3.connect(self.workspace / "catalogue.db")) as connection:
            sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
            names = [name for (name,) in connection.execute(sql)]
            connection.row_factory = sqlite3.Row
            found = {
                name: {row["id"]: dict(row) for row in connection.execute(f"SELECT * FROM {name}")} for name in names
            }
        del found["setting"][0]  # the workspace's id
        return found

    def _files(self):
        """What lies in people's folder and in quarantine/, byte by byte."""
        places = (self.folder, self.workspace / "quarantine")
        return {str(path): path.read_bytes() for top in places for path in Path(top).rglob("*") if path.is_file()}

    def _expected_files(self):
        inside = {str(self.workspace / "quarantine" / name): file.data for name, file in self.model.inside.items()}
        return {path: content.data for path, content in self.model.files.items()} | inside

    def _expected_rows(self):
        """What the tables have to hold; columns of which the model says nothing are left out by `_Told`."""
        model = self.model
        tables = {table: {id: _Told(row) for id, row in model.tables[table].items()} for table in TABLES}
        told = {
            id: {"command": run.command, "state": run.state, "undoes": run.undoes} for id, run in model.runs.items()
        }
        runs = {id: _Told(row) for id, row in told.items()}
        return _Tables({**tables, "run": runs, "move": {id: _Told(row) for id, row in model.moves.items()}})

    def _changes_tell_everything(self):
        """Each row that was ever written has its changes: taken back one by one, they leave nothing."""
        rows = self._rows()
        changes = rows.pop("change")
        worked_out = {table: rows.pop(table) for table in WORKED_OUT}
        assert not any(change["table_name"] in worked_out for change in changes.values())
        runs, _ = rows.pop("run"), rows.pop("move")
        for _, change in sorted(changes.items(), reverse=True):
            assert change["state"] == "done" and change["run_id"] in runs
            before, after = (json.loads(change[name] or "null") for name in ("before", "after"))
            table, id, last = rows[change["table_name"]], change["row_id"], change["last_row_id"]
            if change["kind"] == "delete":
                assert id not in table and before["id"] == id and after is None
                table[id] = before
            elif change["kind"] == "update":
                assert after.items() <= table[id].items() and before.keys() == after.keys()
                table[id].update(before)
            else:
                assert before is None and after is None and (last is None or last > id)
                for each in range(id, (last or id) + 1):
                    del table[each]
        assert not any(rows.values())

    def _doors_say_so(self):
        model, ids = self.model, sorted(self.model.tables["item"])
        found = {item.id: (item.hash, item.path and str(item.path), item.text) for item in self.ws.items.select()}
        assert found == model.items()
        assert [item.id for item in self.ws.items.by_ids(ids)] == ids
        labels = self.ws.labels.of_items(ids)
        assert {id: labels.get(id, []) for id in ids} == {id: model.labels_of(id) for id in ids}
        values = [value for value in model.pairs().values() if value]
        assert [(one.alike, one.unlike) for one in self.ws.pairs.counts()] == (
            [(values.count(1), values.count(-1))] if values else []
        )
        lying = [(file.id, str(file.outside), str(file.stored), file.item) for file in self.ws.quarantine.all()]
        aside = sorted(model.tables["quarantined"].items())
        stored = self.workspace / "quarantine"
        assert lying == [(id, row["outside"], str(stored / row["inside"]), row["item_id"]) for id, row in aside]


class _Told(dict):
    """A row that says what it says: equal to one that holds more."""

    def __eq__(self, row):
        return self.items() <= row.items()

    __hash__ = None


class _Tables(dict):
    """Tables that are to be so; others are empty, but for the changes and what was worked out to read."""

    def __eq__(self, tables):
        others = {name: rows for name, rows in tables.items() if name not in {*self, "change", *WORKED_OUT}}
        return not any(others.values()) and dict(self) == {name: tables[name] for name in self}

    __hash__ = None


def _run(tmp_path, **how):
    elsewhere.plugins()
    template = tmp_path / "template"
    Workspace.create(template)
    other = elsewhere.Elsewhere()
    try:
        machine = type("Histories", (Histories,), {"other": other, "template": template})
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
        run_state_machine_as_test(
            machine, settings=settings(deadline=None, report_multiple_bugs=False, suppress_health_check=checks, **how)
        )
    finally:
        other.close()


def test_any_history_leaves_what_the_model_says(tmp_path):
    _run(tmp_path, max_examples=160 if LONG else 40, stateful_step_count=20)


@pytest.mark.slow
def test_any_long_history_leaves_what_the_model_says(tmp_path):
    _run(tmp_path, max_examples=60 if LONG else 8, stateful_step_count=100)
