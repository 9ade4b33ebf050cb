"""Trials: something is done to a small workspace, is cut short somewhere, and then must have lost nothing.

`Scene` makes the workspace once, and puts it back before each trial by second names, so that every file keeps the
inode that the catalogue knows. What must hold after a trial is said here alone, for Ctrl-C, kills and full disks.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import shutil
import signal
import sqlite3
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import fakes
import setting_aside
from fakes import picture, text
from interrupts import Interrupted, Killed, Watched

from curator.errors import BadInput, CuratorError, NotFound, SomeItemsFailed
from curator.maintenance.restore import restore as restore_backup
from curator.media import file_lists
from curator.registry.loader import Registry
from curator.workspace import Workspace

AFTER_KILLS = ("was killed", "nothing refers to it", "was left half written by a killed run")
"""What `check` says of what a kill leaves behind, and a second Ctrl-C may, while the first is seen to."""


class Scene:
    """What is done to a small workspace, below a folder that is put back as it was before each time.

    `before` makes what is found; `act` is done, and can be done again until there is nothing to do.
    """

    def __init__(
        self,
        folder: Path,
        act: Act,
        before: Act = lambda scene, ws: None,
        workspace: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.act = act
        self.photos = self.folder / "photos"
        self.out = self.folder / "out"
        self.outside = self.folder / "outside"
        self.home = (workspace or self.folder) / "workspace"
        self.crosses = workspace is not None
        self.kills = 0
        self._saved = [(path, path.with_name(f"{path.name}.saved")) for path in (self.photos, self.home, self.out)]
        self._make()
        with self.opened() as ws:
            ws.add(self.photos, label="all", encode=False)
            ws.label("one", [self.photos / "a.png"])
            before(self, ws)
        for path, saved in self._saved:
            path.rename(saved)
        self.put_back()
        self.began = self.outcome()
        self.measure()
        self.expected = self.outcome()
        self.said = [each for each in self.began["labels"] if each in self.expected["labels"]]
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
        text(self.outside / "private.txt", "nobody's business")
        shutil.copyfile(self.photos / "a.png", self.outside / "a.png")

    def measure(self) -> None:
        """Do it once, and note the lines that can be stopped at."""
        with self.opened() as ws, Watched() as watched:
            self.act(self, ws)
        self.boundaries = sorted(watched.firsts.values())

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

    # --- how it is cut short ---

    def interrupted(self, at: int, again: int | None = None, goes_on: bool = False) -> str:
        """Do it until it is interrupted there; where that was, '' if it ended before.

        Closed as a process is that ends: at last, nobody holds anything any more. Where somebody `goes_on` in the open
        workspace, as in a notebook, the same is done there again.
        """
        ws = self.opened()
        watched = Interrupted(at, again)
        with warnings.catch_warnings():
            try:
                with watched:
                    self.act(self, ws)
                    if not goes_on:
                        ws.close()
            except KeyboardInterrupt:
                if os.path.basename(tempfile.__file__) in watched.where:
                    # Opened by the library and not handed over yet: nobody could have closed it.
                    warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        if goes_on:
            with contextlib.suppress(BadInput, SomeItemsFailed):
                self.act(self, ws)
        with contextlib.suppress(KeyboardInterrupt):
            ws.close()
        return watched.where

    def killed(self, at: int) -> str:
        """Do it in a process that is killed there; where that was, '' if it ended before."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._until_killed(at, theirs)
        os.close(theirs)
        with open(ours) as told:
            where = told.read()
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert ended == (-signal.SIGKILL if where else 0), f"it ended with {ended} {where}"
        self.kills += bool(where)
        return where

    def _until_killed(self, at: int, pipe: int) -> None:
        """In the other process, to its end."""
        code = 1
        try:
            ws = self.opened()
            with contextlib.suppress(BadInput, SomeItemsFailed), Killed(at, pipe):
                self.act(self, ws)
                ws.close()
            code = 0
        finally:
            os._exit(code)

    # --- what must hold ---

    def contents(self) -> Counter[str]:
        """How often each content is on the disk; what a scene makes anew is not counted."""
        found = setting_aside.contents(self.photos, self.home / "quarantine")
        return Counter(hash_ for hash_, paths in found.items() for _ in paths)

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
        wrong = [f"left: {path}" for path in self._left()] + self._unsound()
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
        now, began, ends = self.contents(), self.began["contents"], self.expected["contents"]
        for hash_ in now | began:
            least, most = sorted((began[hash_], ends[hash_]))
            if not least <= now[hash_] <= most:
                wrong.append(f"a file is there {now[hash_]} times, which was {began[hash_]} times: {hash_[:12]}")
        return wrong

    def _left(self) -> list[Path]:
        """What was made on the way to something else, and is found where people would find it."""
        kept = {saved.name for _, saved in self._saved}
        found = (path for folder in {self.folder, self.home.parent} for path in folder.rglob("*"))
        return [path for path in found if _is_left(path) and not kept & set(path.parts)]

    def _unsound(self) -> list[str]:
        """What SQLite itself says of the two databases."""
        wrong = []
        for name in ("catalogue.db", "derived.db"):
            with closing(sqlite3.connect(self.home / name)) as database:
                for pragma in ("integrity_check", "foreign_key_check"):
                    found = database.execute(f"PRAGMA {pragma}").fetchall()
                    wrong += [f"{name}: {row}" for row in found if row != ("ok",)]
        return wrong

    def outcome(self) -> dict[str, Any]:
        """What the catalogue says and the disk holds, to compare with what comes out where nothing interrupts."""
        with self.opened() as ws:
            meant = self.meaning(ws)
        found = [path for folder in (self.photos, self.out) for path in folder.rglob("*") if path.is_file()]
        files = [path for path in found if not any(map(_is_left, (path, path.parent)))]  # `losses` tells of those
        return meant | {
            "files": sorted(map(str, files)),
            "contents": self.contents(),
            "content, time and mode": setting_aside.state(self.photos, self.outside),
        }

    # --- and what the same does then ---

    def again(self) -> None:
        """Do the same again, as a person would; that there is nothing left to do is no failure."""
        with self.opened() as ws, contextlib.suppress(BadInput, SomeItemsFailed):
            self.act(self, ws)

    def faults(self, killed: bool = False) -> list[str]:
        """What is wrong once something was cut short, or then, when the same was done again; empty where nothing is.

        After a kill there may be left what the next one, or `check --repair`, takes away.
        """
        wrong = self.losses()
        if killed:
            wrong = [line for line in wrong if not line.endswith(AFTER_KILLS) and not line.startswith("left: ")]
        if wrong:
            return wrong
        try:
            self.again()
        except (CuratorError, AssertionError) as error:
            wrong.append(f"the same fails: {error}")
        outcome = self.outcome()
        wrong += [
            f"another outcome in {name}: {outcome[name]} instead of {value}"
            for name, value in self.expected.items()
            if value != outcome[name]
        ]
        left = self.losses()
        if killed and left and all(line.endswith(AFTER_KILLS) for line in left):
            with self.opened() as ws:
                ws.check(repair=True)
            left = self.losses()
        return wrong + [f"at the end: {line}" for line in left]


