"""An action that sets aside what it is told to, as a plugin; and what tests ask of files that were moved.

Run as a script, it is `curator` with that plugin, in a process that dies at the Nth step which changed a disk:
`python setting_aside.py N ARGUMENTS...`; it prints the step to stdout before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import fakes

from curator.api import ActionSpec, Argument, Column, Context, Finding, Option, SetAside, Table, hookimpl
from curator.registry.loader import load_plugins
from curator.workspace import Workspace


@dataclass(frozen=True)
class TidyParams:
    """`goes` is one path, or several with commas between; `keeper` one for all, or one for each."""

    goes: Annotated[str, Argument(help="what goes")]
    keeper: Annotated[str, Option(help="What stays.")]
    kind: Annotated[str, Option(help="Why.")] = "exact"


def plan(context: Context, params: TidyParams) -> Iterator[Finding | SetAside]:
    goes, keepers = params.goes.split(","), params.keeper.split(",")
    for path, keeper in zip(goes, keepers * len(goes), strict=False):
        yield Finding("aside", {"path": path})
        yield SetAside(Path(path).absolute(), Path(keeper).absolute(), params.kind, "told to")


SPEC = ActionSpec(
    "tidy",
    "Set aside what it is told to.",
    TidyParams,
    plan,
    (Table("aside", "Aside", (Column("path", "what goes", "path"),)),),
    moves_files=True,
)


@hookimpl
def register_actions() -> list[ActionSpec]:
    return [SPEC]


class Liar:
    """A plugin whose action does not say that it moves files."""

    @hookimpl
    def register_actions(self) -> list[ActionSpec]:
        return [dataclasses.replace(SPEC, name="liar", moves_files=False)]


liar = Liar()


def opened(folder: Path) -> Workspace:
    """A workspace at `folder`, made if need be, with these actions and the encoder `histogram`."""
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in fakes.OURS]
    own = (("histogram", "fakes:histogram"), ("tidy", "setting_aside"), ("liar", "setting_aside:liar"))
    loaded = load_plugins([*ours, *(metadata.EntryPoint(*pair, "curator") for pair in own)])
    assert not loaded.failures, loaded.failures
    Workspace.create(folder)
    return Workspace(folder, loaded)


def contents(*folders: Path) -> dict[str, list[str]]:
    """SHA-256 -> the paths that hold it, of all files below some folders, curator's own left out."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if (
                path.is_file()
                and not ({"objects"} & set(path.parts))
                and not path.name.startswith((".", "catalogue.db", "derived.db"))
            ):
                found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(str(path))
    return found


def state(*folders: Path) -> dict[str, tuple[str, int, int]]:
    """Path -> hash, modification time and mode of every file, curator's own left out."""
    return {
        path: (hash_, os.stat(path).st_mtime_ns, os.stat(path).st_mode)
        for hash_, paths in contents(*folders).items()
        for path in paths
    }


def main() -> None:
    from curator import cli
    from curator.cli import plugins
    from curator.history import file_moves

    left = int(sys.argv.pop(1))

    def step(name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            print(name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    file_moves.step = step
    entries = [*metadata.entry_points(group="curator"), metadata.EntryPoint("tidy", "setting_aside", "curator")]
    loaded = load_plugins(entries)
    plugins.registry = plugins.loaded = lambda: loaded  # type: ignore[assignment]
    cli.main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
