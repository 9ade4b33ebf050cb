"""Bad files: each is recorded with its reason, none stops a run, and the good ones beside them are catalogued."""

from __future__ import annotations

import codecs
import functools
import json
import os

import cli_kit
import pytest

REASONS = {
    "page.jpg": "not an image",
    "bomb.png": "decompression bomb",
    "zero.jpg": "0 bytes",
    "zero.txt": "0 bytes",
    "blank.txt": "only white space",
    "locked.jpg": "permission denied",
    "locked.txt": "permission denied",
    "locked": "permission denied",
    "loop.jpg": "loop of symbolic links",
    "dangling.jpg": "no such file",
    "pipe.jpg": "FIFO",
    "pipe.txt": "FIFO",
    "big.txt": "limit of 16 MB",
    "nul.txt": "NUL bytes",
    "latin.txt": "not a text in UTF-8",
    "odd16.txt": "not a text in UTF-8",
}

MARKUP = "[red]x[/red]\x1b[31m.jpg"  # the '/' makes a folder of the first part
NEWLINE = "two\nlines.jpg"
LATIN = os.fsdecode(b"caf\xe9.jpg")
PICTURES = {"good.jpg", "boxed.jpg", "照片.jpg", MARKUP, NEWLINE, LATIN}
TEXTS = {"gb.txt": "中文文本在这里", "marked.txt": "标记文本", "u16.txt": "十六位的文本", "utf8.txt": "plain 文本"}


def make_bad_folder(folder):
    """Every bad file beside good ones."""
    folder.mkdir()
    for seed, name in enumerate(sorted(PICTURES)):
        (folder / name).parent.mkdir(exist_ok=True)
        cli_kit.photo(os.fsencode(folder / name), seed)
    (folder / "boxed.txt").write_text("0 0.5 0.5 0.25 0.25\n3 0.1 0.2 0.3 0.4\n")
    for name, text in TEXTS.items():
        encoding = {"gb.txt": "gb18030", "marked.txt": "utf-8-sig", "u16.txt": "utf-16"}.get(name, "utf-8")
        (folder / name).write_bytes(text.encode(encoding))
    (folder / "page.jpg").write_text("<!doctype html><title>404</title>")
    cli_kit.bomb(folder / "bomb.png")
    for name in ("zero.jpg", "zero.txt"):
        (folder / name).touch()
    (folder / "blank.txt").write_text(" \n\t\n")
    cli_kit.photo(folder / "locked.jpg", 99)
    (folder / "locked.txt").write_text("nobody may read this")
    (folder / "locked").mkdir()
    cli_kit.photo(folder / "locked" / "inside.jpg", 98)
    for name in ("locked.jpg", "locked.txt", "locked"):
        (folder / name).chmod(0)
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "up").symlink_to("..")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.txt")
    (folder / "big.txt").write_bytes(b"word " * 4_000_000)
    (folder / "nul.txt").write_bytes(b"MZ\x90\0\3\0binary")
    (folder / "latin.txt").write_bytes("café au lait ".encode("latin-1") + b"\xff")
    (folder / "odd16.txt").write_bytes(codecs.BOM_UTF16_LE + b"a")
    (folder / "notes.pdf").write_text("neither image nor text")
    return folder


class Bad:
    """One folder of bad files, added once; the commands of these tests only read."""

    def __init__(self, base, obedient):
        self.base = base
        self.folder = make_bad_folder(base / "files")
        self.run = functools.partial(cli_kit.curator, cwd=base, before=obedient)
        self.added = self.run("add", "files", "--no-encode", "--json")

    def problems(self, ran):
        """Reason by path below the folder."""
        return {os.path.relpath(row["path"], self.folder): row["reason"] for row in ran.rows("problem")}

    @functools.cached_property
    def listed(self):
        """What `status --problems` says of the folder as it was added, by path below it."""
        return self.problems(self.run("status", "--problems", "--json"))

    @functools.cached_property
    def first_items(self):
        """`items` as it was added."""
        return self.items()

    def items(self):
        """Rows of `ls` by path below the folder."""
        return {os.path.relpath(row["path"], self.folder): row for row in self.run("ls", "--json").rows("item")}


