"""Ctrl-C at a chosen line: a KeyboardInterrupt is raised before the Nth line that curator, or what it leans on, runs.

A real one comes between two byte codes; what happens at the first of a line stands for all of it. `Scene` is something
that is done to a workspace, made once, and put back before each trial by second names, so that every file keeps the
inode that the catalogue knows.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import fakes
import setting_aside
from fakes import picture, text

import curator
from curator.errors import BadInput, CuratorError, SomeItemsFailed
from curator.registry.loader import Registry
from curator.workspace import Workspace

ROOT = os.path.dirname(curator.__file__)
ROOMS = ("catalog", "embedding", "history", "ingest", "maintenance", "quarantine", "running", "store")
WATCHED = (
    *(os.path.join(ROOT, room, "") for room in ROOMS),
    *(os.path.join(ROOT, f"{module}.py") for module in ("parts", "workspace")),
)
LEANT_ON = (contextlib.__file__, tempfile.__file__)
"""Where blocks of ours begin and end, watched as far as ours calls it."""

DEPTH = 6
"""So many callers tell two passes of one line from each other; what is further out is the same for most."""


AFTER_KILLS = ("was killed", "nothing refers to it")
"""What `check` says of what a kill leaves behind, and a second Ctrl-C may, while the first is seen to."""


class Interrupted:
    """`with Interrupted(at):` raises a KeyboardInterrupt before the line of that number; `lines` were met.

    With `again`, a second one comes at so many calls and returns after the first, as of somebody who is impatient.
    """

    def __init__(self, at: int | None = None, again: int | None = None) -> None:
        self.at = at
        self.again = again
        self.lines = 0
        self.where = ""
        self.firsts: dict[int, int] = {}
        """The lines that were the first to be met by their callers, as one knows a place in a program."""

    def __enter__(self) -> Interrupted:
        self._ours: dict[str, bool] = {}
        sys.settrace(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _is_watched(self, frame: FrameType) -> bool:
        caller: FrameType | None = frame
        while caller is not None and caller.f_code.co_filename in LEANT_ON:
            caller = caller.f_back
        if caller is None:
            return False
        name = caller.f_code.co_filename
        if name not in self._ours:
            self._ours[name] = name.startswith(WATCHED)
        return self._ours[name]

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if self._is_watched(frame) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and not _is_collected(frame):
            if self.at is None:
                self.firsts.setdefault(_stack(frame), self.lines)
            if self.lines == self.at:
                self.where = f"{os.path.relpath(frame.f_code.co_filename, ROOT)}:{frame.f_lineno}"
                if self.again is not None:
                    sys.setprofile(self._later)
                raise KeyboardInterrupt
            self.lines += 1
        return self._line

    def _later(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "return") and self._is_watched(frame) and not _is_collected(frame):
            assert self.again is not None
            self.again -= 1
            if self.again < 0:
                self.where += f" and {os.path.relpath(frame.f_code.co_filename, ROOT)}:{frame.f_lineno}"
                raise KeyboardInterrupt


class Scene:
    """What a command does to a small workspace, below a folder that is put back as it was before each time.

    `before` makes what the command finds; `act` is the command, and can be given again until it has nothing to do.
    """

    def __init__(
        self,
        folder: Path,
        act: Callable[[Scene, Workspace], object],
        before: Callable[[Scene, Workspace], object] = lambda scene, ws: None,
        workspace: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.act = act
        self.photos = self.folder / "photos"
        self.out = self.folder / "out"
        self.home = (workspace or self.folder) / "workspace"
        self.crosses = workspace is not None
        self._saved = [(path, path.with_name(f"{path.name}.saved")) for path in (self.photos, self.home, self.out)]
        self._make()
        with self.opened() as ws:
            ws.add(self.photos, label="all", encode=False)
            ws.label("one", [self.photos / "a.png"])
            before(self, ws)
        for path, saved in self._saved:
            path.rename(saved)
        self.put_back()
        said = self.outcome()["labels"]
        with self.opened() as ws, Interrupted() as watched:
            self.act(self, ws)
        self.boundaries = sorted(watched.firsts.values())
        self.expected = self.outcome()
        self.said = [each for each in said if each in self.expected["labels"]]
        gc.collect()
        gc.freeze()  # what is imported by now is not looked through again after each trial

    def _make(self) -> None:
        """Two pairs of copies, one of them with a sidecar, another picture, two texts, and a folder not yet added."""
        self.out.mkdir(parents=True)
        for name, seed in (("a", 1), ("m", 2), ("x", 3), ("y", 4)):
            picture(self.photos / f"{name}.png", seed=seed, size=(6, 4))
        (self.photos / "sub").mkdir()
        shutil.copyfile(self.photos / "a.png", self.photos / "b.png")
        shutil.copyfile(self.photos / "m.png", self.photos / "sub" / "n.png")
        text(self.photos / "b.png.xmp", "about b")
        text(self.photos / "one.txt", "a text")
        for number in range(2):
            picture(self.out / "new" / f"{number}.png", seed=10 + number, size=(6, 4))
            text(self.out / "new" / f"{number}.txt", f"new text {number}")

    def put_back(self) -> None:
        """As it was: databases as copies, all other files by a second name, with the inode that is on record."""
        for path, saved in self._saved:
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(saved, path, copy_function=_laid)
        with self.opened() as ws:
            ws.trust(yes=True)  # its catalogue is a copy

    def opened(self) -> Workspace:
        """The workspace, made if need be."""
        Workspace.create(self.home)
        return Workspace(self.home, _plugins())

    def interrupted(self, at: int, again: int | None = None, goes_on: bool = False) -> str:
        """Do it until it is interrupted there; where that was, '' if it ended before.

        Closed as a process is that ends: at last, nobody holds anything any more. Where somebody `goes_on` in the open
        workspace, as in a notebook, the same is done there again.
        """
        self.put_back()
        ws = self.opened()
        watched = Interrupted(at, again)
        try:
            with watched:
                self.act(self, ws)
                if not goes_on:
                    ws.close()
        except KeyboardInterrupt:
            pass
        gc.collect()
        if goes_on:
            with contextlib.suppress(BadInput, SomeItemsFailed):
                self.act(self, ws)
        with contextlib.suppress(KeyboardInterrupt):
            ws.close()
        return watched.where

    # --- what must hold ---

    def contents(self) -> Counter[str]:
        """How often each content is on the disk; what a scene makes anew is not counted."""
        return Counter(hash_ for hash_, paths in setting_aside.contents(self.photos, self.home).items() for _ in paths)

    def meaning(self, ws: Workspace) -> dict[str, Any]:
        """What the catalogue says, without ids: where each content is, what is said of it, what is in quarantine."""
        hashes = {item.id: item.hash for item in ws.items.by_ids(sorted(set(fakes.places(ws).values())))}
        return {
            "places": {path: hashes[item] for path, item in fakes.places(ws, missing=0).items()},
            "labels": sorted(
                tuple(row)
                for row in ws.database.rows(
                    "SELECT label.name, item.hash, verdict.value FROM verdict "
                    "JOIN label ON label.id = verdict.label_id JOIN item ON item.id = verdict.item_id"
                )
            ),
            "quarantine": sorted((str(file.outside), file.hash, file.kind) for file in ws.quarantine.all()),
        }

    def losses(self) -> list[str]:
        """What is wrong in the workspace when it is opened again; empty where nothing is."""
        kept = {saved.name for _, saved in self._saved}
        wrong = [
            f"left: {path}"
            for folder in {self.folder, self.home.parent}
            for path in folder.rglob("*")
            if _is_left(path) and not kept & set(path.parts)
        ]
        for name in ("catalogue.db", "derived.db"):
            with closing(sqlite3.connect(self.home / name)) as database:
                for pragma in ("integrity_check", "foreign_key_check"):
                    found = database.execute(f"PRAGMA {pragma}").fetchall()
                    wrong += [f"{name}: {row}" for row in found if row != ("ok",)]
        with self.opened() as ws:
            faults = [f"{fault.part} {fault.which}: {fault.wrong}" for fault, _ in ws.check()]
            # From another disk a file comes back as a copy, which is said until it is added again.
            wrong += [line for line in faults if not (self.crosses and "another time or inode" in line)]
            meant = self.meaning(ws)
            wrong += [f"no longer said: {said}" for said in self.said if said not in meant["labels"]]
            for path, hash_ in meant["places"].items():
                if not os.path.isfile(path) or fakes.sha256(Path(path)) != hash_:
                    wrong.append(f"not where the catalogue says: {path}")
            listed = {str(file.stored) for file in ws.quarantine.all()}
        lying = {str(path) for path in (self.home / "quarantine").rglob("*") if path.is_file()}
        wrong += [f"on one side alone: {path}" for path in lying ^ listed]
        return wrong

    def outcome(self) -> dict[str, Any]:
        """What the catalogue says and the disk holds, to compare with what comes out where nothing interrupts."""
        with self.opened() as ws:
            meant = self.meaning(ws)
        found = [path for folder in (self.photos, self.out) for path in folder.rglob("*") if path.is_file()]
        files = [path for path in found if not any(map(_is_left, (path, path.parent)))]  # `losses` tells of those
        return meant | {"files": sorted(map(str, files)), "contents": self.contents()}

    def again(self) -> None:
        """Give the command again, as a person would; that there is nothing left to do is no failure."""
        with self.opened() as ws, contextlib.suppress(BadInput, SomeItemsFailed):
            self.act(self, ws)

    def trial(self, at: int, again: int | None = None, goes_on: bool = False) -> tuple[str, list[str]]:
        """Where it was interrupted, and what was lost by it; after a second one, but for what a kill leaves, too."""
        where = self.interrupted(at, again, goes_on)
        wrong = self.losses()
        if again is not None:
            wrong = [line for line in wrong if not line.endswith(AFTER_KILLS) and not line.startswith("left: ")]
        if not wrong:
            try:
                self.again()
            except CuratorError as error:
                wrong.append(f"the same command fails: {error}")
            wrong += [
                f"another outcome in {name}: {value} instead of {self.expected[name]}"
                for name, value in self.outcome().items()
                if value != self.expected[name]
            ]
        return where, wrong


def _laid(source: str, target: str) -> str:
    """A copy of what curator writes in place, another name of what it only moves."""
    in_place = "workspace.saved" in source and "quarantine" not in source
    if in_place:
        shutil.copy2(source, target)
    else:
        os.link(source, target)
    return target


def _is_left(path: Path) -> bool:
    """Whether it is something that curator makes on the way to something else, and would not want to be found."""
    if path.name == ".making" and path.is_file():
        return False  # the lock of who makes the databases
    return path.name.startswith((".curator", ".backup", ".making", "tmp")) or path.name.endswith((".new", ".part"))


@functools.cache
def _plugins() -> Registry:
    """What `setting_aside` loads, once."""
    with tempfile.TemporaryDirectory() as folder, setting_aside.opened(Path(folder, "workspace")) as ws:
        return ws.registry


def _is_collected(frame: FrameType | None) -> bool:
    """Whether something is being collected: what is raised there, also by Ctrl-C, Python tells of and passes over."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _stack(frame: FrameType | None) -> int:
    stack = []
    while frame is not None and len(stack) < DEPTH:
        stack.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return hash(tuple(stack))


