"""`curator review` as a process at a terminal and without one: what is answered stays, whatever happens then."""

from __future__ import annotations

import random
import re
import signal
import subprocess

import cli_kit
import pytest

import curator
from curator.api import Ask, Item, TargetRef
from curator.cli import asking
from curator.running.dialogue import Standing, Step

KEYS = "q(uit): "
OTHERS = ["garden", "silver", "letter", "winter", "orange", "bridge", "doctor", "river", "window", "copper", "paper"]
TRUE_COLOUR = {"COLORTERM": "truecolor"}


@pytest.fixture
def texts(tmp_path):
    """Sixteen texts about cats and sixteen about stocks, no two versions of one; two of each labelled for `cats`."""
    rng = random.Random(0)
    for about, words in {"cats": "the cat purrs and sleeps", "stocks": "shares fell on the market"}.items():
        (tmp_path / "notes" / about).mkdir(parents=True)
        for number in range(16):
            (tmp_path / "notes" / about / f"{number}.txt").write_text(f"{words}; {' '.join(rng.sample(OTHERS, 5))}")
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        workspace.add(tmp_path / "notes")
        for about, value in (("cats", True), ("stocks", False)):
            workspace.label("cats", [tmp_path / "notes" / about / f"{number}.txt" for number in (0, 1)], value)
    return tmp_path


@pytest.fixture
def at_terminal(texts):
    started = []

    def start(*args, **more):
        started.append(cli_kit.AtTerminal("review", *args, cwd=texts, **more))
        return started[-1]

    yield start
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.kill()


def truth(shown):
    """What a person who reads the question says, and the item that it is about."""
    (path,) = re.findall(r"notes/(cats|stocks)/\d+\.txt", shown)
    (item,) = re.findall(r"^id:(\d+)", shown, re.MULTILINE)
    return ("y" if path == "cats" else "n"), int(item)


def answer(terminal, typed=None):
    """Read a question and answer it, truly unless told otherwise; returns the item."""
    said, item = truth(terminal.until(KEYS))
    terminal.type(typed or said)
    return item


def counts(folder):
    """How many are said to be `cats`, and not to be."""
    with curator.open_workspace(folder / "workspace") as workspace:
        negative, positive = workspace.labels.examples(workspace.labels.target("cats")).counts
    return positive, negative


def test_a_session_asks_labels_fits_anew_and_ends_at_its_count(at_terminal, texts, run):
    terminal = at_terminal("--label", "cats", "--count", "7", "--batch", "3")
    seen, items, said = [], [], []
    for _ in range(7):
        seen.append(terminal.until(KEYS))
        typed, item = truth(seen[-1])
        terminal.type(typed)
        items.append(item)
        said.append(typed)
    code, rest = terminal.end()
    assert code == 0 and len(set(items)) == 7
    assert [shown.count("fitting a logistic head") for shown in seen] == [1, 0, 0, 1, 0, 0, 1]
    assert "1 of 7 · 2 cats, 2 not cats · held out: average precision" in seen[0]
    assert re.search(r"is it cats\?  \d+\.\d % · among the least sure", seen[0])
    assert re.search(r"4 of 7 · .*held out: average precision \d\.\d+ -> \d\.\d+ on 7 items", seen[3])
    assert f"7 answers ({said.count('y')} yes, {said.count('n')} no)" in rest and "nothing found" not in rest
    assert counts(texts) == (2 + said.count("y"), 2 + said.count("n"))
    assert run("undo").code == 0
    assert counts(texts) == (2, 2)


