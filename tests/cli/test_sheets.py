"""Sheets from the command line, and files that a third party's action makes."""

from __future__ import annotations

import json

import pytest
from cli_kit import kind_of, texts
from plugin_kit import Site, action


@pytest.fixture
def notes(run, tmp_path):
    texts(tmp_path / "notes", 4)
    (tmp_path / "notes" / "猫.txt").write_text("一只猫", encoding="utf-8")
    assert run("add", "notes").code == 0
    return tmp_path


def test_a_sheet_is_one_line_on_stderr_and_no_row(run, notes):
    ran = run("similar", "--text", "text number 2", "-k", "2", "--sheet", "out.png", "--json")
    assert ran.code == 0
    assert len(ran.rows("neighbour")) == 2
    assert ran.err.splitlines()[-1] == f"wrote {notes / 'out.png'}"
    assert kind_of(notes / "out.png") == "PNG"


def test_it_needs_force_to_write_over_a_file(run, notes):
    (notes / "out.webp").write_text("mine")
    command = ("similar", "id:1", "--sheet", "out.webp")
    run(*command).assert_failed(2, "'out.webp'", "exists", "--force")
    assert (notes / "out.webp").read_text() == "mine"
    assert run(*command, "--force").code == 0
    assert kind_of(notes / "out.webp") == "WEBP"


def test_what_cannot_be_written_is_said_in_one_line(run, notes):
    before = sorted(notes.rglob("*.txt"))
    run("similar", "id:1", "--sheet", "out.gif").assert_failed(2, "'out.gif'", ".png")
    run("similar", "id:1", "--sheet", "no/out.png").assert_failed(3, "'no'")
    run("similar", "id:1", "--sheet", "workspace/out.png").assert_failed(2, "lies in the workspace")
    run("similar", "id:1", "--sheet", "notes/1.txt", "--force").assert_failed(2, "ends in")
    assert sorted(notes.rglob("*.txt")) == before


def test_a_read_only_folder_is_said_before_the_work_begins(run, notes, obedient):
    (notes / "fixed").mkdir(mode=0o555)
    ran = run("similar", "--text", "a", "--sheet", "fixed/out.png", before=obedient)
    ran.assert_failed(2, "'fixed/out.png'", "permission denied")


def test_classify_shows_its_bands(run, notes):
    for name, value in {"1": (), "2": (), "3": ("--negative",), "4": ("--negative",)}.items():
        run("label", "good", *value, f"notes/{name}.txt")
    ran = run("classify", "--label", "good", "--sheet", "out.png", "--json")
    assert ran.code == 0 and kind_of(notes / "out.png") == "PNG"
    assert len(ran.rows("prediction")) == 1
    run("label", "good", "notes/猫.txt")
    ran = run("classify", "--label", "good", "--sheet", "none.png")
    assert ran.code == 0 and "no sheet was made" in ran.err
    assert not (notes / "none.png").exists()


# --- a third party's ---

PARAMS = "out: Annotated[NewFile, Option(help='where', choices=('.csv',))]"

GOOD = """
def render(file):
    file.write(b"id\\n1\\n")

def plan(context, params):
    context.note("planning")
    yield Artifact(params.out, render)
"""


@pytest.fixture
def site(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    (site.folder / "a.txt").write_text("a text")
    assert site.run("add", "a.txt").code == 0
    return site


def test_an_action_of_somebody_else_makes_a_file(site):
    site.lay("tabulate", GOOD + action("tabulate", PARAMS, plan="plan"))
    assert "--force" in site.run("tabulate", "--help").out
    ran = site.run("tabulate", "--out", "rows.csv")
    assert (ran.code, (site.folder / "rows.csv").read_bytes()) == (0, b"id\n1\n")
    ran = site.run("tabulate", "--out", "rows.csv")
    assert ran.code == 2 and "planning" not in ran.err
    assert site.run("tabulate", "--out", "rows.png").code == 2


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("yield Artifact(params.out, lambda file: 1 / 0)", "failed at drawing the file of tabulate: "),
        ("yield Artifact(str(params.out), render)", "Artifact: path is str"),
        ("yield Artifact(params.out, 'text')", "Artifact: render is str"),
    ],
)
def test_what_it_does_wrong_names_the_plugin(site, plan, words):
    site.lay("tabulate", GOOD + action("tabulate", PARAMS, plan="plan") + f"\ndef plan(context, params):\n    {plan}\n")
    ran = site.run("tabulate", "--out", "rows.csv")
    assert ran.code == 6 and "plugin 'tabulate'" in ran.err and words in ran.err
    assert sorted(path.name for path in site.folder.iterdir()) == ["a.txt", "workspace"]


def test_a_file_that_it_chose_itself_is_held_to_the_same(site):
    site.lay(
        "wild",
        action("wild", plan="plan") + "\ndef plan(context, params):\n    import pathlib\n"
        "    yield Artifact(pathlib.Path('a.txt'), lambda file: file.write(b'gone'))\n",
    )
    ran = site.run("wild", "--json")
    assert ran.code == 2 and "is a catalogued file" in ran.err
    assert (site.folder / "a.txt").read_text() == "a text"


def test_a_full_disk_is_not_the_plugins_fault(site):
    full = "\ndef plan(context, params):\n    def render(file):\n        raise OSError(28, 'No space left on device')\n"
    site.lay("tabulate", action("tabulate", PARAMS, plan="plan") + full + "    yield Artifact(params.out, render)\n")
    ran = site.run("tabulate", "--out", "rows.csv")
    assert ran.code == 1 and ran.err.startswith("Error: cannot write ") and "no space left" in ran.err
    assert json.loads(site.run("log", "--json", "--limit", "1").out)["command"] == "add"