# --- scenes ---


def set_aside(scene: Scene, ws: Workspace) -> None:
    """Those that are there yet, as an action finds them that looks for copies."""
    goes = [scene.photos / "b.png", scene.photos / "sub" / "n.png"]
    keepers = [scene.photos / "a.png", scene.photos / "m.png"]
    pairs = [(str(one), str(other)) for one, other in zip(goes, keepers, strict=True) if one.exists()]
    if pairs:
        ws.run("tidy", goes=",".join(one for one, _ in pairs), keeper=",".join(k for _, k in pairs), apply=True)


def restore(scene: Scene, ws: Workspace) -> None:
    ws.quarantine.restore()


def undo(run: int) -> Callable[[Scene, Workspace], None]:
    """Undo a run by its number, so that giving it again undoes no other."""
    return lambda scene, ws: void(ws.undo(run))


def void(value: object) -> None:
    pass


def after(*acts: Callable[[Scene, Workspace], object]) -> Callable[[Scene, Workspace], None]:
    def before(scene: Scene, ws: Workspace) -> None:
        for act in acts:
            act(scene, ws)

    return before


def add(scene: Scene, ws: Workspace) -> None:
    ws.add(scene.out / "new", label="new", captions=True)


def enough(scene: Scene, ws: Workspace) -> None:
    ws.label("one", [scene.photos / "m.png"])
    ws.label("one", [scene.photos / "x.png", scene.photos / "y.png"], value=False)
    ws.encode()


