"""`curator check`, as people meet it."""

from __future__ import annotations

import cli_kit


def test_what_is_wrong_is_listed_and_mended_on_request(run, tmp_path):
    folder = cli_kit.texts(tmp_path / "texts", 3)
    assert run("add", "texts").code == 0
    whole = run("check")
    assert (whole.code, whole.out) == (0, "everything is as the catalogue says\n")

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
