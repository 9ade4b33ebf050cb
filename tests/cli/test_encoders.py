"""`encoders`, `heads` and `metrics`: what is installed, also where there is no workspace, and what a workspace has."""

from __future__ import annotations

import pytest
from plugin_kit import Site

ENCODER = """
class Lengths:
    def encode(self, batch):
        import numpy as np
        return np.asarray([[len(text), 1.0] for text in batch.texts], np.float32)

    def close(self):
        pass

@hookimpl
def register_encoders():
    resolve, load = lambda variant, weights: Resolved(2), lambda resolved, device: Lengths()
    return [EncoderSpec("lengths", ("text",), "s", resolve, load, revision=REVISION)]
"""


@pytest.mark.parametrize("command", ["encoders", "heads", "metrics"])
def test_what_is_installed_is_listed_where_there_is_no_workspace(run, tmp_path, command):
    alone = run(command, "--json")
    assert (alone.code, alone.err) == (0, "")
    run("init")
    assert run(command, "--json").out == alone.out
    assert alone.out.count("\n") > 1 or command == "metrics"


def test_what_concerns_a_workspace_still_needs_one(run):
    for command in ("encoders --use ngram", "metrics taste", "encoders -w nowhere", "heads -w nowhere"):
        run(*command.split()).assert_failed(3, "no workspace at", "curator add")


def test_to_have_nothing_of_its_kind_is_not_to_have_embedded_all(run, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/hat.txt").write_text("a hat")
    run("add", "texts", "--no-encode")
    assert (
        "efficientnet-lite0: 0 items embedded: the catalogue has no image\n"
        in run("encode", "-e", "efficientnet-lite0").out
    )
    assert "ngram: 1 item embedded in" in run("encode", "-e", "ngram").out
    assert "ngram: 0 items embedded\n" in run("encode", "-e", "ngram").out


def test_of_several_models_of_an_encoder_one_is_the_default(tmp_path):
    site, folder = tmp_path / "site", tmp_path / "folder"
    site.mkdir(), folder.mkdir()
    here = Site(site, folder)
    (folder / "a.txt").write_text("some words")

    def defaults():
        rows = here.run("encoders", "--json").rows
        assert all(row["media"] for row in rows)
        return [row["name"] for row in rows if "text" in row["default"]]

    for revision in (1, 2):
        here.lay("lengths", ENCODER.replace("REVISION", str(revision)))
        here.run("add", "a.txt", "--no-encode")
        here.run("encode", "-e", "lengths")
    assert defaults() == ["ngram"]
    assert here.run("encoders", "--use", "lengths").code == 0
    assert defaults() == ["lengths@2"]
    assert here.run("encoders", "--use", "lengths@1").code == 0
    assert defaults() == ["lengths"]
    here.run("label", "x", "a.txt")
    holding = next(row for row in here.run("status", "--json").rows if row["kind"] == "holding")
    assert holding["embedded"] == 1
