"""What a command is given to work with, at a command line."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from curator.cli import plugins
from curator.cli.render import Output, Terminal
from curator.cli.text import say
from curator.commands.common import Common

if TYPE_CHECKING:
    from curator.registry.loader import Registry
    from curator.workspace import Workspace


class Call(Output):
    """A call of a command: `curator.commands.spec.Call` with standard output, standard error and a terminal."""

    def __init__(self, common: Common, known: plugins.Known, creates: bool) -> None:
        super().__init__(common.json, common.limit, pictures=not common.no_images)
        self.common = common
        self.commands = known
        self.core = known.core.reserved
        self._creates = creates
        self._looked = False
        self._open = contextlib.ExitStack()

    @functools.cached_property
    def workspace(self) -> Workspace:
        """The workspace that is meant, made where the command says so."""
        self._looked = True
        return self._open.enter_context(open_workspace(self.common.workspace, self._creates, self.common.shared))

    @functools.cached_property
    def found(self) -> Workspace | None:
        """The same, or None where there is none and none was named."""
        return None if self.common.workspace is None and _is_none() else self.workspace

    @property
    def registry(self) -> Registry:
        """What plugins offer; those that failed are told of, once."""
        return plugins.registry()

    @property
    def plugins(self) -> Registry:
        """The same, without a word on those that failed."""
        return plugins.loaded()

    def say(self, message: str) -> None:
        """A line on stderr."""
        say(message)

    def names(self, given: Iterable[str]) -> Iterator[str]:
        """Names given as arguments; `-` stands for the lines of standard input."""
        from curator.errors import BadInput

        for name in given:
            if name != "-":
                yield name
                continue
            for line in map(os.fsdecode, sys.stdin.buffer):
                if "\0" in line:
                    raise BadInput("standard input holds NUL bytes: give one name per line (find without -print0)")
                if line.strip():
                    yield line.rstrip("\r\n")

    def progress(self, title: str, total: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """Progress on stderr; none where rows come one by one on the same terminal."""
        if self.mode != "rich" and sys.stdout.isatty():
            return contextlib.nullcontext(lambda done: None)
        return Terminal().progress(title, total)

    def interrupted(self) -> NoReturn:
        """End with the code of an interrupt."""
        click.get_current_context().exit(130)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """The command itself: an error that nobody expected may be told as what came of rows that contradict others.

        At its end the workspace is closed, if it was opened.
        """
        self._allow()
        try:
            with self._open:
                yield
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if not self._looked:
                raise
            from curator.maintenance.contradictions import blame
            from curator.workspace_path import locate

            if blamed := blame(locate(self.common.workspace), error):
                raise blamed from error
            raise

    def _allow(self) -> None:
        """Let decoding take what `--memory` and `--max-pixels` say."""
        for name, most in (("limit", self.common.memory), ("pixels", self.common.max_pixels)):
            if most is not None:
                from curator.kit.memory import BUDGET

                setattr(BUDGET, name, most)


def _is_none() -> bool:
    from curator.errors import NotFound
    from curator.workspace_path import hold_workspace, locate

    try:
        hold_workspace(locate(None))
    except NotFound:
        return True
    return False


def open_workspace(chosen: str | None, create: bool, shared: bool = False) -> Workspace:
    """The workspace that is meant; raises `NotFound` with the command that makes one."""
    from curator.commands.items.init import how_to_share
    from curator.workspace import Workspace
    from curator.workspace_path import FOLDER, hold_workspace, locate

    folder = locate(chosen)
    if not create:
        hold_workspace(folder)
    if create and Workspace.create(folder, shared):
        say(f"made the workspace {folder}")
    elif shared:
        say(f"{folder} is already a workspace{how_to_share(folder, shared)}")
    elif chosen is None and folder not in (Path.cwd() / FOLDER, Path.cwd()) and folder.parent in Path.cwd().parents:
        say(f"using the workspace {folder}")
    return Workspace(folder, plugins.registry(), Terminal())
