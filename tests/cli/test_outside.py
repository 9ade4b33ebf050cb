"""Links and rows of tables lead out of what was added: that is catalogued, and never moved."""

from __future__ import annotations

import os
import shutil

import pytest
from cli_kit import contents, photo


@pytest.fixture
def private(tmp_path):
    """A folder that nobody adds, of two copies of a picture."""
    folder = tmp_path / "private"
    folder.mkdir()
    photo(folder / "x.png", 1)
    shutil.copy(folder / "x.png", folder / "y.png")
    return folder


def by_a_table(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/t.csv").write_text("picture\n../private/x.png\n../private/y.png\n")
    return "tables/t.csv", "--image-column", "picture"


def by_links(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("x.png", "y.png"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "private" / name)
    return ("photos",)


def test_what_a_row_leads_to_is_catalogued_and_never_moved(run, tmp_path, private):
    assert run("add", *by_a_table(tmp_path), "--no-encode").code == 0
    before = contents(private)
    for apply in ((), ("--apply",)):
        done = run("dedupe", *apply, "--json")
        assert [row["do"] for row in done.rows("duplicate")] == ["keep", "go"]
        assert done.code == 0 and done.err.count("\n") == 1, done
        assert "1 file outside of what was added (a link or a row of a table led there) will not be moved" in done.err
        assert str(private / "y.png") in done.err
        assert contents(private) == before
    # Added itself, it may be moved, also where the catalogue has nothing new to record.
    assert run("add", "private", "--no-encode").code == 0
    assert run("dedupe", "--apply").code == 0
    assert sorted(os.listdir(private)) == ["x.png"]
    assert run("undo").code == 0
    assert contents(private) == before


def test_what_a_link_leads_to_is_catalogued_and_stays_as_long_as_there_is_a_link(run, tmp_path, private):
    """Moved, it would leave a link that leads nowhere, whoever added the folder in which it lies."""
    assert run("add", *by_links(tmp_path), "--no-encode").code == 0
    before = contents(private)
    for added in ((), ("private",)):
        assert not added or run("add", *added, "--no-encode").code == 0
        done = run("dedupe", "--apply", "--json")
        assert [row["do"] for row in done.rows("duplicate")] == ["keep", "stay"]
        assert contents(private) == before
    (tmp_path / "photos" / "y.png").unlink()
    assert run("dedupe", "--apply").code == 0
    assert sorted(os.listdir(private)) == ["x.png"]


def test_what_was_taken_back_is_not_added_any_more(run, tmp_path, private):
    assert run("add", *by_a_table(tmp_path), "--no-encode").code == 0
    assert run("add", "private", "--no-encode").code == 0
    photo(private / "new.png", 2)
    assert run("add", "private", "--no-encode").code == 0
    assert run("undo").code == 0 and run("log", "--json").rows("run")[1]["command"] == "add"
    assert "would go to quarantine" in run("dedupe").err


def test_of_a_table_its_own_folder_counts_as_added(run, tmp_path, private):
    shutil.move(private, tmp_path / "tables")
    (tmp_path / "tables/t.csv").write_text("picture\nx.png\ny.png\n")
    assert run("add", "tables/t.csv", "--image-column", "picture", "--no-encode").code == 0
    assert run("dedupe", "--apply").code == 0
    assert not (tmp_path / "tables/y.png").exists()