Act: TypeAlias = Callable[[Scene, Workspace], object]


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
    if path.name == file_lists.NAME:
        return False  # of a folder that was exported, or that the same command goes on with
    if path.parent.parent.name == "objects":
        return False  # `check` tells of it
    return path.name.startswith((".curator", ".making", "tmp")) or path.name.endswith((".new", ".part", "-part"))


@functools.cache
def _plugins() -> Registry:
    """What `setting_aside` loads, once."""
    with tempfile.TemporaryDirectory() as folder, setting_aside.opened(Path(folder, "workspace")) as ws:
        return ws.registry


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


def after(*acts: Act) -> Act:
    def before(scene: Scene, ws: Workspace) -> None:
        for act in acts:
            act(scene, ws)

    return before


def add(scene: Scene, ws: Workspace) -> None:
    ws.add(scene.out / "new", label="new", captions=True)


def enough(scene: Scene, ws: Workspace) -> None:
    ws.label("one", [scene.photos / "m.png"])
    ws.label("one", [scene.photos / "x.png", scene.photos / "y.png"], value=False)


def encode(scene: Scene, ws: Workspace) -> None:
    ws.encode()


def backed_up(scene: Scene, ws: Workspace) -> None:
    ws.back_up(scene.out / "saved.tar", force=True)


def take_out(scene: Scene, ws: Workspace) -> None:
    """Restore a backup; once it is there, it is there."""
    if not (scene.out / "again").exists():
        restore_backup(scene.out / "saved.tar", scene.out / "again")


def reached_by_two_paths(scene: Scene, ws: Workspace) -> None:
    """As a drive is that is mounted twice: the same files below `out/there`."""
    shutil.copytree(scene.photos, scene.out / "there", copy_function=os.link)


def relocate(scene: Scene, ws: Workspace) -> None:
    with contextlib.suppress(NotFound):  # nothing is on record there any more
        ws.relocate(scene.photos, scene.out / "there")


def forget(scene: Scene, ws: Workspace) -> None:
    """A picture, one of which a copy is in quarantine, and a text; those that are not forgotten yet."""
    known = fakes.places(ws)
    here = [path for name in ("x.png", "m.png", "one.txt") if str(path := scene.photos / name) in known]
    if here:
        ws.forget(*here, yes=True)


def sheet(scene: Scene, ws: Workspace) -> None:
    ws.run("similar", query=str(scene.photos / "a.png"), sheet=scene.out / "sheet.png", may_encode=True, force=True)


def sheet_beside(scene: Scene, ws: Workspace) -> None:
    if not (scene.out / "sheet.png").exists():
        ws.run("similar", query=str(scene.photos / "a.png"), sheet=scene.out / "sheet.png", may_encode=True)


SCENES: dict[str, tuple[Act, Act]] = {
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
    "restore a backup": (take_out, after(backed_up)),
    "write over": (sheet, after(sheet)),
    "write": (sheet_beside, after(encode)),
    "relocate": (relocate, reached_by_two_paths),
    "undo relocate": (undo(3), after(reached_by_two_paths, relocate)),
    "forget": (forget, after(set_aside)),
    "train": (lambda scene, ws: ws.train("one", may_encode=True), after(enough, encode)),
    "classify": (lambda scene, ws: ws.run("classify", label="one", may_encode=True), enough),  # which only reads
}


def scene(name: str, folder: Path, workspace: Path | None = None) -> Scene:
    return Scene(folder, *SCENES[name], workspace)
