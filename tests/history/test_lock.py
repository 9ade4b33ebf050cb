"""The turn of a workspace, where runs begin and end between two steps of another."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fakes import dump, open_fake, text

from curator.api import ActionSpec, Ask, Column, Finding, NoParams, SetLabel, Table
from curator.history.lock import Turn
from curator.registry.loader import Loaded, Origin
from curator.running.dialogue import Step

PROBE = """
import sys
from filelock import FileLock, Timeout
for line in sys.stdin:
    lock = FileLock(line.rstrip("\\n"))
    try:
        lock.acquire(timeout=0)
        lock.release()
        print("free", flush=True)
    except Timeout:
        print("taken", flush=True)
"""

OTHER = """
import sys
import curator
class Heard:
    def say(self, message):
        print(message, flush=True)
with curator.open_workspace(sys.argv[1], reporter=Heard()) as ws:
    ws.label("of the other", ["id:3"])
print("written", flush=True)
"""


@pytest.fixture(scope="module")
def probe():
    """`probe(folder)`: whether another process could write in the workspace there right now."""
    command = [sys.executable, "-c", PROBE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def ask(folder):
            print(folder / ".lock", file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield ask
        process.stdin.close()


def names(context, params):
    """Reads, then labels each item after it was shown."""
    for item in context.items():
        yield Finding("item", {"id": item.id})
        yield SetLabel(item.id, "seen", True)


def questions(context, params):
    left = [item for item in context.items() if item.id not in context.asked()]
    yield from (Ask(item, context.target("mine", None), "is it mine?") for item in left)


def made(folder, photos):
    """A workspace with three texts and two actions."""
    ws = open_fake(folder)
    for number in range(3):
        text(photos / f"{number}.txt", f"text number {number}")
    ws.add(photos, encode=False)
    ws.label("mine", ["id:3"])
    table = Table("item", "items", (Column("id", "its id", "integer"),))
    for name, plan, asks in (("seen", names, False), ("quiz", questions, True)):
        spec = ActionSpec(name, name, NoParams, plan, (table,), asks=asks)
        ws.registry.take(Loaded(Origin(name, "", name, "0"), (spec,)))
    return ws


@pytest.fixture
def ws(tmp_path, photos):
    with made(tmp_path / "workspace", photos) as opened:
        yield opened


def runs(ws):
    return [tuple(row) for row in ws.database.rows("SELECT command, state FROM run WHERE id > 2 ORDER BY id")]


def labels(ws):
    return ws.labels.of_items([1, 2, 3])


def test_a_run_between_two_findings_takes_nothing_from_the_one_around_it(ws, probe):
    before, dumps, seen = dump(ws), [], []
    for number, finding in enumerate(ws.findings("seen")):
        seen.append(probe(ws.folder))
        dumps.append(dump(ws))
        ws.label("within", [finding.values["id"]])
        seen.append(probe(ws.folder))
        if number:
            assert ("seen", "interrupted") not in runs(ws)
    # Before its first write it has taken nothing; from then on it keeps others out, whatever ends within it.
    assert seen == ["free", "free", "taken", "taken", "taken", "taken"]
    assert probe(ws.folder) == "free"
    assert runs(ws) == [("label", "done"), ("seen", "done")] * 3
    assert labels(ws) == {item: ["mine"] * (item == 3) + ["seen", "within"] for item in (1, 2, 3)}
    assert ws.check() == []
    for run in range(8, 2, -1):
        ws.undo(run)
        if run % 2 == 1:
            assert dump(ws) == dumps[(run - 3) // 2]
    assert dump(ws) == before


def test_each_of_two_runs_that_share_labels_can_be_undone(ws):
    """Each makes a label that the other goes on to use, so that as two runs neither could be undone first."""
    before = dump(ws)
    around = ws.findings("seen")
    next(around)
    next(around)  # made the label 'seen'
    ws.label("seen", [3])
    ws.label("other", [2])
    list(around)
    while len(dump(ws)["statement"]) > len(before["statement"]):
        ws.undo()
    assert dump(ws) == before


def test_another_process_waits_until_the_run_around_ends(ws):
    around = ws.findings("seen")
    next(around)
    next(around)
    command = [sys.executable, "-c", OTHER, str(ws.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as other:
        assert other.stdout.readline().startswith("waiting for another curator to finish")
        for number in range(5):
            ws.label(f"within {number}", ["id:2"])
        assert "of the other" not in ws.labels.names()
        assert len(list(around)) == 1
        # What is done meanwhile waits for its turn as ever.
        assert other.stdout.read().splitlines()[-1] == "written" and other.wait(60) == 0
    assert labels(ws)[3] == ["mine", "of the other", "seen"]
    assert runs(ws)[-2:] == [("seen", "done"), ("label", "done")]


def test_a_run_that_is_closed_early_or_fails_gives_back_only_its_own(ws, probe):
    around, within = ws.findings("seen"), ws.findings("seen")
    for findings in (around, within):
        next(findings)
        next(findings)
    around.close()  # not the one that began last
    assert probe(ws.folder) == "taken"
    with pytest.raises(ZeroDivisionError), ws.begin("broken", {}) as journal:
        journal.start()
        raise ZeroDivisionError
    assert probe(ws.folder) == "taken"
    assert len(list(within)) == 1
    assert probe(ws.folder) == "free"
    assert runs(ws) == [("seen", "interrupted"), ("broken", "failed"), ("seen", "done")]


def test_findings_that_are_never_iterated_to_their_end_end_with_the_workspace(tmp_path, photos, probe):
    ws = made(tmp_path / "workspace", photos)
    forgotten = ws.findings("seen")
    next(forgotten)
    next(forgotten)
    ws.label("within", ["id:3"])
    assert probe(ws.folder) == "taken"
    ws.close()
    assert probe(ws.folder) == "free"
    forgotten.close()
    assert probe(ws.folder) == "free"
    with open_fake(tmp_path / "workspace") as again:
        assert runs(again) == [("seen", "interrupted"), ("label", "done")]
        assert labels(again) == {1: ["seen"], 3: ["mine", "within"]}


def test_a_run_while_a_person_thinks(ws, probe):
    before, free = dump(ws), []

    def asker(ask, standing):
        free.append(probe(ws.folder))
        ws.label("thought of", [ask.item.id])
        free.append(probe(ws.folder))
        return True if standing.number < 3 else Step.QUIT

    ws.run("quiz", asker=asker)
    assert free == ["free"] * 6
    assert runs(ws) == [("label", "done"), ("quiz", "done")] * 2 + [("label", "done")]
    for _ in range(5):
        ws.undo()
    assert dump(ws) == before


def test_a_person_who_thinks_within_a_run_that_writes_frees_only_what_was_theirs(ws, probe):
    around, free = ws.findings("seen"), []
    next(around)
    next(around)

    def asker(ask, standing):
        free.append(probe(ws.folder))
        return Step.QUIT if standing.number == 2 else True

    ws.run("quiz", asker=asker)
    assert free == ["taken"] * 2
    assert runs(ws) == [("seen", "running"), ("quiz", "done")]
    assert len(list(around)) == 1 and probe(ws.folder) == "free"
    assert runs(ws) == [("seen", "done"), ("quiz", "done"), ("seen", "done")]


def test_undo_between_two_findings_takes_back_what_was_done_so_far(ws):
    before = dump(ws)
    around = ws.findings("seen")
    next(around)
    next(around)
    assert labels(ws) == {1: ["seen"], 3: ["mine"]}
    assert ws.undo().command == "seen"
    assert dump(ws) == before
    list(around)
    assert labels(ws) == {2: ["seen"], 3: ["mine", "seen"]}
    ws.undo()
    assert dump(ws) == before


@pytest.mark.parametrize("held", [False, True])
def test_what_fails_as_the_turn_is_taken_leaves_it_to_others(tmp_path, probe, held):
    calls = []

    def fail():
        calls.append(1)
        if len(calls) != 1 + held:
            return
        raise OSError("no")

    turn = Turn(tmp_path / ".lock", False, lambda: None, fail)
    if held:
        first = turn.begin()
        first.take()
        first.end()
    hold = turn.begin()
    with pytest.raises(OSError, match="no"):
        hold.take()
    assert probe(tmp_path) == "free" and not hold.needed
    hold.take()
    assert probe(tmp_path) == "taken"
    hold.end()
    assert probe(tmp_path) == "free"
    hold.take()  # it has ended
    assert probe(tmp_path) == "free"


def test_the_turn_is_taken_once_however_often_it_is_needed(tmp_path, probe):
    taken = []
    turn = Turn(tmp_path / ".lock", False, lambda: None, lambda: taken.append(1))
    one, other = turn.begin(), turn.begin()
    one.take()
    one.take()
    other.give_back()  # never had it
    assert probe(tmp_path) == "taken"
    turn.take()  # for the one that began last
    one.end()
    one.end()
    assert probe(tmp_path) == "taken" and len(taken) == 1
    other.end()
    assert probe(tmp_path) == "free"
    turn.take()  # outside of any
    assert probe(tmp_path) == "taken"
    turn.begin().end()
    assert probe(tmp_path) == "free" and len(taken) == 2
