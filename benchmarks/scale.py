"""What commands cost by how many items there are, with numpy on a mapped matrix beside them.

    python benchmarks/scale.py 1000 10000 100000 1000000
    python benchmarks/scale.py 100000 --keep ../scale --only similar

All goes through the public store. The photos are made up: no files but a few, and vectors of 1,280 numbers, as long as
those of the default encoder, in 200 heaps off the origin, each spread in 32 directions and a little in all. The texts
are rows of a table, words drawn by chance, of which every hundredth is another one typed otherwise.

Each run is a process of its own, numpy's too: wall and processor seconds, and the most memory that it held. The files
are in the page cache, but for "cold", before which they were dropped from it. "First" also makes the file of codes;
"after more" comes when 1,000 photos were added; "beside add" is while another process adds a table. The exponent says
by what power of the number of items processor time grew over the last ten times.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

import curator
from curator.history.journal import Journal
from curator.workspace import Workspace

CHUNK = 10_000
FILES = 2_000
"""Texts that are files: what `add` finds unchanged."""
MORE = 1_000
"""Photos that are added to see what the next query costs."""
TABLE = 20_000
"""Rows that another process adds meanwhile."""
LIMIT = 1_200
"""Seconds after which a run is given up."""

NUMPY = """
import sys, numpy as np
rows = np.load(sys.argv[1], mmap_mode="r")
scores = rows @ rows[0]
print(np.argsort(-scores)[:11])
"""
MEASURE = """
import resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
COMMANDS = {
    "ls --limit 20": "ls --limit 20",
    "ls --under a hundredth": "ls --under photos/few --limit 20",
    "ls --labelled": "ls --labelled odd --limit 20",
    "status": "status",
    "encode, nothing to do, first": "encode",
    "encode, nothing to do": "encode",
    "similar id:N, first": "similar id:1",
    "similar id:N": "similar id:1",
    "similar new.jpg": "similar new.jpg",
    "similar id:N --under a hundredth": "similar id:1 --under photos/few",
    "similar of three less one": "similar id:1 id:2 id:3 --minus id:4",
    "classify --label, fit": "classify --label odd --limit 20",
    "classify --label, again": "classify --label odd --limit 20",
    "cluster -k 20": "cluster -k 20 --media image --limit 20",
    f"add, nothing new in {FILES:,} files": "add files --no-encode",
}
COLD = ("ls --limit 20", "status", "similar id:N", "similar new.jpg")
TEXTS = {"dedupe of texts": "dedupe --media text --limit 20"}


