"""The most memory that `curator dedupe` takes, by how many photos there are.

    python benchmarks/dedupe_memory.py 5000 20000

The pictures are tiny. Vectors as long as the default encoder's and sketches as large as a photo's are made up for them
and put into the cache, as decoding and embedding so many photos would take an hour; they are compared as any others.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import curator
from curator.kit.copies.image_copies import SKETCH
from curator.kit.copies.image_sketches import FIELDS, HEAD, ORIENTATIONS, whole

POINTS, KINDS, CHUNK = 96, 1_000, 1_000


def sketch(rng: np.random.Generator, thumbnails: Sequence[bytes]) -> bytes:
    """Of the size of a photo's; keypoints lie anywhere and are like no others, as most thumbnails are."""
    hashes = rng.integers(0, 2**63, ORIENTATIONS, dtype=np.uint64).tobytes()
    rest = rng.integers(0, 128, POINTS * (4 + 32 + 32) + 3 * FIELDS**2, dtype=np.uint8).tobytes()
    made = HEAD.pack(360, 480, POINTS, 0) + hashes + rest + thumbnails[rng.integers(KINDS)]
    assert whole(made)
    return made


def fill(folder: Path, workspace: Path, count: int) -> None:
    """So many pictures in a workspace, with all that `dedupe` looks up of them."""
    rng = np.random.default_rng(count)
    folder.mkdir()
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(folder / f"{number:06d}.png")
    thumbnails = [
        cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 30])[1].tobytes()
        for noise in rng.integers(0, 256, (KINDS, 96, 128), dtype=np.uint8)
    ]
    with curator.open_workspace(workspace, create=True) as ws:
        ws.add(folder, encode=False)
        with ws.begin("encode", {}) as journal:
            model = ws.models.obtain(ws.models.default_reference("image"), journal)
        items = ws.items.select()
        for start in range(0, count, CHUNK):
            hashes = [item.hash for item in items[start : start + CHUNK]]
            vectors = rng.normal(size=(len(hashes), model.dim)).astype("<f4")
            rows = [(hash_, row.tobytes()) for hash_, row in zip(hashes, vectors, strict=True)]
            ws.derived.put_vectors(model.fingerprint, rows, "float32")
            ws.derived.put_signatures(SKETCH.name, [(hash_, sketch(rng, thumbnails)) for hash_ in hashes])


def measured(workspace: Path) -> tuple[float, float]:
    """Seconds of a processor, and the most memory in MB, of the real command in a process of its own."""
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        " print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
    )
    command = [sys.executable, "-m", "curator", "dedupe", "--json", "-w", str(workspace)]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    status, seconds, most = map(float, done.stdout.split())
    if status:
        raise SystemExit(done.stderr)
    return seconds, most


if __name__ == "__main__":
    print("| photos | run | CPU s | peak MB |\n|---|---|---|---|")
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as temporary:
            fill(Path(temporary, "photos"), Path(temporary, "workspace"), count)
            for run in ("first", "second"):
                seconds, most = measured(Path(temporary, "workspace"))
                print(f"| {count:,} | {run} | {seconds:.1f} | {most:,.0f} |", flush=True)