def sheet(scene: Scene, ws: Workspace) -> None:
    ws.run("similar", query=str(scene.photos / "a.png"), sheet=scene.out / "sheet.png", may_encode=True, force=True)


def sheet_beside(scene: Scene, ws: Workspace) -> None:
    if not (scene.out / "sheet.png").exists():
        ws.run("similar", query=str(scene.photos / "a.png"), sheet=scene.out / "sheet.png", may_encode=True)


SCENES: dict[str, tuple[Callable[[Scene, Workspace], object], Callable[[Scene, Workspace], object]]] = {
    "set aside": (set_aside, after()),
    "restore": (restore, after(set_aside)),
    "purge": (lambda scene, ws: ws.quarantine.purge("0", yes=True), after(set_aside)),
    "undo set aside": (undo(3), after(set_aside)),
    "redo set aside": (undo(4), after(set_aside, undo(3))),
    "undo restore": (undo(4), after(set_aside, restore)),
    "redo restore": (undo(5), after(set_aside, restore, undo(4))),
    "add": (add, after()),
    "label": (lambda scene, ws: ws.label("two", [scene.photos / "a.png", scene.photos / "one.txt"]), after()),
    "undo add": (undo(3), after(add)),
    "redo add": (undo(4), after(add, undo(3))),
    "pair": (lambda scene, ws: ws.pair("likeness", scene.photos / "a.png", scene.photos / "x.png"), after()),
    "back up": (lambda scene, ws: ws.back_up(scene.out / "backup.tar", force=True), after()),
    "write over": (sheet, after(sheet)),
    "write": (sheet_beside, after(lambda scene, ws: ws.encode())),
    "train": (lambda scene, ws: ws.train("one", may_encode=True), after(enough)),
}


def scene(name: str, folder: Path, workspace: Path | None = None) -> Scene:
    return Scene(folder, *SCENES[name], workspace)
