"""`curator dedupe` on variants of real photos, beside imagededup on the same files; and what grouping hashes costs.

    python benchmarks/dedupe.py FOLDER [FOLDER ...]

Each measurement runs in a process of its own, for its time and its memory. imagededup is left out where it is not
installed (`pip install imagededup`). What the figures mean stands in README.md. Exits with 1 where a goal fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
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
from statistics import fmean, median
from types import ModuleType
from typing import Any

import numpy as np
from photo_variants import CHANGED, EDITED, SAVED, VARIANTS, quality
from PIL import Image, ImageOps

SEED, ROUNDS = 2, 3
SIZES = (10_000, 100_000, 1_000_000)
BRUTE = 10_000
RADIUS, PLANTED_BITS = 7, 6
GOALS = {
    "recall": 0.95,
    "recall of crop 30 %": 0.9,
    "recall of text": 0.85,
    "recall of edited": 0.95,
    "saved again as copy": 0.9,
    "edited not as copy": 1.0,
    "precision": 0.99,
}
CLOSE = ("exact", "same picture", "copy")
MARK = "@@"


# --- the files ---


def make(source: Path, folder: Path, photos: int, others: int) -> None:
    """Photos below a folder, drawn by a seed: some with all their variants, and others."""
    rng = random.Random(SEED)
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = rng.sample(paths, min(len(paths), photos + others))
    for number, path in enumerate(chosen):
        stem = f"{number:05d} {path.stem}"
        shutil.copy2(path, folder / f"{stem}{MARK}{path.suffix}")
        if number >= photos:
            continue
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        for name, variant in VARIANTS.items():
            variant(image, rng).save(folder / f"{stem}{MARK}{name}.jpg", quality=quality(name))


def parts(name: str) -> tuple[str, str]:
    """The photo that a file is of, and the variant ('' for the photo itself)."""
    photo, _, variant = name.rpartition(".")[0].partition(MARK)
    return photo, variant


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
    """Groups as their level and names, the kept one first; and how long it took."""
    import curator

    begin = time.perf_counter()
    with curator.open_workspace(workspace) as ws:
        rows = ws.run("dedupe", include=("near",))
    seconds = time.perf_counter() - begin
    groups: dict[int, tuple[str, list[str]]] = {}
    for row in rows:
        if row["kind"] == "duplicate":
            groups.setdefault(row["group"], (row["match"], []))[1].append(row["path"].name)
    size = (workspace / "derived.db").stat().st_size
    return {"seconds": seconds, "groups": list(groups.values()), "derived": size}


def theirs(method: str, folder: Path, distance: int) -> dict[str, Any]:
    """Pairs of names with their distance, and how long it took."""
    begin = time.perf_counter()
    with quiet():
        hasher = getattr(imagededup(), method)(verbose=False)
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
    hashes = np.random.default_rng(size).integers(0, 2**64, size, dtype=np.uint64)
    encodings = {str(number): f"{int(value):016x}" for number, value in enumerate(hashes)}
    begin = time.perf_counter()
    with quiet():
        imagededup().PHash(verbose=False).find_duplicates(encoding_map=encodings, max_distance_threshold=RADIUS)
    return time.perf_counter() - begin


def imagededup() -> Any:
    """Its hashes alone."""
    # Its package makes a network when it is imported, with weights from the internet. Hashes have no use for it.
    left_out: Any = ModuleType("imagededup.methods.cnn")
    left_out.CNN = None
    sys.modules[left_out.__name__] = left_out
    # Its processes are to begin as on any Linux; started anew, each would make that network.
    multiprocessing.set_start_method("fork", force=True)
    return importlib.import_module("imagededup.methods.hashing")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """imagededup logs and warns whatever it is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable()
        yield
    logging.disable(logging.NOTSET)


# --- judging ---

Links = dict[str, dict[str, bool]]
"""Each file and those that it stands with, and whether as a copy or closer."""


def linked(groups: Sequence[tuple[str, Sequence[str]]]) -> Links:
    """What stands in groups together; where one is kept in two groups, by both."""
    near: Links = {}
    for level, names in groups:
        for other in names[1:]:
            for one, two in ((names[0], other), (other, names[0])):
                near.setdefault(one, {})[two] = level in CLOSE
    return near


def reached(near: Links, name: str, close: bool) -> set[str]:
    """All that hang together with a file, by close links alone if `close`."""
    found, left = {name}, [name]
    while left:
        for other, is_close in near.get(left.pop(), {}).items():
            if other not in found and (is_close or not close):
                found.add(other)
                left.append(other)
    return found


