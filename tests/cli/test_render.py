"""The three ways of showing rows, and that what is in them is only shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cli_kit
import numpy as np
import pytest
from fakes import open_fake, picture, text
from PIL import Image

from curator.api import Column, Table
from curator.cli.render import Output

THINGS = Table(
    "thing",
    "Things",
    (
        Column("id", "number", "integer"),
        Column("score", "how near", "score"),
        Column("share", "how much", "percent"),
        Column("path", "where", "path"),
        Column("text", "body"),
        Column("labels", "which"),
    ),
)


def thing(n):
    of_all = {"score": 0.5, "share": 0.25, "path": Path("/a/b.png"), "text": "x\ty\nz", "labels": ["p", "q"]}
    return {"id": 1000 + n, **of_all}


def test_plain_is_tab_separated_whatever_the_values_hold(capsys):
    rows = [thing(0), {"id": 7, "path": Path("/tab\there\n.png"), "labels": ["a\tb"]}]
    assert Output().table(THINGS, rows) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t") for line in lines] == [
        ["1000", "0.500", "0.2500", "/a/b.png", "x y z", "p, q"],
        ["7", "", "", r"/tab\there\n.png", "", r"a\tb"],
    ]


def test_json_is_one_object_a_line_with_its_kind(capsys):
    output = Output(as_json=True)
    output.table(THINGS, [thing(0), thing(1)])
    output.line("a sentence for people")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"kind": "thing", **thing(n), "path": "/a/b.png"} for n in range(2)]


def test_numbers_and_arrays_of_numpy_are_shown_as_what_they_hold(capsys):
    row = {"id": np.int64(1234), "score": np.float32(0.5), "text": np.arange(3), "labels": np.array([])}
    Output().table(THINGS, [row])
    Output(as_json=True).table(THINGS, [row])
    plain, as_json = capsys.readouterr().out.splitlines()
    assert plain.split("\t") == ["1234", "0.500", "", "", "[0 1 2]", "[]"]
    lacking = {"path": None, "share": None}  # each row has all the keys of its table
    assert json.loads(as_json) == {
        "kind": "thing",
        "id": 1234,
        "score": 0.5,
        "text": [0, 1, 2],
        "labels": [],
        **lacking,
    }


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("limit", "shown"), [(None, 30), (0, 30), (3, 3), (99, 30), (10**20, 30)])
def test_limit_says_how_many_more_there_are(capsys, as_json, limit, shown):
    assert Output(as_json, limit).table(THINGS, map(thing, range(30))) == 30
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == shown
    assert said.err == ("27 more (--limit 0 shows all)\n" if shown == 3 else "")


def test_a_whole_table_is_never_cut(capsys):
    whole = Table("thing", "Things", THINGS.columns, whole=True)
    Output(limit=2).table(whole, map(thing, range(5)))
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_nothing_is_shown_for_no_rows(capsys):
    assert Output().table(THINGS, []) == 0
    assert capsys.readouterr().out == ""


# --- on a terminal ---


def on_a_terminal(*command, cwd=None, columns="160", env=None):
    """What a command writes to a terminal of its own: (stdout and stderr together, exit code)."""
    import pty

    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": columns, "LINES": "50", "TERM": "xterm-256color"} | (env or {})
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment, cwd=cwd)
    os.close(follower)
    said = b""
    while True:
        try:
            block = os.read(leader, 1 << 16)
        except OSError:  # how Linux says that the other end is closed
            break
        if not block:
            break
        said += block
    os.close(leader)
    return said.decode(), process.wait()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminal")
    picture(folder / "photos" / "[bold]red[ green].png", 1)
    picture(folder / "photos" / "esc\x1b]0;title\x07.png", 2)
    for n in range(25):
        text(folder / "photos" / f"{n:02}.txt", f"[link=http://x]text[/link] number {n} 一只猫")
    with open_fake(folder / "workspace") as ws:
        ws.add(folder / "photos", encode=False)
        ws.label("[red]cat[/red]", ["id:1", "id:2"])
    return folder


def curator(workspace, *arguments):
    code = "from curator.cli import main; main()"
    return on_a_terminal(sys.executable, "-c", code, *arguments, cwd=workspace)


def test_a_table_shows_what_looks_like_markup(workspace):
    said, code = curator(workspace, "ls", "--limit", "0")
    assert code == 0
    for literal in ("[bold]red[ green].png", "[red]cat[/red]", "[link=http://x]text[/link] number 24 一只猫"):
        assert literal in said
    # The only escapes are those that set the title and head in bold.
    assert set(re.findall(r"\x1b[^m]*m", said)) <= {"\x1b[1m", "\x1b[0m", "\x1b[1;3m", "\x1b[3m"}
    assert "\x1b]" not in said and "\x07" not in said
    assert r"esc\x1b]0;title\x07.png" in said


def test_a_terminal_shows_twenty_rows_and_how_many_more(workspace):
    said, _ = curator(workspace, "ls")
    assert "7 more (--limit 0 shows all)" in said
    assert len(re.findall(r"^ *\d+ +(?:image|text) ", said, re.MULTILINE)) == 20


# --- pictures on a terminal ---

PICTURES = """
import sys
from pathlib import Path
from curator.api import Column, Table
from curator.cli.render import Output

