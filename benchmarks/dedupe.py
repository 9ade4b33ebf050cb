"""`curator dedupe` on variants of real photos, beside imagededup on the same files; and what grouping hashes costs.

    python benchmarks/dedupe.py ../shared/data/grocery

Each measurement runs in a process of its own, for its time and its memory. imagededup is left out where it is not
installed (`pip install imagededup`). What the figures mean stands in README.md. Exits with 1 where a goal fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import logging
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

TUNED_ON, MEASURED_ON = 1, 2
PHOTOS, ROUNDS = 300, 3
SIZES = (10_000, 100_000, 1_000_000)
BRUTE = 10_000
RADIUS, PLANTED_BITS = 7, 6
GOALS = {"recall": 0.9, "recall of crop 30 %": 0.7, "precision": 0.99, "seconds for 100,000 hashes": 10.0}
MARK = "__"


# --- the variants ---


def cropped(image: Image.Image, part: float, rng: random.Random) -> Image.Image:
    """`part` of the width and of the height is cut away, at a random place."""
    width, height = image.size
    new = round(width * (1 - part)), round(height * (1 - part))
    left, top = rng.randint(0, width - new[0]), rng.randint(0, height - new[1])
    return image.crop((left, top, left + new[0], top + new[1]))


def written_over(image: Image.Image, rng: random.Random) -> Image.Image:
    """Two lines of text, each a tenth of the height, over most of the width."""
    image = image.copy()
    size = image.height // 10
    for _ in range(2):
        at = rng.randint(0, image.width // 4), rng.randint(0, image.height - 2 * size)
        colour = rng.choice(["white", "black", "red", "yellow"])
        ImageDraw.Draw(image).text(at, "SAMPLE 2026 shop", font=ImageFont.load_default(size), fill=colour)
    return image


VARIANTS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "jpeg 30": lambda image, rng: image,
    "resize 50 %": lambda image, rng: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "crop 10 %": lambda image, rng: cropped(image, 0.1, rng),
    "crop 30 %": lambda image, rng: cropped(image, 0.3, rng),
    "mirror": lambda image, rng: ImageOps.mirror(image),
    "rotate 90": lambda image, rng: image.transpose(Image.Transpose.ROTATE_90),
    "text": written_over,
    "brighter 40 %": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.4),
    "grey": lambda image, rng: image.convert("L"),
}


def make(source: Path, folder: Path) -> None:
    """All photos, and the variants of some that the thresholds were not tuned on."""
    photos = sorted(source.glob("t*/*/*.jpg"))
    tuned = set(random.Random(TUNED_ON).sample(photos, PHOTOS))
    rng = random.Random(MEASURED_ON)
    for path in photos:
        shutil.copy2(path, folder / (MARK.join(path.relative_to(source).with_suffix("").parts) + ".jpg"))
    for path in rng.sample([path for path in photos if path not in tuned], PHOTOS):
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        stem = MARK.join(path.relative_to(source).with_suffix("").parts)
        for name, variant in VARIANTS.items():
            quality = 30 if name == "jpeg 30" else 90
            variant(image, rng).save(folder / f"{stem}{MARK}{name}.jpg", quality=quality)


def parts(name: str) -> tuple[str, str]:
    """The photo that a file is of, and the variant ('' for the photo itself)."""
    stem = name.removesuffix(".jpg")
    return (stem.rsplit(MARK, 1)[0], stem.rsplit(MARK, 1)[1]) if stem.count(MARK) == 3 else (stem, "")


# --- each in a process of its own ---


def measured(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What it gives, and the most memory in MB that its process held, or one that it started."""
    # Not multiprocessing.Pool, whose processes may not start others, as imagededup does.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_call, function, arguments).result()


def _call(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, float]:
    given = function(*arguments)
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return given, most / 1024


def ours_add(folder: Path, workspace: Path) -> float:
    import curator

    begin = time.perf_counter()
    with curator.open_workspace(workspace, create=True) as ws:
        ws.add(folder)
    return time.perf_counter() - begin


def ours(workspace: Path) -> dict[str, Any]:
    """Groups as lists of names, the kept one first; and how long it took."""
    import curator

    begin = time.perf_counter()
    with curator.open_workspace(workspace) as ws:
        rows = ws.run("dedupe", include=("near",))
    seconds = time.perf_counter() - begin
    groups: dict[int, list[str]] = {}
    for row in rows:
        if row["kind"] == "duplicate":
            groups.setdefault(row["group"], []).append(row["path"].name)
    size = (workspace / "derived.db").stat().st_size
    return {"seconds": seconds, "groups": list(groups.values()), "derived": size}


