"""`curator check`, as people meet it."""

from __future__ import annotations

import contextlib
import sqlite3

import cli_kit
import pytest


def test_what_is_wrong_is_listed_and_mended_on_request(run, tmp_path):
    folder = cli_kit.texts(tmp_path / "texts", 3)
    assert run("add", "texts").code == 0
    whole = run("check")
    assert (whole.code, whole.out) == (0, "no faults: everything matches the catalogue\n")

    sorted(folder.iterdir())[0].unlink()
    told = run("check", "--json")
    told.assert_ended(5, "1 fault left: curator check --repair mends 1 of them")
    fault = told.row("fault")
    assert (fault["part"], fault["wrong"], fault["repaired"], fault["repairable"]) == ("file", "is gone", False, True)

    mended = run("check", "--repair")
    assert mended.code == 0 and "1 fault repaired" in mended.out and "is gone" in mended.out
    assert run("check").code == 0
    assert run("log", "--json").rows("run")[0]["command"] == "check"


def test_what_cannot_be_mended_stays_a_fault(run, tmp_path):
    folder = cli_kit.texts(tmp_path / "texts", 2)
    assert run("add", "texts").code == 0
    sorted(folder.iterdir())[0].write_text("something else was written here")
    run("check", "--repair").assert_ended(5, "1 fault left")
    run("check", "-w", "nowhere").assert_ended(3, "no workspace at")


@pytest.mark.parametrize(
    ("database", "table", "cure"),
    [
        ("catalogue.db", "place", "restore it from a backup"),
        ("derived.db", "vector", "`curator encode` fills it again"),
    ],
)
def test_a_damaged_page_is_a_fault_with_its_cure_and_stops_nothing(run, tmp_path, database, table, cure):
    folder = cli_kit.texts(tmp_path / "texts", 2)
    assert run("add", "texts").code == 0
    (folder / "1.txt").unlink()
    cli_kit.damage_page(tmp_path / "workspace" / database, table)
    told = run("check", "--json")
    told.assert_ended(5, "left")
    first, *others = told.rows("fault")
    assert (first["part"], first["which"], first["repairable"]) == ("database", database, False)
    assert cure in first["remedy"]
    assert ("is gone" in [fault["wrong"] for fault in others]) is (database == "derived.db")


def test_a_repair_that_fails_is_said_and_the_others_are_done(run, tmp_path, obedient):
    folder = cli_kit.texts(tmp_path / "texts", 2)
    assert run("add", "texts").code == 0
    (folder / "1.txt").unlink()
    closed, open_ = (tmp_path / "workspace" / "objects" / name for name in ("aa", "bb"))
    for objects in (closed, open_):
        objects.mkdir(parents=True)
        (objects / "tmp1").touch()
    closed.chmod(0o555)
    try:
        told = run("check", "--repair", "--json", before=obedient)
    finally:
        closed.chmod(0o755)
    line = told.assert_ended(5, "1 fault left")
    assert "--repair" not in line, "it was tried"
    (failed,) = (fault for fault in told.rows("fault") if not fault["repaired"])
    assert failed["which"] == "tmp1" and "not repaired: permission denied" in failed["wrong"]
    assert len(told.rows("fault")) == 3 and not (open_ / "tmp1").exists() and (closed / "tmp1").exists()
    assert run("check", "--repair").code == 0


def test_a_row_that_lacks_two_others_is_one_fault(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 1)
    assert run("add", "texts", "--label", "x").code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "workspace" / "catalogue.db")) as catalogue:
        catalogue.execute("DELETE FROM item")
        catalogue.execute("DELETE FROM label")
        catalogue.commit()
    told = {fault["which"]: fault["wrong"] for fault in run("check", "--json").rows("fault")}
    assert told["row 1 of statement"] == "refers to a row of item that is gone; refers to a row of label that is gone"
    assert len(told) == len(run("check", "--json").rows("fault"))


def test_a_link_where_curator_keeps_things_is_named_and_left(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 2)
    (tmp_path / "texts" / "copy.txt").write_bytes((tmp_path / "texts" / "1.txt").read_bytes())
    assert run("add", "texts").code == 0 and run("dedupe", "--apply").code == 0 and run("check").code == 0
    links = {
        name: tmp_path / "workspace" / name
        for name in (
            "quarantine/more",
            "quarantine/9/deep/er",
            "objects/aa",
            "objects/bb/cc",
            "models/x",
            "pretraining",
        )
    }
    for number, link in enumerate(links.values()):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / ("texts/1.txt" if number == 1 else "texts" if number else "not there"))
    told = run("check", "--repair", "--json")
    told.assert_ended(5, f"{len(links)} faults left")
    assert {row["which"] for row in told.rows("fault")} == {str(link) for link in links.values()}
    assert all("is a symbolic link" in row["wrong"] and not row["repairable"] for row in told.rows("fault"))
    assert all(link.is_symlink() for link in links.values())
