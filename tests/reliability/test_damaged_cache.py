"""Garbage in `derived.db` is called that, no failure of a plugin, and mended by the command or by one that it names."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import cli_kit
import fakes
import numpy as np
import pytest
from cli_kit import curator_here
from safetensors.numpy import load, save

GARBAGE = {"empty": b"", "long": bytes(100_000), "noise": bytes(range(256)), "odd": b"\1\2\3"}


def spoil(folder, table, column, value, where="1"):
    with contextlib.closing(sqlite3.connect(folder / "derived.db")) as connection, connection:
        assert connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [value]).rowcount


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts about two things, labelled, with marked pairs, and all that is derived of them."""
    base = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(base)
        cli_kit.texts(base / "texts" / "pets", 8)
        cli_kit.texts(base / "texts" / "cars", 8, "engines, wheels and fuel")
        cli_kit.texts(base / "others", 2, "wheels and cats")
        for command in (
            ("add", "texts", "--labels-from-folders", "--group", "kind"),
            ("add", "others"),
            ("pair", "id:1", "id:2", "id:3", "--metric", "taste"),
            ("pair", "id:1", "id:9", "id:10", "--not-alike", "--metric", "taste"),
            *COMMANDS.values(),
        ):
            assert (ran := curator_here(*command)).code == 0, ran
    return base


COMMANDS = {
    "similar": ("similar", "id:1", "-k", "2"),
    "metric": ("similar", "id:1", "-k", "2", "--metric", "taste"),
    "classify": ("classify", "--group", "kind"),
    "cluster": ("cluster", "-k", "2"),
    "audit": ("audit", "--check", "labels"),
    "dedupe": ("dedupe", "--similar"),
}


@pytest.fixture
def workspace(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    return tmp_path / "made" / "workspace"


def of_length(garbage, folder, table, column):
    """The bytes of that garbage; of NaN, as many as are kept."""
    with contextlib.closing(sqlite3.connect(folder / "derived.db")) as connection:
        (kept,) = connection.execute(f"SELECT length({column}) FROM {table}").fetchone()
    return np.full(kept // 4, np.nan, "<f4").tobytes() if garbage == "nan" else GARBAGE[garbage]


@pytest.mark.parametrize("garbage", [*GARBAGE, "nan"])
def test_a_vector(workspace, garbage):
    spoil(workspace, "vector", "vector", of_length(garbage, workspace, "vector", "vector"))
    for name, command in COMMANDS.items():
        if name not in ("classify", "audit"):  # which have what they need
            line = curator_here(*command).assert_ended(4, "`curator check --repair`")
            assert "plugin" not in line and "failed" not in line
    assert curator_here("check", "--repair").code == 0 and curator_here("encode").code == 0
    assert all(curator_here(*command).code == 0 for command in COMMANDS.values())


FIGURES = np.array([0.5, 0.5, 2.0])
STATES = {
    "no figures": save({"state.x": np.ones(3, np.float32)}),
    "no state": save({"figures": FIGURES}),
    "fewer figures": save({"figures": FIGURES[:1]}),
    "one figure": save({"figures": np.array(0.5)}),
    "no count": save({"figures": np.full(3, np.nan)}),
}


@pytest.mark.parametrize("value", [*GARBAGE.values(), *STATES.values()], ids=[*GARBAGE, *STATES])
def test_a_metric_is_fitted_anew(workspace, value):
    before = curator_here(*COMMANDS["metric"])
    spoil(workspace, "metric", "value", value)
    mended, again = curator_here(*COMMANDS["metric"]), curator_here(*COMMANDS["metric"])
    damaged, fitting, *_ = mended.err.splitlines()
    assert damaged == "what derived.db kept of the metric taste is damaged" and fitting.startswith("fitting the metric")
    assert (mended.code, mended.out) == (0, before.out) and again == before


def test_a_metric_of_the_right_shape_that_is_no_number(workspace):
    before = curator_here(*COMMANDS["metric"])
    with contextlib.closing(sqlite3.connect(workspace / "derived.db")) as connection:
        (kept,) = connection.execute("SELECT value FROM metric").fetchone()
    arrays = {name: array if name == "figures" else np.full_like(array, np.nan) for name, array in load(kept).items()}
    spoil(workspace, "metric", "value", save(arrays))
    mended = curator_here(*COMMANDS["metric"])
    assert (mended.code, mended.out) == (0, before.out) and "is damaged" in mended.err


@pytest.fixture
def pictures(ws, photos):
    """Two pictures of the same pixels, and a third, that were compared."""
    for name in ("a.png", "a.bmp"):
        fakes.picture(photos / name, 1, (64, 48))
    fakes.picture(photos / "b.png", 2, (64, 48))
    ws.add(photos)
    return ws, [*ws.run("dedupe")]


@pytest.mark.parametrize("of", ["dedupe.sketch/3", "dedupe.pixels/3"])
@pytest.mark.parametrize("garbage", [name for name in GARBAGE if name != "empty"])  # which is what is kept of a film
def test_a_signature_is_made_anew(pictures, of, garbage):
    ws, before = pictures
    assert len(before) > 1
    spoil(ws.folder, "signature", "value", GARBAGE[garbage], f"name = '{of}'")
    ws.reporter.said.clear()
    assert [*ws.run("dedupe")] == before
    assert [line for line in ws.reporter.said if "derived.db kept of" in line and "damaged: made anew" in line]
    ws.reporter.said.clear()
    assert [*ws.run("dedupe")] == before
    assert not [line for line in ws.reporter.said if "damaged" in line]


@pytest.mark.parametrize("garbage", [name for name in GARBAGE if name != "empty"])  # which is what is kept of no match
def test_what_was_found_of_two_pictures_is_found_anew(pictures, garbage):
    ws, before = pictures
    spoil(ws.folder, "comparison", "value", GARBAGE[garbage])
    assert [*ws.run("dedupe")] == before
    with contextlib.closing(sqlite3.connect(ws.folder / "derived.db")) as connection:
        assert {value for (value,) in connection.execute("SELECT value FROM comparison")} == {b""}
