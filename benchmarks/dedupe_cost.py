"""What `curator dedupe` costs on photos of which few are copies, beside imagededup's PHash on the same files.

    python benchmarks/dedupe_cost.py FOLDER [FOLDER ...] --count 5000 --side 1600

The photos are halves of those below the folders, each enlarged to the size of a phone's and saved as JPEG; with
`--side 0` they are the photos as they are. They are added and embedded once; then the first run, the second and
imagededup take turns, each in a process of its own. Seconds of processors, as others may be at work on the same ones.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from dedupe import imagededup, measured, ours, ours_add, quiet
from PIL import Image, ImageOps

SEED = 7
QUALITIES = (80, 85, 90, 92, 95)
DISTANCE = 10


def make(sources: Sequence[Path], folder: Path, count: int, side: int) -> None:
    """At most so many photos, drawn by a seed: first one half of each, then the other, so that no two overlap."""
    rng = random.Random(SEED)
    endings = (".jpg", ".jpeg", ".png")
    paths = sorted(path for source in sources for path in source.rglob("*") if path.suffix.lower() in endings)
    rng.shuffle(paths)
    halves = [(path, second) for second in (False, True)[: 2 if side else 1] for path in paths]
    for number, (path, second) in enumerate(halves[:count]):
        if not side:
            shutil.copy2(path, folder / f"{number:05d}{path.suffix}")
            continue
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        half = _half(image, second)
        factor = side / max(half.size)
        size = round(half.width * factor), round(half.height * factor)
        half.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=rng.choice(QUALITIES))


def _half(image: Image.Image, second: bool) -> Image.Image:
    width, height = image.size
    if width >= height:
        return image.crop((width // 2, 0, width, height) if second else (0, 0, width // 2, height))
    return image.crop((0, height // 2, width, height) if second else (0, 0, width, height // 2))


def spent(function: Callable[..., Any], *arguments: Any) -> tuple[float, float, Any]:
    """Seconds of processors, by the clock, and what it gave; in a process that does nothing else."""
    begin, used = time.perf_counter(), _used()
    given = function(*arguments)
    return _used() - used, time.perf_counter() - begin, given


def _used() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in whose)


def theirs(folder: Path) -> tuple[float, float, int]:
    """The same of imagededup, once it is imported; it gave so many pairs."""
    with quiet():
        find = imagededup().PHash(verbose=False).find_duplicates
        used, wall, found = spent(find, folder, None, DISTANCE)
    return used, wall, sum(map(len, found.values())) // 2


def main() -> None:
    parser = argparse.ArgumentParser(description="what curator dedupe costs, beside imagededup")
    parser.add_argument("folders", nargs="+", type=Path, help="sources of photos, at any depth")
    parser.add_argument("--count", type=int, default=5_000, help="how many photos (5000)")
    parser.add_argument("--side", type=int, default=1_600, help="pixels of their longer side, 0 for those they have")
    parser.add_argument("--rounds", type=int, default=1, help="how often each has its turn (1)")
    options = parser.parse_args()
    taken: dict[str, list[tuple[float, float, float]]] = {}

    def take(what: str, function: Callable[..., Any], *arguments: Any) -> None:
        (used, wall, _), most = measured(function, *arguments)
        taken.setdefault(what, []).append((used, wall, most))

    with tempfile.TemporaryDirectory() as temporary:
        photos, added, workspace = (Path(temporary, name) for name in ("photos", "added", "workspace"))
        photos.mkdir()
        make([folder.resolve() for folder in options.folders], photos, options.count, options.side)
        count = len([*photos.iterdir()])
        take("curator add (catalogue, embed)", spent, ours_add, photos, added)
        for _ in range(options.rounds):
            shutil.rmtree(workspace, ignore_errors=True)
            shutil.copytree(added, workspace)
            take("curator dedupe, first run", spent, ours, workspace)
            take("curator dedupe, second run", spent, ours, workspace)
            if importlib.util.find_spec("imagededup") is not None:
                take("imagededup PHash", theirs, photos)
    print(f"| {count:,} photos | CPU s | ms each | wall s | peak MB |\n|---|---|---|---|---|")
    for what, runs in taken.items():
        used, wall, most = (median(column) for column in zip(*runs, strict=True))
        print(f"| {what} | {used:.1f} | {1e3 * used / count:.1f} | {wall:.1f} | {most:,.0f} |")


if __name__ == "__main__":
    main()
