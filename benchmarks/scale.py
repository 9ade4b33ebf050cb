"""What commands cost by how many items there are, with numpy on a mapped matrix beside them.

    python benchmarks/scale.py 10000 100000

The texts are made up, rows of two tables, one of them with every hundredth; so are their vectors: as long as those of
the default encoder of texts, in clusters off the origin. All goes through the public store. Each command and numpy run
in processes of their own, with the files in the page cache; "first" also makes the file of codes, "after more" comes
when a thousandth (at least 1,000) was added.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import curator

CHUNK = 10_000
MOST_CLASSIFIED = 100_000
"""More predictions than these are no answer that anybody reads."""

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
    "`ls --limit 20`": ["ls", "--limit", "20"],
    "`ls --under` a hundredth": ["ls", "--under", "few", "--limit", "20"],
    "`ls --labelled`": ["ls", "--labelled", "odd", "--limit", "20"],
    "`status`": ["status"],
    "`encode`, nothing to do": ["encode"],
    "`similar id:1`, first": ["similar", "id:1"],
    "`similar id:1`": ["similar", "id:1"],
    "`similar id:1 --under` a hundredth": ["similar", "id:1", "--under", "few"],
    "`classify --label`, fit": ["classify", "--label", "odd", "--limit", "20"],
    "`classify --label`, again": ["classify", "--label", "odd", "--limit", "20"],
}


def fill(home: Path, folder: str, first: int, count: int) -> None:
    """So many more texts, rows of a table in a folder."""
    table = home / folder / f"{first}.csv"
    table.parent.mkdir(exist_ok=True)
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows((number, f"a text, and its number is {number}") for number in range(first, first + count))
    with curator.open_workspace(home / "workspace", create=True) as ws:
        ws.add(table, text_column="text", encode=False)


def embed(home: Path, name: str, middles: np.ndarray) -> None:
    """Vectors for what has none, also as a matrix of that name."""
    rng = np.random.default_rng(0)
    with curator.open_workspace(home / "workspace") as ws:
        with ws.begin("encode", {}) as journal:
            model = ws.models.obtain(ws.models.default_reference("text"), journal)
        items = ws.coverage.missing(model, ws.items.select())
        made = np.lib.format.open_memmap(home / name, "w+", np.float32, (len(items), model.dim))
        for start in range(0, len(items), CHUNK):
            hashes = [item.hash for item in items[start : start + CHUNK]]
            vectors = middles[rng.integers(len(middles), size=len(hashes)), : model.dim] + rng.standard_normal(
                (len(hashes), model.dim), dtype=np.float32
            )
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = [(hash_, row.astype("<f4").tobytes()) for hash_, row in zip(hashes, vectors, strict=True)]
            ws.derived.put_vectors(model.fingerprint, rows, "float32")
            made[start : start + len(hashes)] = vectors


def measured(title: str, count: int, home: Path, *command: str) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, cwd=home)
    status, wall, seconds, most = map(float, done.stdout.split())
    if status:
        raise SystemExit(done.stderr)
    print(f"| {count:,} | {title} | {wall:.2f} | {seconds:.2f} | {most:,.0f} |", flush=True)


def main(count: int, middles: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        few = count // 100
        fill(home, "few", 1, few)
        fill(home, "most", few + 1, count - few)
        embed(home, "rows.npy", middles)
        with curator.open_workspace(home / "workspace") as ws:
            ws.label("odd", list(range(1, 81, 2)))
            ws.label("odd", list(range(2, 81, 2)), False)
        curating = [sys.executable, "-m", "curator"]
        for title, command in COMMANDS.items():
            if "classify" not in title or count <= MOST_CLASSIFIED:
                measured(title, count, home, *curating, *command, "--json", "-w", "workspace")
        measured("numpy, mapped", count, home, sys.executable, "-c", NUMPY, "rows.npy")
        fill(home, "more", count + 1, max(1_000, count // 1_000))
        embed(home, "more.npy", middles)
        measured("`similar id:1`, after more", count, home, *curating, "similar", "id:1", "--json", "-w", "workspace")


if __name__ == "__main__":
    print("| items | run | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
    chance = np.random.default_rng(0)
    shared = (chance.standard_normal((200, 4_096)) + 1).astype(np.float32)
    for number in map(int, sys.argv[1:]):
        main(number, shared)
