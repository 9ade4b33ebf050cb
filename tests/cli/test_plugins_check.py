"""`curator plugins` as a listing, and `curator plugins check`: an installed plugin held to its contract."""

from __future__ import annotations

import json

import cli_kit
import pytest
from plugin_kit import FIRST_PARTY, Site, encoder, hook

LETTERS = """
class Letters:
    def __init__(self, drift):
        self.drift, self.batches = drift, 0

    def encode(self, batch):
        import numpy as np
        counts = [[len(text), sum(map(ord, text)), text.count("a"), 1] for text in batch.texts]
        self.batches += 1
        return np.array(counts, dtype=np.float32) + np.float32(self.drift * self.batches)

    def close(self): pass

def resolve(variant, weights):
    if weights is not None and weights.read_text() != "good":
        raise BadInput("these are no weights")
    return Resolved(4, variant or "calm")

def load(resolved, device):
    print("loading")
    return Letters(1000 if resolved.variant == "drifting" else 0)
"""
GOOD = LETTERS + encoder("letters", resolve="resolve", load="load")
HEAD_OF_NOTHING = """
class Nothing:
    def __init__(self, params): pass
    def fit(self, *arguments): raise RuntimeError("fits\\nnothing")
    def predict(self, vectors): return None
    def state(self): return {}
    def restore(self, state): pass
""" + hook("register_heads", "[HeadSpec('nothing', 's', Nothing)]")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("folder"))
    site.lay("letters-dist", GOOD, entry="letters")
    site.lay("nothing", HEAD_OF_NOTHING)
    site.lay("unloadable-dist", "import time; time.sleep(0.05)\nraise SystemExit('no licence')", entry="unloadable")
    return site


def check(site: Site, *arguments: str) -> cli_kit.Ran:
    ran = site.run("plugins", "check", *arguments)
    return cli_kit.Ran(ran.code, ran.out, ran.err)


# --- the listing ---


def test_the_listing_says_what_importing_costs(site):
    rows = {row["plugin"]: row for row in site.run("plugins", "--json").rows}
    assert rows.keys() == {*FIRST_PARTY, "letters", "nothing", "unloadable"}
    assert all(type(row["import_ms"]) is int and 0 <= row["import_ms"] < 60_000 for row in rows.values())
    assert rows["unloadable"]["import_ms"] >= 50
    assert "no licence" in rows["unloadable"]["failure"]


def test_options_of_a_command_stand_behind_it(run):
    run("plugins", "--json", "check", "ngram").assert_failed(2, "options of 'check' stand behind it")
    run("plugins", "chekc").assert_failed(2, "chekc", "check")


def test_a_traceback_is_shown_as_before(site):
    ran = site.run("plugins", "--traceback", "unloadable")
    assert ran.code == 0 and ran.out.splitlines()[0].startswith("Traceback")


# --- checks ---


def test_a_plugin_that_keeps_its_contract_passes(site):
    ran = check(site, "letters", "--json")
    assert ran.code == 0, ran
    rows = ran.rows("check")
    assert len(rows) == len(ran.out.splitlines()), "stdout holds nothing but rows"
    assert {row["of"] for row in rows} == {"plugin letters", "encoder letters"}
    assert {row["state"] for row in rows} == {"passed", "not applicable"}
    (row,) = [row for row in rows if row["check"] == "rows belong to items"]
    assert row["why"].startswith("Row i is that of item i")
    assert {row["check"]: row["why"] for row in rows if row["state"] == "not applicable"} == {
        "odd images": "it encodes no images",
        "feature map means to the vector": "it gives no feature map, which is optional",
        "layers are variants of the same weights": "it names no layers, which is optional",
        "compiled form agrees": "it has no compiled form, which is optional",
        "form agrees": "it has no form that is made without loading it, which is optional",
        "reduced precision agrees": "it computes in one precision, which is enough",
        "says which texts it cuts": "it reads texts to their end, or does not say where it stops",
        "pretraining leaves a model": "it is not pretrained here",
        "offers whole characters": "it is no language model, which is optional",
        "depths have names of their own": "it cannot be fine-tuned, which is optional",
        "fine tuning leaves a model": "it cannot be fine-tuned, which is optional",
    }
    assert "loading" in ran.err.splitlines()


def test_what_a_plugin_gets_wrong_is_said(site):
    ran = check(site, "letters", "--variant", "drifting", "--json")
    line = ran.assert_ended(6, "checks failed: plugin 'letters' (letters-dist 1.0)")
    failed = [row for row in ran.rows("check") if row["state"] == "failed"]
    assert f"{len(failed)} of {len(ran.rows('check'))} checks failed" in line
    assert [row["check"] for row in failed] == ["rows belong to items", "neighbours do not matter"]
    assert all("of their length" in row["why"] for row in failed)


def test_what_a_plugin_raises_is_one_line(site):
    ran = check(site, "nothing", "--json")
    ran.assert_failed(6, "checks failed: plugin 'nothing' (nothing 1.0)")
    seen = {row["check"]: row["why"] for row in ran.rows("check") if row["state"] == "failed"}
    assert seen["refit forgets"].startswith("RuntimeError: fits") and "\n" not in seen["refit forgets"]


def test_it_goes_by_the_name_of_its_package_too(site):
    ran = check(site, "Letters_Dist")
    assert ran.code == 0, ran
    *rows, counted = ran.out.splitlines()
    assert all(len(row.split("\t")) == 4 for row in rows)
    assert counted == f"{len(rows) - 11} passed, 11 not applicable"


def test_a_bar_on_a_terminal_leaves_piped_rows_alone(tmp_path):
    with (tmp_path / "rows").open("wb") as rows:
        command = ("plugins", "check", "folder", "--json")
        code, shown = cli_kit.at_terminal(*command, cwd=tmp_path, stdout=rows, env={"COLUMNS": "100"})
    assert code == 0
    assert b"checking" in shown and b"kind" not in shown
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "rows").read_text().splitlines()]
    assert set(kinds) == {"check"}


def test_weights_reach_the_encoder(site):
    (site.folder / "weights").write_text("bad")
    ran = check(site, "letters", "--weights", "weights", "--json")
    ran.assert_ended(6, "checks failed")
    assert any("these are no weights" in row["why"] for row in ran.rows("check") if row["state"] == "failed")
    (site.folder / "weights").write_text("good")
    assert check(site, "letters", "--weights", "weights").code == 0
    check(site, "letters", "--weights", "wieghts").assert_failed(3, "did you mean 'weights'?")


def test_one_that_was_skipped_says_why(site):
    for name in ("unloadable", "unloadable-dist"):
        check(site, name).assert_failed(
            6, "(unloadable-dist 1.0)", "no licence", "curator plugins --traceback unloadable"
        )


def test_an_unknown_one_has_a_nearest(site):
    check(site, "lettres").assert_failed(3, "no plugin 'lettres'", "did you mean 'letters'?")
    check(site, "zzz").assert_failed(3, "no plugin 'zzz'", "`curator plugins` lists what is installed")
