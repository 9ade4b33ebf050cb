"""Who may read a workspace, and what is said of what may not be read."""

from __future__ import annotations

import os
import shutil
import stat

import cli_kit
import pytest
from plugin_kit import Site, encoder

LEARNER = """
class Encoder:
    def encode(self, batch):
        import numpy as np
        return np.ones((len(batch.texts), 4), np.float32)
    def close(self):
        pass

def resolve(variant, weights):
    if weights is None or not (weights / "model").is_file():
        raise NotReady("nothing was learnt")
    return Resolved(4, files=(weights / "model",))

def pretrain(texts, folder, params, start, report):
    (folder / "drafts").mkdir()
    for name in ("model", "drafts/first"):
        (folder / name).write_text("learnt")
    raise KeyboardInterrupt
"""

UNMASKED = "import os, sys; os.umask(0); from curator.cli import main; main()"


def modes(folder):
    """The mode of everything in a folder, by kind."""
    found = {"folder": {stat.S_IMODE(folder.stat().st_mode)}, "file": set()}
    for path in folder.rglob("*"):
        found["folder" if path.is_dir() else "file"].add(stat.S_IMODE(path.lstat().st_mode))
    return found


@pytest.fixture
def sorted_out(tmp_path, monkeypatch):
    """`sorted_out(*options)`: a workspace with a label and a head."""
    cli_kit.texts(tmp_path / "texts", 4)
    monkeypatch.chdir(tmp_path)

    def make(*options, umask=0o022):
        before = os.umask(umask)
        try:
            return made(*options)
        finally:
            os.umask(before)

    def made(*options):
        for command in (
            ("add", "texts", *options),
            ("label", "cat", "texts/1.txt", "texts/2.txt"),
            ("label", "cat", "texts/3.txt", "texts/4.txt", "--negative"),
            ("train", "--label", "cat", "--head", "prototype"),
        ):
            ran = cli_kit.curator_here(*command)
            assert ran.code == 0, ran
        return tmp_path / "workspace"

    return make


def test_a_new_workspace_is_its_owners_alone(run, sorted_out):
    """Whatever the umask lets others do."""
    assert modes(sorted_out(umask=0o000)) == {"folder": {0o700}, "file": {0o600}}
    assert not run("check").err


def test_a_shared_one_is_read_by_its_group(run, sorted_out, tmp_path):
    assert modes(sorted_out("--shared", umask=0o077)) == {"folder": {0o750}, "file": {0o640, 0o600}}
    with_group = {path.name for path in (tmp_path / "workspace").iterdir() if path.stat().st_mode & 0o040}
    assert with_group >= {"catalogue.db", "derived.db", "objects"}
    assert not run("check").err


@pytest.mark.parametrize(("options", "folders", "files"), [((), {0o700}, {0o600}), (("--shared",), {0o750}, {0o640})])
def test_what_a_plugin_writes_there_and_models_are_read_by_nobody_else(sorted_out, tmp_path, options, folders, files):
    workspace = sorted_out(*options, umask=0o000)
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", tmp_path)
    offer = encoder("learner", resolve="resolve", load="lambda resolved, device: Encoder()", pretrain="pretrain")
    site.lay("curator-learner", LEARNER + offer)
    for code, *command in ((130, "pretrain", "learner"), (0, "encode", "-e", "learner")):
        assert (ran := site.run(*command, code=UNMASKED)).code == code, ran
    for name in ("pretraining", "models"):
        made = modes(workspace / name)
        assert made["file"] == files and made["folder"] == folders, (name, made)
    assert [*(workspace / "pretraining").rglob("first")]


@pytest.mark.parametrize(("options", "folders"), [((), 0o700), (("--shared",), 0o750)])
def test_quarantine_is_read_by_nobody_else_and_files_there_keep_what_people_gave_them(
    sorted_out, tmp_path, options, folders
):
    workspace = sorted_out(*options, umask=0o000)
    below = tmp_path / "texts" / "below"
    below.mkdir(mode=0o755)
    shutil.copy(tmp_path / "texts" / "1.txt", below / "copy.txt")
    (tmp_path / "texts" / "1.txt").chmod(0o644)
    (below / "copy.txt").chmod(0o604)
    before = os.umask(0o022)
    try:
        for command in (("add", "texts"), ("dedupe", "--apply")):
            assert cli_kit.curator_here(*command).code == 0
        assert modes(workspace / "quarantine") == {"folder": {folders}, "file": {0o604}}
        below.rmdir()
        assert cli_kit.curator_here("undo").code == 0
        assert stat.S_IMODE(below.stat().st_mode) == 0o755  # people's own, as the umask says
    finally:
        os.umask(before)


def test_a_folder_that_is_there_keeps_what_it_lets_others_do(run, tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open" / "mine.txt").write_text("mine")
    assert run("init", "-w", "open").code == 0
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755
    assert "chmod -R go-rwx" in run("check", "-w", "open").err
    said = run("init", "-w", "open", "--shared").err
    assert "is already a workspace" in said and "chmod -R g+rX" in said


def test_what_may_not_be_read_is_not_called_damaged(run, sorted_out, tmp_path, obedient):
    workspace = sorted_out()
    held = [path for path in (workspace / "objects").rglob("*") if path.is_file()]
    held[0].chmod(0)
    ran = run("backup", "b.tar", before=obedient)
    ran.assert_ended(5, "1 object left out")
    assert "permission denied" in ran.err and "damaged" not in ran.err
    workspace.chmod(0)
    try:
        run("status", before=obedient).assert_failed(7, "cannot be looked into", "ask its owner")
    finally:
        workspace.chmod(0o700)