columns = (Column("id", "number", "integer"), Column("path", "where", "picture"))
rows = [{"id": number, "path": Path(name)} for number, name in enumerate(sys.argv[2:])]
Output(pictures=sys.argv[1] == "yes").table(Table("thing", "Things", columns, whole=True), rows)
"""

TRUE_COLOUR = {"COLORTERM": "truecolor", "PYTHONIOENCODING": "utf-8"}
BLOCKS = set("▀▌▚▘▝▖▗")


def pictures(folder, *names, show="yes", env=None):
    command = (sys.executable, "-c", PICTURES, show, *names)
    said, code = on_a_terminal(*command, cwd=folder, columns="60", env=TRUE_COLOUR | (env or {}))
    assert code == 0, said
    return said


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    with Image.new("RGB", (400, 200), "red") as image:
        image.paste("blue", (200, 0, 400, 200))
        image.save(folder / "halves.png")
        image.resize((20, 10)).save(folder / "很长的名字_small.png")
    (folder / "text.txt").write_text("no picture")
    return folder


def test_a_picture_stands_before_its_row_in_its_colours(photos):
    lines = pictures(photos, "halves.png").splitlines()
    drawn = [line for line in lines if BLOCKS & set(line)]
    assert all(line.index("255;0;0") < line.index("0;0;255") for line in drawn)
    # Twice as wide as high, and a cell is twice as high as wide.
    cells = [sum(character in BLOCKS for character in line) for line in drawn]
    assert len(set(cells)) == 1 and abs(cells[0] - 4 * len(cells)) < 2
    assert "halves.png" in "".join(drawn)


def test_a_small_picture_is_shown_as_large_as_the_others(photos):
    first, second = (
        sum(character in BLOCKS for character in pictures(photos, name)) for name in sorted(os.listdir(photos))[::2]
    )
    assert first == second > 0


def test_twenty_rows_have_small_pictures(photos):
    lines = pictures(photos, *["halves.png"] * 20).splitlines()
    assert len(lines) < 20 * 4 + 8
    few = pictures(photos, *["halves.png"] * 4).splitlines()
    assert len(few) > 4 * 4


@pytest.mark.parametrize(
    "more",
    [
        {"show": "no"},
        {"env": {"NO_COLOR": "1"}},
        {"env": {"TERM": "dumb"}},
        {"env": {"COLORTERM": ""}},
        {"env": {"PYTHONIOENCODING": "ascii:backslashreplace"}},
    ],
    ids=["--no-images", "NO_COLOR", "dumb", "256 colours", "ascii"],
)
def test_where_pictures_cannot_be_the_table_is_as_without(photos, more):
    said = pictures(photos, "halves.png", **more)
    assert not BLOCKS & set(said) and "48;2;" not in said
    assert len(said.splitlines()) == len(pictures(photos, "text.txt").splitlines())


def test_what_is_no_picture_leaves_its_cell_empty(photos):
    alone = pictures(photos, "text.txt", "gone.png")
    assert not BLOCKS & set(alone) and "gone.png" in alone
    beside = pictures(photos, "text.txt", "halves.png")
    assert BLOCKS & set(beside) and "text.txt" in beside


def test_pictures_are_for_terminals(photos, capsys):
    columns = (Column("path", "where", "picture"),)
    for output in (Output(), Output(as_json=True)):
        output.table(Table("thing", "Things", columns), [{"path": photos / "halves.png"}])
    plain, as_json = capsys.readouterr().out.splitlines()
    assert plain == str(photos / "halves.png") == json.loads(as_json)["path"]


@pytest.fixture(scope="module")
def noted(workspace):
    text(workspace / "notes" / "a.txt", "a text")
    assert curator(workspace, "add", "notes", "-w", "other")[1] == 0
    return workspace


def test_an_action_with_pictures_can_be_told_to_show_none(noted):
    assert "--no-images" in curator(noted, "similar", "--help")[0]
    said, code = curator(noted, "similar", "--text", "a text", "-w", "other", "--no-images")
    assert code == 0, said


def test_json_on_a_terminal_is_not_obeyed_either(workspace):
    said, _ = curator(workspace, "ls", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert len(rows) == 27
    assert "\x1b" not in said
    assert any(row["path"].endswith("esc\x1b]0;title\x07.png") for row in rows)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_crash_and_costs_nothing(tmp_path, run, closed):
    cli_kit.texts(tmp_path / "notes", 3)
    done = subprocess.run(
        f"{cli_kit.CURATOR} add notes {closed}",
        shell=True,
        cwd=tmp_path,
        env=cli_kit.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done
    assert len(run("ls", "--json").rows("item")) == 3 and run("check").code == 0
