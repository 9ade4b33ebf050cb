"""What holds for the options and arguments of every command, those of actions too."""

from __future__ import annotations

import re

import cli_kit
import click
import pytest

import curator
from curator.cli import cli

TOO_LARGE = str(2**63)


def commands(group, path=()):
    """Every command, with the words that name it."""
    context = click.Context(group, info_name="curator")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = {" ".join(words): command for words, command in commands(cli)}

NUMBERS = [
    pytest.param(words, command, parameter, id=f"{words} {parameter.name}")
    for words, command in EVERY.items()
    for parameter in command.params
    if isinstance(parameter.type, click.types.IntParamType) and (parameter.name != "limit" or words == "ls")
]
"""`--limit` is one option of all that take it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("options")
    cli_kit.texts(base / "texts", 6)
    with curator.open_workspace(base / "workspace", create=True) as workspace:
        workspace.add(base / "texts")
        workspace.label("x", [1, 2])
        workspace.label("x", [3, 4], False)
    return base


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return folder


def line(parameter, value, command):
    """Words for a command: a number for one parameter, something for what else is required or asked for."""
    options, arguments = [], []
    names = {other.name for other in command.params}
    for other in command.params:
        if other is parameter:
            given = value
        elif other.name == "json" or (other.name == "label" and "group" in names):
            given = "x"
        else:
            given = "id:1" if other.required or other.name == "query" else None
        if given is not None and isinstance(other, click.Option):
            options += [other.opts[-1]] if other.is_flag else [other.opts[-1], given]
        elif given is not None:
            arguments.append(given)
    return [*options, "--", *arguments]


@pytest.mark.parametrize(("words", "command", "parameter"), NUMBERS)
def test_no_number_is_too_large_to_be_told_so(here, words, command, parameter):
    ran = cli_kit.curator_here(*words.split(), *line(parameter, TOO_LARGE, command))
    if ran.code:
        ran.assert_ended(ran.code)
    assert ran.code in (0, 2, 3, 4, 5), ran


def test_so_many_answers_or_rows_are_as_many_as_there_are(run, folder):
    of = ("-w", str(folder / "workspace"), "--json")
    asked = run("review", "--label", "x", "--count", TOO_LARGE, *of)
    assert len(asked.rows("question")) == 2, asked
    assert len(run("ls", "--limit", TOO_LARGE, *of).rows("item")) == 6


@pytest.mark.parametrize("words", EVERY)
def test_what_may_be_left_out_stands_in_brackets(words):
    command = EVERY[words]
    context = click.Context(command, info_name=words)
    for argument in command.params:
        if isinstance(argument, click.Argument):
            shown = argument.make_metavar(context)
            assert shown.startswith("[") is not argument.required, shown


def test_a_group_of_commands_alone_shows_its_help(run):
    alone, asked = run("quarantine"), run("quarantine", "--help")
    assert (alone.code, alone.out) == (2, "")
    assert alone.err == asked.out


def test_progress_says_which_time_is_which(tmp_path):
    cli_kit.texts(tmp_path / "texts", 3)
    code, shown = cli_kit.at_terminal("add", "texts", cwd=tmp_path)
    assert code == 0
    assert b" elapsed, " in shown and b" left" in shown


# --- what an option says is what it does ---


def test_a_limit_that_is_given_cuts_also_what_another_option_counts(run, folder):
    of = ("-w", str(folder / "workspace"))
    few = run("similar", "id:1", "-k", "4", "--limit", "2", "--json", *of)
    assert (len(few.rows("neighbour")), few.err) == (2, "2 more (--limit 0 shows all)\n")
    assert len(run("similar", "id:1", "-k", "4", "--json", *of).rows("neighbour")) == 4
    assert len(run("similar", "id:1", "-k", "4", "--limit", "0", "--json", *of).rows("neighbour")) == 4


def test_a_terminal_shows_as_many_as_were_asked_for(tmp_path):
    cli_kit.texts(tmp_path / "texts", 30)
    cli_kit.curator("add", "texts", cwd=tmp_path)
    _, shown = cli_kit.at_terminal("similar", "id:1", "-k", "25", cwd=tmp_path)
    assert re.search(rb"\n +25 ", shown) and b"more (--limit" not in shown


@pytest.mark.parametrize(
    ("words", "option"),
    [("explain --label x", "--text"), ("pretrain lstm-clm", "--media"), ("complete x", "--encode"), ("ls", "--text")],
)
def test_what_could_only_fail_is_no_option(run, words, option):
    run(*words.split(), option, "text").assert_failed(2, f"No such option '{option}'")


def test_words_find_nothing_where_no_text_is_and_say_what_would(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    cli_kit.photo(tmp_path / "pictures" / "a.png", 1)
    run("add", "pictures")
    found = run("similar", "--text", "a hat")
    assert found.code == 0 and "no text to compare with" in found.err and "-e" in found.err
    asked = run("similar", "pictures/a.png", "--media", "text")
    assert asked.code == 0 and "efficientnet-lite0 embeds no texts: name an encoder of both" in asked.err
    told = run("similar", "--text", "a hat", "-e", "efficientnet-lite0")
    told.assert_failed(2, "efficientnet-lite0 does not encode texts")


def test_the_labels_of_an_item_are_listed_with_their_groups(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 1)
    run("add", "texts", "--no-encode")
    for group in (("--group", "wine"), ("--group", "hair"), ()):
        assert run("label", "red" if group else "old", "id:1", *group).code == 0
    row = run("ls", "--json").row("item")
    assert row["labels"] == ["old", "red", "red"]
    assert row["groups"] == [None, "hair", "wine"]


def test_an_option_that_was_renamed_is_still_taken_and_says_its_new_name(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 12)
    run("add", "texts")
    new, old = (run("cluster", "-k", "2", "--name", "1=first", flag, "000000") for flag in ("--expect", "--seen"))
    assert old.code == new.code == 2 and "not 000000" in old.err
    assert "--seen is called --expect now" in old.err and "is called" not in new.err
    run("cluster", "-k", "2", "--seen", "1", "--expect", "1").assert_failed(
        2, "seen is called expect now", "one of the two"
    )
    assert "--seen" not in run("cluster", "--help").out
    asked = run("classify", "--among", "a,b")
    assert asked.code == 2 and "--among is called --classes now" in asked.err


def test_every_summary_fits_in_80_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for of in ((), ("quarantine",), ("plugins",)):
        listed = run(*of, "--help").out.partition("Commands:\n")[2]
        assert listed and "..." not in listed, listed