class Bench:
    """One size: its workspaces, and the figures of what was run on them."""

    def __init__(self, home: Path, count: int, only: str) -> None:
        self.home, self.count, self.only = home, count, only
        self.seconds: dict[str, float] = {}

    def run(self) -> None:
        """Everything, in an order in which nothing but "first" has to make anything."""
        self.make()
        with opened(self.home) as ws:
            ws.derived.codes.forget()
        for title, command in COMMANDS.items():
            self.measure(title, *command.split())
        for title in COLD:
            self.measure(f"{title}, cold", *COMMANDS[title].split(), cold=True)
        if self.wanted("numpy, mapped"):
            self.measured("numpy, mapped", sys.executable, "-c", NUMPY, "rows.npy")
        if self.wanted("similar id:N, after more"):
            with opened(self.home) as ws:
                photos(ws, self.home, MORE, "more")
            self.measure("similar id:N, after more", "similar", "id:1")
        self.beside()
        for title, command in TEXTS.items():
            self.measure(title, *command.split(), workspace="texts")

    def make(self) -> None:
        """The workspaces, unless they are there."""
        if (self.home / "made").exists():
            # What was added beside other runs is not embedded.
            subprocess.run(curating("encode"), cwd=self.home, stdout=subprocess.DEVNULL, check=True)
            return
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        chance = np.random.default_rng(0)
        for folder, number in [*[("real", n) for n in range(40)], (".", 40)]:
            path = self.home / folder / ("new.jpg" if number == 40 else f"{number}.jpg")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(chance.integers(0, 256, (12, 16, 3), np.uint8)).resize((640, 480)).save(path)
        for number in range(FILES):
            path = self.home / "files" / str(number % 50) / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"a file of number {number}")
        with opened(self.home, create=True) as ws:
            few = max(20, self.count // 100)
            photos(ws, self.home, few, "few")
            photos(ws, self.home, self.count - few, "most")
            ws.label("odd", list(range(1, 81, 2)))
            ws.label("odd", list(range(2, 81, 2)), False)
            ws.add(self.home / "files", self.home / "real")
        table(self.home / "table.csv", self.count)
        self.measure("add of new rows of a table", "add", "table.csv", *ADDING, workspace="texts", always=True)
        (self.home / "made").touch()

    def beside(self) -> None:
        """What reads while another process writes, and what writes while another reads."""
        for title, command in {"ls --limit 20": "ls --limit 20", "similar id:N": "similar id:1"}.items():
            if self.wanted(f"{title}, beside add"):
                busy = self.home / f"busy-{len(list(self.home.glob('busy-*')))}.csv"
                table(busy, TABLE, seed=busy.name)
                with going(self.home, "add", busy.name, *ADDING):
                    self.measure(f"{title}, beside add", *command.split())
        if self.wanted("label, beside classify"):
            with going(self.home, "classify", "--label", "odd", "--limit", "20"):
                self.measure("label, beside classify", "label", "seen", "id:5")

    def wanted(self, title: str) -> bool:
        return self.only in title

    def measure(
        self, title: str, *command: str, workspace: str = "workspace", cold: bool = False, always: bool = False
    ) -> None:
        """One command of curator, if it is wanted or others need what it does."""
        if not (always or self.wanted(title)):
            return
        if cold:
            dropped(self.home)
        self.measured(title, *curating(*command, workspace=workspace))

    def measured(self, title: str, *command: str) -> None:
        """One process."""
        whole = [sys.executable, "-c", MEASURE, *command]
        try:
            done = subprocess.run(whole, capture_output=True, text=True, cwd=self.home, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            print(f"| {self.count:,} | `{title}` | over {LIMIT} | | |", flush=True)
            return
        status, wall, seconds, most = map(float, done.stdout.split())
        if status not in (0, 5):  # 5: some items failed, as those whose files never were
            raise SystemExit(done.stderr)
        self.seconds[title] = seconds
        print(f"| {self.count:,} | `{title}` | {wall:.2f} | {seconds:.2f} | {most:,.0f} |", flush=True)


ADDING = ("--text-column", "text", "--no-encode")


def curating(*command: str, workspace: str = "workspace") -> list[str]:
    return [sys.executable, "-m", "curator", *command, "--json", "-w", workspace]


@contextmanager
def opened(home: Path, create: bool = False) -> Iterator[Workspace]:
    with curator.open_workspace(home / "workspace", create=create) as ws:
        yield ws


@contextmanager
def going(home: Path, *command: str) -> Iterator[None]:
    """While another process runs a command."""
    process = subprocess.Popen(curating(*command), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            print(f"(`{' '.join(command)}` ended before)", file=sys.stderr)
    finally:
        process.wait()


def photos(ws: Workspace, home: Path, count: int, folder: str) -> None:
    """So many more items of a folder that never were files, with vectors; `rows.npy` holds those of a new workspace."""
    first = (ws.items.store.last_id() or 0) + 1
    chance = np.random.default_rng(first)
    shape = np.random.default_rng(0)
    with ws.begin("add", {"sources": [str(home / "photos")]}) as journal:
        model = ws.models.obtain("efficientnet-lite0", journal)
        middles = (shape.standard_normal((200, model.dim)) + 1).astype(np.float32)
        ways = shape.standard_normal((200, 32, model.dim), dtype=np.float32) / np.sqrt(32)
        root, _ = ws.items.places.cover(journal, str(home / "photos"))
        made = np.lib.format.open_memmap(home / "rows.npy", "w+", np.float32, (count, model.dim))
        for start in range(0, count, CHUNK):
            names = [f"{folder}/{first + start + n:08}.jpg" for n in range(min(CHUNK, count - start))]
            hashes = [hashlib.sha256(name.encode()).hexdigest() for name in names]
            record(journal, root, names, hashes)
            heaps = chance.integers(200, size=len(names))
            near = chance.standard_normal((len(names), 1, 32), dtype=np.float32)
            rows = middles[heaps] + np.concatenate([near[n] @ ways[heap] for n, heap in enumerate(heaps)])
            rows += 0.3 * chance.standard_normal(rows.shape, dtype=np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            stored = [(hash_, row.astype("<f4").tobytes()) for hash_, row in zip(hashes, rows, strict=True)]
            ws.derived.put_vectors(model.fingerprint, stored, "float32")
            made[start : start + len(names)] = rows


def record(journal: Journal, root: int, names: list[str], hashes: list[str]) -> None:
    """Items and places, as `add` records them."""
    same = {"modality": "image", "size": 100_000, "width": 640, "height": 480, "format": "JPEG", "text": None}
    items = journal.insert_many("item", [{"hash": hash_, **same} for hash_ in hashes])
    where = {"root_id": root, "size": 100_000, "mtime_ns": 0, "device": "", "inode": ""}
    places = zip(items, names, strict=True)
    journal.insert_many("place", [{"item_id": item, "path": name, **where} for item, name in places])


def table(path: Path, count: int, seed: str = "") -> None:
    """A table of texts."""
    chance = np.random.default_rng(list(seed.encode()))
    words = np.array(["".join(chr(97 + letter) for letter in chance.integers(26, size=6)) for _ in range(5_000)])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        text = ""
        for number in range(count):
            text = text.upper() + "!" if number % 100 == 99 else " ".join(words[chance.integers(5_000, size=12)])
            writer.writerow([text])


def dropped(home: Path) -> None:
    """Drop files from the page cache."""
    for path in home.glob("workspace/*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def exponents(smaller: Bench, larger: Bench) -> None:
    print(f"\n| run | exponent, {smaller.count:,} to {larger.count:,} |\n|---|---|")
    for title, seconds in larger.seconds.items():
        if title in smaller.seconds:
            power = math.log(seconds / smaller.seconds[title]) / math.log(larger.count / smaller.count)
            print(f"| `{title}` | {power:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="commands by how many items there are")
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--keep", type=Path, help="make the workspaces here, or use those that are there")
    parser.add_argument("--only", default="", help="only what has this in its title")
    given = parser.parse_args()
    print("| items | run | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
    done: list[Bench] = []
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            done.append(Bench((given.keep.resolve() if given.keep else Path(temporary)) / str(size), size, given.only))
            done[-1].run()
    if len(done) > 1:
        exponents(*done[-2:])


if __name__ == "__main__":
    main()
