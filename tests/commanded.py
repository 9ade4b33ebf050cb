"""Scenes of the real command: each is a command line in a small workspace, held to what `trials` says must hold."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import cli_kit
import numpy as np
import trials
from fakes import text
from trials import Act, Scene, after

from curator.api import ItemSet
from curator.workspace import Workspace


def words(scene: Scene, ws: Workspace) -> None:
    """Two kinds of texts, of which some are labelled."""
    folder = scene.out / "words"
    for kind in ("cats", "dogs"):
        for number in range(4):
            text(folder / kind / f"{number}.txt", f"{kind} number {number} are what this is about, and {kind} alone")
    ws.add(folder, encode=False)
    for kind, value in (("cats", True), ("dogs", False)):
        ws.label("cat", [folder / kind / f"{number}.txt" for number in range(2)], value=value)


def saved(scene: Scene, ws: Workspace) -> None:
    """A selection that is kept."""
    words(scene, ws)
    ws.selections.save("likes", ItemSet(label="cat"))


def vectors(scene: Scene, ws: Workspace) -> None:
    """Vectors of texts, as another program made them."""
    words(scene, ws)
    paths = sorted(str(path) for path in (scene.out / "words").rglob("*.txt"))
    drawn = np.random.default_rng(0).normal(size=(len(paths), 8)).astype(np.float32)
    np.savez(scene.out / "words.npz", vectors=drawn, paths=paths)


def twins(scene: Scene, ws: Workspace) -> None:
    """A label that is written in two ways, said of some items in both."""
    words(scene, ws)
    for kind, numbers in (("cats", range(1, 3)), ("dogs", range(2))):
        ws.label("Cat", [scene.out / "words" / kind / f"{number}.txt" for number in numbers])


COMMANDS: dict[str, tuple[str, Act, str]] = {
    "add": ("add out/new --label new --captions --no-encode", after(), ""),
    "dedupe": ("dedupe --apply", after(), "could not be moved"),  # as another moved it meanwhile
    "quarantine restore": ("quarantine restore --all", after(trials.set_aside), ""),
    "purge": ("quarantine purge --older-than 0 --yes", after(trials.set_aside), ""),
    "undo": ("undo 3", after(trials.set_aside), "undone already"),
    "redo": ("undo 4", after(trials.set_aside, trials.undo(3)), "undone already"),
    "label": ("label two photos/a.png photos/one.txt", after(), ""),
    "rename": ("label --rename Cat cat", twins, "no label 'Cat'"),
    "pair": ("pair photos/a.png photos/x.png --metric likeness", after(), ""),
    "save": ("ls --where label:cat --save cats", words, ""),
    "saved": ("saved --remove likes", saved, "no saved selection 'likes'"),
    "classify": ("classify --label cat --media text --head prototype --accept 0.5 --encode", words, ""),
    "import": ("import --vectors out/words.npz --space mine", vectors, ""),
    "only reading": ("classify --label cat --media text --head prototype --encode", words, ""),
    "encode": ("encode --media text", words, ""),
    "split": ("split --media text --by words", words, ""),
    "backup": ("backup out/backup.tar --force", after(), ""),
    "restore": ("restore out/saved.tar --to out/again", after(trials.backed_up), "already exists"),
    "forget": (
        "forget photos/x.png photos/m.png photos/one.txt --yes",
        after(trials.set_aside),
        "is not in the catalogue",
    ),
    "relocate": ("relocate photos out/there", trials.reached_by_two_paths, "no folder of the catalogue"),
    "export": ("export out/set --format csv --force", words, "another curator is making"),
    "pretrain": ("pretrain lstm-clm -o width=8 -o embedding=8 -o epochs=2", words, "is being pretrained here"),
}
"""By name: the command, what it finds, and what it says where there is nothing left to do."""


class Commanded(Scene):
    """A scene whose deed is a command."""

    def __init__(self, name: str, folder: Path) -> None:
        command, before, self.done = COMMANDS[name]
        self.args = command.split()
        super().__init__(folder, lambda scene, ws: None, before)

    def measure(self) -> None:
        """Do it once, and note how long it takes."""
        cli_kit.curator("--version", cwd=self.folder)  # so that what commands are forked from is there
        begin = time.monotonic()
        done = cli_kit.curator(*self.args, cwd=self.folder)
        self.takes = time.monotonic() - begin
        assert done.code == 0, done

    def begun(self, name: str = "said") -> tuple[Any, Path]:
        """The command, which goes on by itself, and the file that it writes to."""
        said = self.folder / name
        null, out = os.open(os.devnull, os.O_RDONLY), os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        return cli_kit.started(self.args, self.folder, cli_kit.environment(), (null, out, os.dup(out))), said

    def ended(self, process: Any, said: Path) -> int:
        """Its exit code, which is that of a kill, or of work that is done."""
        code, words = process.wait(), said.read_text()
        assert "Traceback" not in words, words
        assert code in (0, -9) or (self.done and self.done in words), (code, words)
        return int(code)

    def killed_after(self, seconds: float) -> int:
        """Begin it, and kill it so long after; its exit code."""
        process, said = self.begun()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        return self.ended(process, said)

    def twice(self, seconds: float, kill: bool) -> list[int]:
        """Begin it, and again so long after, and maybe kill the first then; their exit codes."""
        first = self.begun()
        time.sleep(seconds)
        second = self.begun("said as well")
        if kill:
            first[0].kill()
        return [self.ended(*first), self.ended(*second)]

    def again(self) -> None:
        ran = cli_kit.curator(*self.args, cwd=self.folder)
        assert "Traceback" not in ran.err, ran
        assert ran.code == 0 or (self.done and self.done in ran.err), ran