def test_back_corrects_skip_leaves_out_enter_keeps_and_what_is_none_of_these_is_asked_again(at_terminal, texts):
    terminal = at_terminal("--label", "cats")
    first = answer(terminal, "y")
    answer(terminal, "skip")
    shown = terminal.until(KEYS)
    assert truth(shown) and "2 of 20" in shown  # a skipped one does not count
    terminal.type("maybe")
    assert "y for yes, n for no" in terminal.until(KEYS)
    terminal.type("b")
    assert "Enter for skipped" in terminal.until(KEYS)
    terminal.type("back")
    shown = terminal.until(KEYS)
    assert f"id:{first}" in shown and "Enter for yes" in shown
    terminal.type("b")
    assert "this is the first question" in terminal.until(KEYS)
    terminal.type("no")
    second = truth(terminal.until(KEYS))[1]
    terminal.type("")
    third = truth(terminal.until(KEYS))[1]
    terminal.type("q")
    code, rest = terminal.end()
    assert code == 0 and "1 answer (0 yes, 1 no, 1 skipped)" in rest
    assert counts(texts) == (2, 3)
    later = at_terminal("--label", "cats", "--count", "0", "--batch", "30")
    asked = set()
    for _ in range(27):
        asked.add(answer(later))
    code, rest = later.end()
    assert {second, third} <= asked and first not in asked  # it goes on with what is left, the skipped one too
    assert code == 0 and "nothing is left to ask" in rest
    assert "there is nothing to ask" in at_terminal("--label", "cats").end()[1]


def test_the_end_of_input_is_to_quit(at_terminal, texts):
    terminal = at_terminal("--label", "cats")
    answer(terminal, "y")
    terminal.until(KEYS)
    terminal.type("\x04", enter="")
    code, rest = terminal.end()
    assert code == 0 and "1 answer (1 yes, 0 no)" in rest
    assert counts(texts) == (3, 2)


def test_an_interrupt_keeps_what_was_answered(at_terminal, texts, run):
    terminal = at_terminal("--label", "cats")
    answer(terminal, "y")
    terminal.until(KEYS)
    terminal.type("\x03", enter="")
    code, rest = terminal.end()
    assert code == 130 and "Error: interrupted: what was done is kept" in rest and "Traceback" not in rest
    assert counts(texts) == (3, 2)
    assert run("undo").code == 0
    assert counts(texts) == (2, 2)


def test_a_kill_loses_nothing_that_was_answered(at_terminal, texts, run):
    terminal = at_terminal("--label", "cats")
    for typed in "yyn":
        answer(terminal, typed)
    terminal.until(KEYS)
    terminal.process.send_signal(signal.SIGKILL)
    assert terminal.end()[0] == -signal.SIGKILL
    assert counts(texts) == (4, 3)
    assert run("check").code == 0
    assert run("undo").code == 0
    assert counts(texts) == (2, 2)


def test_the_workspace_is_free_while_a_person_thinks(at_terminal, run):
    terminal = at_terminal("--label", "cats")
    answer(terminal, "y")
    terminal.until(KEYS)
    other = run("label", "dogs", "notes/stocks/3.txt")
    assert (other.code, "waiting" in other.err) == (0, False)
    terminal.type("y")
    terminal.until(KEYS)
    terminal.type("q")
    assert terminal.end()[0] == 0
    assert [row["command"] for row in run("log", "--json").rows("run")][:3] == ["review", "label", "review"]


def test_of_a_group_by_number_by_name_and_a_new_one(texts, run):
    with curator.open_workspace(texts / "workspace") as workspace:
        for about in ("cats", "stocks"):
            workspace.label(about, [texts / "notes" / about / f"{number}.txt" for number in range(12)], group="kind")
    terminal = cli_kit.AtTerminal("review", "--group", "kind", cwd=texts)
    shown = terminal.until(KEYS)
    assert "which kind is it?" in shown and "labelled, of 2 labels" in shown
    (offered,) = re.findall(r"1 (cats|stocks)   2 (cats|stocks)", shown)
    ids = []
    for typed, told in (("stoks", "did you mean stocks?"), ("7", "no label '7'"), ("", "a number of those above")):
        terminal.type(typed)
        assert told in terminal.until(KEYS)
    ids.append(truth(shown)[1])
    terminal.type("2")
    ids.append(truth(terminal.until(KEYS))[1])
    terminal.type("STOCKS")
    ids.append(truth(terminal.until(KEYS))[1])
    terminal.type("+狗")
    terminal.until(KEYS)
    terminal.type("q")
    assert terminal.end()[0] == 0
    rows = {row["id"]: row["labels"] for row in run("ls", "--json").rows("item")}
    assert [rows[item] for item in ids] == [[offered[1]], ["stocks"], ["狗"]]