@pytest.fixture(scope="module")
def bad(tmp_path_factory, obedient):
    bad = Bad(tmp_path_factory.mktemp("bad"), obedient)
    yield bad
    (bad.folder / "locked").chmod(0o700)


@pytest.mark.parametrize("name", REASONS)
def test_each_bad_file_is_one_row_with_its_reason(bad, name):
    assert REASONS[name] in bad.problems(bad.added)[name]
    assert REASONS[name] in bad.listed[name]


def test_nothing_else_is_a_problem_and_the_exit_code_says_that_some_failed(bad):
    assert bad.problems(bad.added).keys() == REASONS.keys()
    assert bad.added.row("added")["failed"] == len(REASONS)
    bad.added.assert_ended(5, f"{len(REASONS)} of", "curator status --problems")


def test_the_good_files_beside_them_are_catalogued(bad):
    items = bad.items()
    assert items.keys() == PICTURES | TEXTS.keys()
    assert all(items[name]["media"] == "image" for name in PICTURES)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_in_every_encoding_are_read_right(bad, name):
    assert bad.first_items[name]["text"] == TEXTS[name]


def test_adding_again_reads_none_of_them_again_and_tells_the_same(bad):
    again = bad.run("add", "files", "--no-encode", "--json")
    assert bad.problems(again) == bad.problems(bad.added)
    counts = again.row("added")
    assert (counts["decoded"], counts["added"]) == (0, 0)
    again.assert_ended(5)


def test_people_see_one_line_for_each_file_and_what_was_left_out(bad):
    shown = bad.run("add", "files", "--no-encode")
    shown.assert_ended(5)
    *lines, more = [line for line in shown.err.splitlines() if line.startswith("  ")]
    assert more == f"  … and {len(bad.problems(bad.added)) - 10} more"
    told = {os.path.relpath(path, bad.folder): reason for path, reason in (line[2:].split(": ", 1) for line in lines)}
    assert len(told) == len(lines) == 10
    assert all(REASONS[name] in reason for name, reason in told.items())
    assert "YOLO boxes" in shown.out and ".pdf" in shown.out and "a link to a folder" in shown.out


def test_names_are_shown_escaped_wherever_they_are_shown(bad):
    items = bad.items()
    commands = [("ls",), ("status", "--problems"), ("add", "files", "--no-encode"), ("log",)]
    commands += [("show", f"id:{items[name]['id']}") for name in (MARKUP, NEWLINE, LATIN)]
    commands += [("show", os.fsencode(bad.folder / name)) for name in (MARKUP, LATIN)]
    commands += [
        ("similar", os.fsencode(bad.folder / MARKUP), "--text", "x"),
        ("show", *map(os.fsencode, (MARKUP, LATIN))),
    ]
    shown = [bad.run(*command) for command in commands]
    for ran in shown:
        assert "\x1b" not in ran.out + ran.err
        assert "Traceback" not in ran.err
    assert r"[red]x[/red]\x1b[31m.jpg" in shown[0].out
    assert r"two\nlines.jpg" in shown[0].out
    assert r"caf\xe9.jpg" in shown[0].out
    assert "照片.jpg" in shown[0].out
    assert len(shown[0].out.splitlines()) == len(items)


def test_a_terminal_gets_no_escape_sequence_from_a_name(bad):
    code, shown = cli_kit.at_terminal("ls", cwd=bad.base, env={"COLUMNS": "200"})
    assert code == 0
    assert rb"[red]x[/red]\x1b[31m.jpg" in shown
    assert b"\x1b[31m" not in shown


def test_json_gives_the_very_bytes_of_a_name_back(bad):
    lines = bad.run("ls", "--json").out.splitlines()
    names = {os.fsencode(json.loads(line)["path"]) for line in lines}
    assert names == {os.fsencode(bad.folder / name) for name in PICTURES | TEXTS.keys()}
    assert not any("\x1b" in line for line in lines)


