"""Other processes at work in a workspace: each opens it, does one thing and ends, or dies in the midst of it.

They are forks of one that is made while no database is open, since SQLite forbids to take an open one along; so that
each costs a few milliseconds, where a new interpreter would cost half a second.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
from collections.abc import Iterator
from importlib import metadata
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import fakes

from curator.api import ActionSpec, Context, NoParams, Output, hookimpl
from curator.errors import CuratorError
from curator.history import file_moves
from curator.registry.loader import load_plugins
from curator.workspace import Workspace


class Look:
    """A plugin with the action `look`, which only reads: it records an encoder, and fits what heads it can."""

    @staticmethod
    def plan(context: Context, params: NoParams) -> Iterator[Output]:
        context.model(None, "image")
        for target in context.targets():
            with contextlib.suppress(CuratorError):  # as where no file is left to learn from
                context.head(target, head="centroid")
        return iter(())

    @hookimpl
    def register_actions(self) -> list[ActionSpec]:
        return [ActionSpec("look", "Look at everything.", NoParams, self.plan, ())]


look = Look()


@functools.cache
def plugins():
    """Our light ones, the action `tidy`, which sets aside what it is told to, and `look` with what it needs."""
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in fakes.OURS]
    own = {
        "look": "elsewhere:look",
        "tidy": "setting_aside",
        "histogram": "fakes:histogram",
        "centroid": "fakes:centroid",
    }
    loaded = load_plugins([*ours, *(metadata.EntryPoint(*pair, "curator") for pair in own.items())])
    assert not loaded.failures, loaded.failures
    return loaded


def opened(folder: Path) -> Workspace:
    return Workspace(folder, plugins())


def act(ws: Workspace, what: str, *given: Any, **named: Any) -> str | None:
    """Do one thing through the public door of that name; the error's name and line, if it is one of curator's own."""
    door = {"restore": ws.quarantine.restore, "purge": ws.quarantine.purge}.get(what) or getattr(ws, what)
    try:
        door(*given, **named)
    except CuratorError as error:
        return f"{type(error).__name__}: {error}"
    return None


class Elsewhere:
    """Where other processes come from. Make it while no database is open; `close` it."""

    def __init__(self) -> None:
        plugins()
        self.here, there = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.here.close()
            _serve(there)
        there.close()

    def close(self) -> None:
        self.here.close()
        os.waitpid(self.pid, 0)

    def act(self, folder: Path, what: str, *given: Any, die_at: int | None = None, **named: Any) -> str | None:
        """As `act`, in another process; with `die_at`, it dies at that step, or at the end without closing anything.

        Then 'died: ' and the steps that it got to.
        """
        self.here.send((folder, what, given, named, die_at))
        said = []
        while not (said and said[-1][0] == "exit"):
            said.append(self.here.recv())
        assert len(said) == 2, f"the other process ended with {said}"
        return said[0][1]


def _serve(there: Any) -> None:
    gc.freeze()  # what is there already is not looked through, and so not copied, by any of them
    try:
        while True:
            work = there.recv()
            pid = os.fork()
            if pid == 0:
                _work(there, *work)
            there.send(("exit", os.waitpid(pid, 0)[1]))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _work(there: Any, folder: Path, what: str, given: Any, named: Any, die_at: int | None) -> None:
    try:
        ws = opened(folder)
        if die_at is not None:
            die = _dying(ws, die_at, there)
        error = act(ws, what, *given, **named)
        if die_at is not None:
            die("end", last=True)
        ws.close()
        there.send(("said", error))
    except BaseException as error:  # an assertion of the test's process tells of it
        there.send(("raised", f"{type(error).__name__}: {error}"))
        there.send(("and", "is none of curator's errors"))
    finally:
        os._exit(0)


def _dying(ws: Workspace, die_at: int, there: Any) -> Any:
    """Die before the step of that number of those that change a disk or commit."""
    steps: list[str] = []

    def step(name: str, last: bool = False) -> None:
        steps.append(name)
        if len(steps) > die_at or last:
            there.send(("said", "died: " + " ".join(steps)))
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(sql: str) -> None:
        verb = sql.split(None, 1)[0].upper()
        if verb == "COMMIT" or (verb in ("INSERT", "UPDATE", "DELETE") and not ws.database.connection.in_transaction):
            step(verb)

    file_moves.step = step
    ws.database.connection.set_trace_callback(statement)
    return step