def test_a_picture_is_shown_where_the_terminal_can(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        cli_kit.photo(tmp_path / "photos" / f"{number}.jpg", number)
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        # Contradictions are asked about before anything has to be embedded.
        workspace.add(tmp_path / "photos", label="noise", encode=False)
        workspace.add(tmp_path / "photos", not_label="noise", encode=False)
    (tmp_path / "photos" / "2.jpg").unlink()
    for more, drawn in (((), True), (("--no-images",), False)):
        options = ("--label", "noise", "--batch", "3", *more)
        terminal = cli_kit.AtTerminal("review", *options, cwd=tmp_path, env=TRUE_COLOUR)
        for number in range(3):
            shown = terminal.until(KEYS)
            assert f"{number}.jpg" in shown and "two things are said of it" in shown
            assert ("(its file is gone)" in shown) is (number == 2)
            assert ("\x1b[38;2;" in shown) is (drawn and number != 2)  # of a file that is gone there is nothing to show
            terminal.type("s" if number < 2 else "q")
        assert terminal.end()[0] == 0


CHOICES = ("cat", "Dog", "狗", "s")


@pytest.mark.parametrize(
    ("typed", "choices", "meant"),
    [
        ("2\n", CHOICES, "Dog"),
        ("dog\n", CHOICES, "Dog"),
        (" 狗 \r\n", CHOICES, "狗"),
        ("+fox\n", CHOICES, "fox"),
        ("+s\n", CHOICES, "s"),
        ("s\n", CHOICES, None),
        ("n\n", CHOICES, False),
        ("None\n", CHOICES, False),
        ("n\n", ("N", "cat"), "N"),  # where a label is called so, it is meant
        ("none\n", ("N", "cat"), False),
        ("none\n", ("none", "cat"), "none"),
        ("no\n", CHOICES, "no label 'no'"),
        ("back\n", CHOICES, Step.BACK),
        ("", CHOICES, Step.QUIT),
        ("7\n", ("3", "7"), "7"),  # labels that are numbers are not offered by number
        ("1\n", ("3", "7"), "no label '1'"),
        ("e\u0301\n", ("é",), "é"),
        ("5\n", CHOICES, "no label '5'"),
        ("\x1b[A\n", CHOICES, "a name cannot have"),
        ("+\n", CHOICES, "no label '+'"),
        ("\n", CHOICES, "a number of those above"),
    ],
)
def test_what_a_line_means_where_several_labels_are_offered(typed, choices, meant):
    ask = Ask(Item(1, "", "text", None, "a text"), TargetRef("group", 1, "kind"), "which kind is it?", choices)
    said = asking._understood(typed, ask, Standing(2, None, False, {}, None, None, False, None))
    assert said == meant or str(meant) in getattr(said, "reason", ())


@pytest.mark.parametrize(
    ("choices", "shown"),
    [(CHOICES, " n(one of these), s(kip)"), (("n", "cat"), " none (of these), s(kip)"), (("n", "none"), "one, s(kip)")],
)
def test_the_prompt_says_how_to_answer_none_of_these(choices, shown):
    ask = Ask(Item(1, "", "text", None, "a text"), TargetRef("group", 1, "kind"), "which kind is it?", choices)
    assert shown in asking._keys(ask, Standing(2, None, False, {}, None, None, False, None))


def test_what_is_none_of_a_group_is_not_asked_about_again_until_it_has_another_label(texts, run):
    with curator.open_workspace(texts / "workspace") as workspace:
        for about in ("cats", "stocks"):
            workspace.label(about, [texts / "notes" / about / f"{number}.txt" for number in range(15)], group="kind")
    terminal = cli_kit.AtTerminal("review", "--group", "kind", cwd=texts)
    item = truth(terminal.until(KEYS))[1]
    terminal.type("n")
    other = truth(terminal.until(KEYS))[1]
    terminal.type("q")
    code, rest = terminal.end()
    assert code == 0 and "1 answer (1 none of these)" in rest
    assert {item, other} == {row["id"] for row in run("ls", "--json").rows("item") if row["path"].endswith("/15.txt")}
    assert [row["id"] for row in run("review", "--group", "kind", "--json").rows("question")] == [other]
    assert [row["id"] for row in run("classify", "--group", "kind", "--json").rows("prediction")] == [other]
    run("label", "dogs", "notes/cats/1.txt", "notes/cats/2.txt", "--group", "kind")
    assert {row["id"] for row in run("review", "--group", "kind", "--json").rows("question")} == {item, other}


# --- without a terminal ---


def test_without_a_terminal_it_says_what_to_do(texts, run):
    run("review", "--label", "cats").assert_failed(2, "asks its questions at a terminal", "--json", "curator label")


def test_a_script_reads_the_questions_and_answers_with_label(texts, run):
    for _ in range(2):
        asked = run("review", "--label", "cats", "--json", "--batch", "2")
        rows = asked.rows("question")
        assert asked.code == 0 and len(rows) == 2
        for row in rows:
            columns = ("id", "path", "text", "row", "question", "choices", "probability", "why", "target")
            assert set(row) == {"kind", *columns}
            assert (row["target"], row["choices"], row["question"]) == ("label:cats", [], "is it cats?")
            more = [] if "cat" in row["text"] else ["--negative"]
            assert run("label", "cats", *more, f"id:{row['id']}").code == 0
    assert sum(counts(texts)) == 4 + 4


def test_names_that_are_none_and_nothing_to_learn_from(texts, run):
    run("review", "--label", "cat", "--json").assert_failed(3, "no label 'cat'", "did you mean 'cats'?")
    run("review", "--group", "kinds", "--json").assert_failed(3, "no group 'kinds'")
    run("review", "--json").assert_failed(2, "give either --label NAME or --group NAME")
    run("review", "--label", "cats", "--json", "-e", "ngrm").assert_failed(3, "ngrm")
    run("review", "--label", "cats", "--json", "--batch", "0").assert_failed(2, "--batch")
    run("review", "--label", "cats", "--json", "--count", "-1").assert_failed(2, "--count")
    asked = run("review", "--label", "cats", "--json", "--under", "notes/cats/0.txt")
    assert (asked.code, asked.out) == (0, "") and asked.err.endswith("there is nothing to ask\n")  # all is labelled


def test_what_is_not_embedded_yet_is_embedded_where_that_is_quick(tmp_path, run):
    cli_kit.texts(tmp_path / "notes", 3)
    assert run("add", "notes", "--no-encode").code == 0 and run("label", "x", "notes/1.txt").code == 0
    asked = run("review", "--label", "x", "--json")
    assert asked.code == 0 and len(asked.rows("question")) == 2, asked


def test_what_contradicts_itself_is_asked_first_and_the_answer_settles_it(tmp_path, run):
    for folder in ("a", "b"):
        cli_kit.texts(tmp_path / "notes" / folder, 4, folder)
        (tmp_path / "notes" / folder / "both.txt").write_text("one text in two folders")
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        workspace.add(tmp_path / "notes", labels_from_folders=True, group="kind")
    (row,) = run("review", "--group", "kind", "--json").rows("question")
    assert (row["why"], row["text"], row["choices"]) == (
        "two things are said of it",
        "one text in two folders",
        ["a", "b"],
    )
    terminal = cli_kit.AtTerminal("review", "--group", "kind", cwd=tmp_path)
    terminal.until(KEYS)
    terminal.type("b")  # a label of that name would have to be picked by its number
    terminal.until(KEYS)
    terminal.type("2")
    assert "nothing is left to ask" in terminal.end()[1]
    assert [r["conflicts"] for r in run("status", "--json").rows("label")] == [0, 0]


def test_a_pipe_that_is_closed_early_is_no_crash(texts):
    command = f"{cli_kit.CURATOR} review --label cats --json --batch 20 | head -1"
    done = subprocess.run(command, shell=True, cwd=texts, env=cli_kit.environment(), capture_output=True, text=True)
    assert done.stdout.count("\n") == 1 and "Traceback" not in done.stderr