def test_a_file_that_may_be_read_now_is_tried_again(run, tmp_path, obedient):
    folder = cli_kit.texts(tmp_path / "texts", 2)
    (folder / "1.txt").chmod(0)
    inner = cli_kit.texts(folder / "inner", 1, "something else")
    inner.chmod(0)
    run("add", "texts", "--no-encode", before=obedient).assert_ended(5, "2 of 2")
    (folder / "1.txt").chmod(0o644)
    inner.chmod(0o755)
    again = run("add", "texts", "--no-encode", before=obedient)
    assert (again.code, again.err) == (0, "")
    assert len(run("ls", "--json").rows("item")) == 3
    assert run("status", "--problems", "--json").out == ""


def test_a_folder_that_may_not_be_read_now_does_not_lose_what_was_found_in_it(run, tmp_path, obedient):
    folder = cli_kit.texts(tmp_path / "texts", 1)
    inner = cli_kit.texts(folder / "inner", 2, "something else")
    run("add", "texts", "--no-encode")
    before = run("ls", "--json").out
    inner.chmod(0)
    ran = run("add", "texts", "--no-encode", before=obedient)
    inner.chmod(0o755)
    ran.assert_ended(5, "1 of 1")
    assert "gone" not in ran.out
    assert run("ls", "--json").out == before


def test_an_empty_folder_is_said_and_is_no_failure(run, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = run("add", "empty", "--no-encode")
    assert (ran.code, ran.out) == (0, "nothing to add: no image, no .txt and no row there\n")
    assert "catalogue is empty" in run("status").out


@pytest.mark.parametrize("name", ["page.jpg", "zero.jpg", "pipe.jpg", "bomb.png", "locked.jpg", "loop.jpg", "nul.txt"])
def test_a_bad_file_as_a_query_is_one_line(bad, name):
    bad.run("similar", f"files/{name}").assert_failed(2, f"'files/{name}'", REASONS[name])


def test_a_file_of_no_kind_that_curator_reads_is_refused_by_name(bad):
    before = bad.run("ls", "--json").out
    bad.run("add", "files/good.jpg", "files/notes.pdf", "--no-encode").assert_failed(2, "'files/notes.pdf'", ".txt")
    assert bad.run("ls", "--json").out == before


@pytest.mark.slow  # two processes that load torch
def test_a_truncated_picture_fails_once_at_embedding_and_again_only_when_asked(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    cli_kit.photo(folder / "good.jpg", 1)
    cli_kit.truncated_photo(folder / "cut.jpg", 2)

    first = run("add", "pictures", "--json")
    first.assert_ended(5, "1 of 2 files could not be used")
    assert (first.row("added")["added"], first.row("added")["encoded"]) == (2, 1)
    assert "truncated" in first.row("problem")["reason"]

    again = run("add", "pictures", "--json")
    assert (again.row("added")["encoded"], again.row("added")["decoded"]) == (0, 0)
    assert "loading" not in again.err
    problem = run("status", "--problems", "--json").row("problem")
    assert problem["path"] == str(folder / "cut.jpg") and "truncated" in problem["reason"]
    assert run("status", "--json").row("holding") == {
        **{"kind": "holding", "media": "image", "default": "efficientnet-lite0"},
        **{"items": 2, "embedded": 1, "failed": 1},
    }

    retried = run("encode", "--retry")
    retried.assert_ended(5, "1 item could not be embedded")
    assert "cut.jpg: cannot be decoded" in retried.err


def test_a_text_that_cannot_be_told_from_boxes_is_left_out_only_beside_its_picture(run, tmp_path):
    (tmp_path / "lone").mkdir()
    (tmp_path / "lone" / "numbers.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    assert run("add", "lone", "--no-encode").code == 0
    assert [row["text"] for row in run("ls", "--json").rows("item")] == ["0 0.5 0.5 0.25 0.25\n"]
