"""`curator init`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from curator.api import FolderName, Option
from curator.commands.spec import Call, CommandSpec


@dataclass(frozen=True, slots=True)
class InitParams:
    """Where, and who may read it."""

    workspace: Annotated[FolderName | None, Option("-w", help="The new workspace folder. [default: ./workspace]")] = (
        None
    )
    shared: Annotated[
        bool, Option(help="Make a new workspace readable by the group of its folder. [default: only by you]")
    ] = False


def init(call: Call, params: InitParams) -> None:
    """Make it, or say that it is there."""
    from curator.catalog.places import expand_path
    from curator.workspace import Workspace
    from curator.workspace_path import FOLDER

    folder = expand_path(FOLDER if params.workspace is None else params.workspace).absolute()
    made = Workspace.create(folder, params.shared)
    there = f"{folder} is already a workspace{how_to_share(folder, params.shared)}"
    call.say(f"made the workspace {folder}" if made else there)


def how_to_share(folder: Path, shared: bool) -> str:
    """What to do where a workspace that exists was to be shared."""
    return f": chmod -R g+rX {shlex.quote(str(folder))} lets its group read it" if shared else ""


COMMAND = CommandSpec(
    name="init",
    summary="Create an empty workspace. Only you can read it. `curator add` creates one by itself.",
    params=InitParams,
    run=init,
    example="curator init -w ~/photos/workspace",
    effects=("writes",),
    workspace="none",
)
