"""What holds for the options and arguments of every command, those of actions too."""

from __future__ import annotations

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
        elif other.name == "as_json" or (other.name == "label" and "group" in names):
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