def theirs(method: str, folder: Path, distance: int) -> dict[str, Any]:
    """Pairs of names with their distance, and how long it took."""
    from imagededup import methods

    begin = time.perf_counter()
    with quiet():
        hasher = getattr(methods, method)(verbose=False)
        hashes = hasher.encode_images(folder)
        encoded = time.perf_counter() - begin
        found = hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=distance, scores=True)
    pairs = {(min(a, b), max(a, b), bits) for a, near in found.items() for b, bits in near}
    return {"encoding": encoded, "seconds": time.perf_counter() - begin, "pairs": sorted(pairs)}


def grouping(size: int, brute: bool) -> dict[str, Any]:
    """Find planted pairs among random hashes, by the index or by comparing each with each."""
    from curator.kit.copies.hamming import near_pairs

    rng = np.random.default_rng(size)
    hashes = rng.integers(0, 2**64, size, dtype=np.uint64)
    planted = size // 20
    flips = np.zeros(planted, np.uint64)
    for _ in range(PLANTED_BITS):
        flips ^= np.uint64(1) << rng.integers(0, 64, planted).astype(np.uint64)
    hashes[-planted:] = hashes[:planted] ^ flips
    begin = time.perf_counter()
    if brute:
        found = 0
        for start in range(0, size, 500):
            bits = np.bitwise_count(hashes[start : start + 500, None] ^ hashes[None])
            found += int((np.argwhere(bits <= RADIUS) @ [1, -1] + start < 0).sum())
    else:
        one, other, _ = near_pairs(hashes, hashes, RADIUS)
        found = int((one < other).sum())
    return {"seconds": time.perf_counter() - begin, "found": found, "planted": planted}


