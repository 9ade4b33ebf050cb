"""Ctrl-C as a signal to the real command, at any time: exit code 130, one line, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

import cli_kit
import pytest
from commanded import COMMANDS, Commanded

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))

COMMAND = """
import os, sys
from curator.__main__ import end_at_once, main
end_at_once()
os.write(int(sys.argv.pop(1)), b".")
main()
"""
"""As the console script; with a sign when `main` has done its first step, as what came before is Python's own."""


def interrupted(seconds, *args, cwd):
    """The command; Ctrl-C comes so long after curator was called, None for never."""
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(theirs), *args],
        cwd=cwd,
        env=cli_kit.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[theirs],
    )
    with ExitStack() as stack:
        stack.callback(os.close, ours)
        os.close(theirs)
        assert os.read(ours, 1) == b"."
        if seconds is not None:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return cli_kit.Ran(process.returncode, out, err)


def hold(ran):
    """Interrupted like any other, or it was done before."""
    if ran.code == -signal.SIGINT:  # when Python has put away how it sees to signals, at its very end
        assert "Error" not in ran.err, ran
    elif ran.code:
        ran.assert_ended(130, "interrupted: what was done is kept", "the same command continues")
    assert "Traceback" not in ran.err and "Aborted" not in ran.err, ran


def sweep(delays, tmp_path):
    codes = []
    for delay in delays:
        ran = interrupted(delay, "status", cwd=tmp_path)
        if ran.code != 3:  # there is no workspace, as it says where it came to that
            hold(ran)
        codes.append(ran.code)
    return codes


def test_while_python_imports_curator(tmp_path):
    codes = sweep([0.001 * number for number in (1, 2, 4, 7, 11, 16, 22, 30)], tmp_path)
    assert codes[:4] == [130] * 4, codes


@pytest.mark.slow
def test_while_python_imports_curator_in_small_steps(tmp_path):
    sweep([0.0005 * number for number in range(300)], tmp_path)


def test_where_ctrl_c_is_ignored_it_stays_so(tmp_path):
    """As for what a script starts in the background."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + COMMAND
    ours, theirs = os.pipe()
    command = [sys.executable, "-c", program, str(theirs), "--version"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, pass_fds=[theirs])
    assert os.read(ours, 1) == b"."
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    os.close(ours)
    os.close(theirs)


TAKEN_DOWN = """
import os, signal, sys, time
from curator.interrupts import Raised, end_at_once

class Taken:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10):  # in which it is raised, here, where nobody can see to it
            pass

end_at_once()
with Raised() as raised:
    try:
        Taken()
        time.sleep(30)
    except KeyboardInterrupt:
        sys.exit(7)
"""


def test_what_python_cannot_raise_where_it_comes_is_raised_a_moment_later():
    """It comes while an object is taken down, as after an import: Python tells, and would go on for 30 seconds."""
    done = subprocess.run([sys.executable, "-c", TAKEN_DOWN], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def at_random(name, folder, count):
    """Interrupt a command so many times, at moments drawn from all that it takes; how it ended each time."""
    scene = Commanded(name, folder)
    scene.put_back()
    began = time.monotonic()
    done = interrupted(None, *scene.args, cwd=scene.folder)
    takes = time.monotonic() - began
    assert done.code == 0, done
    draw, ended = random.Random(f"{SEED} {name}"), Counter()
    for _ in range(count):
        scene.put_back()
        ran = interrupted(draw.uniform(0, takes), *scene.args, cwd=scene.folder)
        hold(ran)
        faults = scene.faults()
        assert not faults, (ran, faults)
        ended[ran.code] += 1
    print(f"\ninterrupted {name}: {dict(ended)}", end="")
    return ended


@pytest.mark.parametrize("name", ["quarantine restore", "undo"])
def test_at_a_few_moments(name, tmp_path):
    at_random(name, tmp_path, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_at_many_moments(name, tmp_path):
    assert 130 in at_random(name, tmp_path, int(os.environ.get("CURATOR_INTERRUPTS_SIGNALS", "40")))