def judged(names: Iterable[str], near: Links, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """`near`: what stands together, for recall. `pairs`: what is claimed to be copies, for precision."""
    original = {parts(name)[0]: name for name in names if not parts(name)[1]}
    total: Counter[str] = Counter()
    found: Counter[str] = Counter()
    close: Counter[str] = Counter()
    for name in names:
        photo, variant = parts(name)
        if variant:
            total[variant] += 1
            found[variant] += original[photo] in reached(near, name, False)
            close[variant] += original[photo] in reached(near, name, True)
    wrong = [(a, b) for a, b in pairs if parts(a)[0] != parts(b)[0]]
    return {
        "recall": {variant: found[variant] / total[variant] for variant in VARIANTS},
        "close": {variant: close[variant] / total[variant] for variant in VARIANTS},
        "precision": 1 - len(wrong) / max(1, len(pairs)),
        "pairs": len(pairs),
        "wrong": wrong,
    }


def judge_groups(names: Sequence[str], groups: Sequence[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    return judged(names, linked(groups), [(group[0], copy) for _, group in groups for copy in group[1:]])


def judge_pairs(names: Sequence[str], pairs: Sequence[tuple[str, str, int]], distance: int) -> dict[str, Any]:
    near = [(a, b) for a, b, bits in pairs if bits <= distance]
    return judged(names, linked([("", pair) for pair in near]), near)


def mean(judgement: dict[str, Any], which: str, variants: Iterable[str]) -> float:
    return fmean(judgement[which][variant] for variant in variants)


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


def show_variants(source: Path, judgements: dict[str, dict[str, Any]]) -> None:
    """Recall of each method by variant; of ours also the part that is a copy or closer."""
    mine = judgements["curator"]
    rows = []
    for name in VARIANTS:
        rows.append(
            (name, *(f"{one['recall'][name]:.3f}" for one in judgements.values()), f"{mine['close'][name]:.3f}")
        )
    for title, names in (("**nine changes**", CHANGED), ("**saved again**", SAVED), ("**edited**", EDITED)):
        means = [mean(one, "recall", names) for one in judgements.values()]
        rows.append((title, *(f"**{value:.3f}**" for value in means), f"{mean(mine, 'close', names):.3f}"))
    rows.append(("precision", *(f"{one['precision']:.4f}" for one in judgements.values()), ""))
    rows.append(("pairs", *(f"{one['pairs']:,}" for one in judgements.values()), ""))
    table(f"Recall on {source.name}", ("variant", *judgements, "curator: copy or closer"), rows)
    print("\nWrong pairs of curator, as photos:")
    for pair in sorted({tuple(sorted(parts(name)[0] for name in pair)) for pair in mine["wrong"]}):
        print("  ", *pair, sep=" | ")


def met(mine: dict[str, Any]) -> dict[str, bool]:
    """Which goals are."""
    values = {
        "recall": mean(mine, "recall", CHANGED),
        "recall of crop 30 %": mine["recall"]["crop 30 %"],
        "recall of text": mine["recall"]["text"],
        "recall of edited": mean(mine, "recall", EDITED),
        "saved again as copy": mean(mine, "close", SAVED),
        "edited not as copy": 1 - mean(mine, "close", EDITED),
        "precision": mine["precision"],
    }
    return {name: value >= GOALS[name] for name, value in values.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="curator dedupe on variants of photos, beside imagededup")
    parser.add_argument("folders", nargs="+", type=Path, help="each a source of photos, at any depth")
    parser.add_argument("--photos", type=int, default=100, help="how many of each source have variants (100)")
    parser.add_argument("--others", type=int, default=200, help="how many more stand among them (200)")
    parser.add_argument("--costs", action="store_true", help="also time hashes, and all photos of the first folder")
    options = parser.parse_args()
    with_theirs = importlib.util.find_spec("imagededup") is not None
    goals: dict[str, dict[str, bool]] = {}
    for source in options.folders:
        with tempfile.TemporaryDirectory() as temporary:
            photos, workspace = Path(temporary, "photos"), Path(temporary, "workspace")
            photos.mkdir()
            make(source.resolve(), photos, options.photos, options.others)
            names = sorted(path.name for path in photos.iterdir())
            judgements, costs = compare(photos, workspace, names, with_theirs)
        show_variants(source, judgements)
        table("Costs", ("files", "what", "seconds", "peak MB"), costs)
        goals[source.name] = met(judgements["curator"])
    if options.costs:
        goals["hashes"] = {"100,000 in 10 s": show_hashes(with_theirs) < 10}
        table("Costs", ("files", "what", "seconds", "peak MB"), whole_source(options.folders[0], with_theirs))
    print("\n" + json.dumps(goals, indent=1))
    return 0 if all(all(one.values()) for one in goals.values()) else 1


def whole_source(source: Path, with_theirs: bool) -> list[Any]:
    """Costs of all photos of a source, without variants."""
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary, "plain")
        plain.mkdir()
        make(source.resolve(), plain, 0, 10**9)
        return end_to_end(plain, Path(temporary, "workspace"), with_theirs)


def compare(photos: Path, workspace: Path, names: list[str], with_theirs: bool) -> tuple[dict[str, Any], list[Any]]:
    """Judgements by method, and rows of costs."""
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
    return judgements, costs


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