def theirs_grouping(size: int) -> float:
    from imagededup.methods import PHash

    hashes = np.random.default_rng(size).integers(0, 2**64, size, dtype=np.uint64)
    encodings = {str(number): f"{int(value):016x}" for number, value in enumerate(hashes)}
    begin = time.perf_counter()
    with quiet():
        PHash(verbose=False).find_duplicates(encoding_map=encodings, max_distance_threshold=RADIUS)
    return time.perf_counter() - begin


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """imagededup logs and warns whatever it is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable()
        yield
    logging.disable(logging.NOTSET)


# --- judging ---


def judged(names: Iterable[str], linked: set[tuple[str, str]], pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """`linked`: pairs that stand together, for recall. `pairs`: what is claimed to be copies, for precision."""
    total: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for name in names:
        photo, variant = parts(name)
        if variant:
            total[variant] += 1
            original = f"{photo}.jpg"
            found[variant] += (min(name, original), max(name, original)) in linked
    wrong = [(a, b) for a, b in pairs if parts(a)[0] != parts(b)[0]]
    return {
        "recall": {variant: found[variant] / total[variant] for variant in VARIANTS},
        "mean": sum(found.values()) / max(1, sum(total.values())),
        "precision": 1 - len(wrong) / max(1, len(pairs)),
        "pairs": len(pairs),
        "wrong": wrong,
    }


def judge_groups(names: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
    linked = {(min(a, b), max(a, b)) for group in groups for a in group for b in group if a != b}
    return judged(names, linked, [(group[0], copy) for group in groups for copy in group[1:]])


def judge_pairs(names: Sequence[str], pairs: Sequence[tuple[str, str, int]], distance: int) -> dict[str, Any]:
    near = [(a, b) for a, b, bits in pairs if bits <= distance]
    return judged(names, set(near), near)


# --- showing ---


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def show_hashes(with_theirs: bool) -> float:
    """Returns the seconds for 100,000."""
    rows, seconds = [], {}
    for size in SIZES:
        runs = [measured(grouping, size, False) for _ in range(3 if size < 1_000_000 else 1)]
        seconds[size] = median(run["seconds"] for run, _ in runs)
        run, memory = runs[0]
        rows.append((f"{size:,}", "index", f"{seconds[size]:.2f}", f"{run['found']:,}", f"{memory:,.0f}"))
    run, memory = measured(grouping, BRUTE, True)
    rows.append((f"{BRUTE:,}", "each with each", f"{run['seconds']:.2f}", f"{run['found']:,}", f"{memory:,.0f}"))
    if with_theirs:
        taken, memory = measured(theirs_grouping, BRUTE)
        rows.append((f"{BRUTE:,}", "imagededup", f"{taken:.2f}", "", f"{memory:,.0f}"))
    table("Grouping hashes", ("hashes", "how", "seconds", "pairs", "peak MB"), rows)
    return seconds[100_000]


def show_variants(judgements: dict[str, dict[str, Any]]) -> None:
    rows = [(name, *(f"{one['recall'][name]:.3f}" for one in judgements.values())) for name in VARIANTS]
    rows.append(("**all**", *(f"**{one['mean']:.3f}**" for one in judgements.values())))
    rows.append(("precision", *(f"{one['precision']:.4f}" for one in judgements.values())))
    rows.append(("pairs", *(f"{one['pairs']:,}" for one in judgements.values())))
    table("Recall", ("variant", *judgements), rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="curator dedupe on variants of photos, beside imagededup")
    parser.add_argument("folder", type=Path, help="holds train/ and test/, each with a folder for each class")
    options = parser.parse_args()
    with_theirs = importlib.util.find_spec("imagededup") is not None
    taken = show_hashes(with_theirs)
    with tempfile.TemporaryDirectory() as temporary:
        photos, workspace = Path(temporary, "photos"), Path(temporary, "workspace")
        photos.mkdir()
        make(options.folder.resolve(), photos)
        names = sorted(path.name for path in photos.iterdir())
        judgements, costs, wrong = compare(photos, workspace, names, with_theirs)
        plain = Path(temporary, "plain")
        plain.mkdir()
        for name in names:
            if not parts(name)[1]:
                shutil.move(photos / name, plain / name)
        costs += end_to_end(plain, Path(temporary, "plain workspace"), with_theirs)
    show_variants(judgements)
    table("Costs", ("files", "what", "seconds", "peak MB"), costs)
    print("\nWrong pairs of curator, as photos:")
    for pair in sorted({tuple(sorted(parts(name)[0] for name in pair)) for pair in wrong}):
        print("  ", *pair)
    mine = judgements["curator"]
    reached = {
        "recall": mine["mean"],
        "recall of crop 30 %": mine["recall"]["crop 30 %"],
        "precision": mine["precision"],
    }
    met = {name: value >= GOALS[name] for name, value in reached.items()}
    met["seconds for 100,000 hashes"] = taken < GOALS["seconds for 100,000 hashes"]
    print("\n" + json.dumps(met))
    return 0 if all(met.values()) else 1


def compare(
    photos: Path, workspace: Path, names: list[str], with_theirs: bool
) -> tuple[dict[str, Any], list[Any], Any]:
    """Judgements by method, rows of costs, and our wrong pairs."""
    many = f"{len(names):,}"
    costs = []
    adding, memory = measured(ours_add, photos, workspace)
    costs.append((many, "curator add (catalogue, embed)", f"{adding:.1f}", f"{memory:,.0f}"))
    for which in ("first", "second"):
        mine, memory = measured(ours, workspace)
        costs.append((many, f"curator dedupe, {which} run", f"{mine['seconds']:.1f}", f"{memory:,.0f}"))
    judgements = {"curator": judge_groups(names, mine["groups"])}
    for method in ("PHash", "DHash") if with_theirs else ():
        found, memory = measured(theirs, method, photos, 20)
        costs.append((many, f"imagededup {method}", f"{found['seconds']:.1f}", f"{memory:,.0f}"))
        judgements[f"{method} at 10"] = judge_pairs(names, found["pairs"], 10)
        precise = [
            distance
            for distance in range(21)
            if judge_pairs(names, found["pairs"], distance)["precision"] >= GOALS["precision"]
        ]
        best = max(precise, default=0)
        judgements[f"{method} at {best}, its best of precision 0.99"] = judge_pairs(names, found["pairs"], best)
    return judgements, costs, judgements["curator"]["wrong"]


def end_to_end(plain: Path, workspace: Path, with_theirs: bool) -> list[Any]:
    """Rows of costs, on the photos without their variants: medians over rounds in which each has its turn."""
    taken: dict[str, list[tuple[float, float]]] = {}
    count = len(list(plain.iterdir()))
    for _ in range(ROUNDS):
        shutil.rmtree(workspace, ignore_errors=True)
        adding, memory = measured(ours_add, plain, workspace)
        taken.setdefault("curator add (catalogue, embed)", []).append((adding, memory))
        before = (workspace / "derived.db").stat().st_size
        for which in ("first", "second"):
            mine, memory = measured(ours, workspace)
            taken.setdefault(f"curator dedupe, {which} run", []).append((mine["seconds"], memory))
        for method in ("PHash", "DHash") if with_theirs else ():
            found, memory = measured(theirs, method, plain, 10)
            taken.setdefault(f"imagededup {method}", []).append((found["seconds"], memory))
    print(f"\nderived.db grew by {(mine['derived'] - before) / count / 1024:.1f} KB a photo")
    return [
        (f"{count:,}", what, f"{median(t for t, _ in runs):.1f}", f"{max(m for _, m in runs):,.0f}")
        for what, runs in taken.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
