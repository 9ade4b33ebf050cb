"""Every command says what it said before: rows, messages and exit codes, as `expected/` holds them.

Where a change is meant, `python tests/golden/refresh.py` writes them anew; the diff then shows what users will see.
"""

from __future__ import annotations

import copy
import json
import shlex
import subprocess

import cli_kit
import click
import pytest
from golden import kept, scenario
from golden.normal import differences

from curator.cli import cli

STEPS = [(chapter, number) for chapter, steps in scenario.CHAPTERS.items() for number in range(len(steps))]
NAMED = [f"{chapter}-{number:02}" for chapter, number in STEPS]
HINT = "if that is meant: python tests/golden/refresh.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "golden"
    folder.mkdir()
    return dict(scenario.told(folder))


@pytest.mark.parametrize(("chapter", "number"), STEPS, ids=NAMED)
def test_a_command_says_what_it_said_before(told, chapter, number):
    steps = kept.read(chapter)
    assert len(steps) == len(scenario.CHAPTERS[chapter]), f"{chapter} has other steps than expected/: {HINT}"
    found = differences(steps[number], told[chapter][number], scenario.CHAPTERS[chapter][number].rough)
    assert not found, "\n".join([steps[number][0]["$"], *found[:20], HINT])


@pytest.mark.slow
def test_each_command_says_the_same_in_a_process_that_is_started_for_it_alone(tmp_path):
    """Other tests run commands where another has imported what this one forgot to."""
    fresh = {id(step) for step in map(first_success, sorted(COMMANDS)) if step}

    def run(step):
        if id(step) not in fresh:
            return scenario.here(step)
        command = [cli_kit.CURATOR, *step.arguments]
        done = subprocess.run(command, input=step.stdin, capture_output=True, encoding="utf-8", check=False)
        return done.returncode, done.stdout, done.stderr

    folder = tmp_path / "golden"
    folder.mkdir()
    for chapter, told in scenario.told(folder, run):
        for step, expected, lines in zip(scenario.CHAPTERS[chapter], kept.read(chapter), told, strict=True):
            found = differences(expected, lines, step.rough) if id(step) in fresh else []
            assert not found, "\n".join([step.line, *found[:20]])


def first_success(name):
    """The first step of a command that came to its end, if one did."""
    steps = {id(step) for step in of_command(name)}
    for chapter, run in scenario.CHAPTERS.items():
        for step, lines in zip(run, kept.read(chapter), strict=True):
            if id(step) in steps and lines[0]["exit"] == 0:
                return step
    return None


# --- nothing is left out ---


def leaves(group, context):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        own = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from leaves(command, own)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield own.command_path.removeprefix("curator "), command


COMMANDS = dict(leaves(cli, click.Context(cli, info_name="curator")))
RUN = [step for steps in scenario.CHAPTERS.values() for step in steps]


def of_command(name):
    """The steps of a command, those of its subcommands left out."""
    longer = [other for other in COMMANDS if other.startswith(name + " ")]
    return [step for step in RUN if starts(step, name) and not any(starts(step, other) for other in longer)]


def starts(step, name):
    return step.arguments[: len(name.split())] == name.split()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_run_as_json_and_comes_to_its_end_and_to_an_error(name):
    steps = of_command(name)
    takes_json = any("--json" in option.opts for option in COMMANDS[name].params)
    assert any(step.json == takes_json for step in steps)
    codes = {step[0]["exit"] for chapter in scenario.CHAPTERS for step in kept.read(chapter) if said(step, steps)}
    assert 0 in codes
    if name not in CANNOT_FAIL:
        assert codes - {0}, f"{name} was run without an error only"


CANNOT_FAIL = {"init", "log", "heads", "plugins"}


def said(lines, steps):
    return shlex.split(lines[0]["$"]) in [step.arguments for step in steps]


def test_expected_files_are_of_chapters_and_hold_rows_of_many_kinds():
    assert {path.stem for path in kept.FOLDER.iterdir()} == set(scenario.CHAPTERS)
    rows = [
        line["out"] for chapter in scenario.CHAPTERS for step in kept.read(chapter) for line in step if "out" in line
    ]
    found = {row["kind"] for row in rows if isinstance(row, dict)}
    wanted = (
        "added backup check cluster command confusion duplicate encoded encoder explanation exported fact fault head"
    )
    wanted += " flaw held-out holding imported item kind label labelled likeness line made member metric neighbour"
    wanted += " channel next outside pair plugin prediction"
    wanted += " pretrained problem quality quarantined question restored returned row-aside run"
    wanted += " sampled saved side stratum suspect total undone written"
    assert found == set(wanted.split())


# --- the comparison sees what it should ---

LINES = [
    {"$": "similar x --json", "exit": 0},
    {"out": {"rank": 1, "score": 0.812345, "id": 7, "path": "<folder>/a.png", "size": 1000, "kind": "neighbour"}},
    {"out": {"rank": 2, "score": 0.612345, "id": 8, "path": None, "size": 1000, "kind": "neighbour"}},
    {"err": "held out: 0.912 of 24"},
]


def mutant(line, **changed):
    lines = copy.deepcopy(LINES)
    lines[line] = {**lines[line], **changed} if "out" not in lines[line] else {"out": {**lines[line]["out"], **changed}}
    return lines


def renamed():
    return json.loads(json.dumps(LINES).replace('"score"', '"cosine"'))


def rounded():
    return [json.loads(json.dumps(line).replace("12345", "12")) for line in LINES]


MUTANTS = {
    "exit code": mutant(0, exit=1),
    "value": mutant(1, score=0.82),
    "kind of number": mutant(1, rank=1.0),
    "count": mutant(1, id=9),
    "text": mutant(1, path="<folder>/b.png"),
    "null": mutant(2, path="<folder>/b.png"),
    "bytes": mutant(2, size=1200),
    "column more": mutant(2, more=1),
    "column renamed": renamed(),
    "columns in another order": [LINES[0], {"out": dict(reversed(LINES[1]["out"].items()))}, *LINES[2:]],
    "fewer digits": rounded(),
    "row less": [*LINES[:2], LINES[3]],
    "rows in another order": [LINES[0], LINES[2], LINES[1], LINES[3]],
    "message": mutant(3, err="held out: 0.912 of 25"),
    "figure in a message": mutant(3, err="held out: 0.922 of 24"),
    "digits in a message": mutant(3, err="held out: 0.91 of 24"),
    "message less": LINES[:3],
    "message on standard output": [*LINES[:3], {"out": LINES[3]["err"]}],
}


@pytest.mark.parametrize("what", MUTANTS)
def test_a_difference_is_seen(what):
    assert differences(LINES, MUTANTS[what]) and differences(MUTANTS[what], LINES)


def test_what_another_machine_rounds_elsewhere_is_no_difference():
    assert not differences(LINES, copy.deepcopy(LINES))
    other = mutant(1, score=0.8125, size=1010)
    other[3] = {"err": "held out: 0.913 of 24"}
    assert not differences(LINES, other)
