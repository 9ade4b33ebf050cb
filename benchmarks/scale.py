"""What `curator similar id:N` costs by how many vectors there are, with numpy on a mapped matrix beside it.

    python benchmarks/scale.py 10000 100000

The texts are made up, and so are their vectors: as long as those of the default encoder of texts, in clusters
off the origin. They go through the public store. The command and numpy run in processes of their own, with the files in
the page cache; "first" also makes the file of codes, "after" comes when a thousandth (at least 1,000) was added.
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


def fill(home: Path, first: int, count: int, middles: np.ndarray) -> list[np.ndarray]:
    """So many more texts in a workspace, with vectors; the unit vectors."""
    table = home / f"{first}.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows((number, f"a text, and its number is {number}") for number in range(first, first + count))
    rng, made = np.random.default_rng(first), []
    with curator.open_workspace(home / "workspace", create=True) as ws:
        ws.add(table, text_column="text", encode=False)
        with ws.begin("encode", {}) as journal:
            model = ws.models.obtain(ws.models.default_reference("text"), journal)
        items = ws.coverage.missing(model, ws.items.select())
        for start in range(0, count, CHUNK):
            hashes = [item.hash for item in items[start : start + CHUNK]]
            vectors = middles[rng.integers(len(middles), size=len(hashes)), : model.dim] + rng.standard_normal(
                (len(hashes), model.dim), dtype=np.float32
            )
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = [(hash_, row.astype("<f4").tobytes()) for hash_, row in zip(hashes, vectors, strict=True)]
            ws.derived.put_vectors(model.fingerprint, rows, "float32")
            made.append(vectors)
    return made


def measured(title: str, count: int, *command: str) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True)
    status, wall, seconds, most = map(float, done.stdout.split())
    if status:
        raise SystemExit(done.stderr)
    print(f"| {count:,} | {title} | {wall:.2f} | {seconds:.2f} | {most:,.0f} |", flush=True)


if __name__ == "__main__":
    print("| vectors | run | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
    chance = np.random.default_rng(0)
    middles = (chance.standard_normal((200, 4_096)) + 1).astype(np.float32)
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as temporary:
            home = Path(temporary)
            np.save(home / "rows.npy", np.concatenate(fill(home, 1, count, middles)))
            command = [sys.executable, "-m", "curator", "similar", "id:1", "--json", "-w", str(home / "workspace")]
            measured("first", count, *command)
            measured("again", count, *command)
            measured("numpy, mapped", count, sys.executable, "-c", NUMPY, str(home / "rows.npy"))
            fill(home, count + 1, max(1_000, count // 1_000), middles)
            measured("after more", count, *command)
