"""The three ways of showing rows, and that what is in them is only shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import open_fake, picture, text

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


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("limit", "shown"), [(None, 30), (0, 30), (3, 3), (99, 30)])
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


def on_a_terminal(*command, cwd=None, columns="160"):
    """What a command writes to a terminal of its own: (stdout and stderr together, exit code)."""
    import pty

    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": columns, "LINES": "50", "TERM": "xterm-256color"}
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


def test_json_on_a_terminal_is_not_obeyed_either(workspace):
    said, _ = curator(workspace, "ls", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert len(rows) == 27
    assert "\x1b" not in said
    assert any(row["path"].endswith("esc\x1b]0;title\x07.png") for row in rows)
