"""Flaws of photos made on purpose: what `curator audit` finds of them, and how fast, beside cleanvision.

    pip install cleanvision
    python benchmarks/quality.py ../shared/data/mixed ../shared/data/grocery/test ../shared/data/hands --photos 250

Of each source some photos are taken as they are, and some are made dark, bright, hazy, blurred, grey, narrow or small,
or cut off, or replaced by one colour. Both look at the same files in this run. `natural` is what is reported of photos
that nobody touched: some of them are dark or blurred, so that it is no share of errors. Prints a table a source and the
CPU seconds of both, in turns; exits with 1 where curator looks at fewer than twice as many photos a second.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageFilter

EACH, ROUNDS, GOAL = 12, 3, 2.0
KNOWN = {
    "dark": "dark",
    "bright": "light",
    "low-contrast": "low_information",
    "blurred": "blurry",
    "blank": "low_information",
    "grey": "grayscale",
    "odd-shape": "odd_aspect_ratio",
    "odd-size": "odd_size",
}
"""Our checks, and cleanvision's name of what comes nearest."""


def shade(low: float, span: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.point(lambda value: int(low + value * span))


def worse(kind: str, degree: float, image: Image.Image) -> Image.Image:
    """A photo made worse; `degree` from 0, the most, to 1, the least."""
    if kind == "dark":
        return shade(0, 0.05 + 0.15 * degree)(image)
    if kind == "bright":
        span = 0.05 + 0.15 * degree
        return shade(255 * (1 - span), span)(image)
    if kind == "low-contrast":
        span = 0.05 + 0.1 * degree
        return shade(255 * (0.5 - span / 2), span)(image)
    if kind == "blurred":
        return image.filter(ImageFilter.GaussianBlur(max(image.size) / (100 + 100 * degree)))
    if kind == "blank":
        return Image.new("RGB", image.size, tuple(random.Random(degree).randrange(256) for _ in range(3)))
    if kind == "grey":
        return image.convert("L")
    if kind == "odd-shape":
        return image.crop((0, image.height // 2, image.width, image.height // 2 + max(4, round(image.width / 5))))
    return image.resize([max(3, side // 12) for side in image.size])


def planted(source: Path, folder: Path, photos: int) -> int:
    """Photos as they are, and those made worse, in files that tell which they are; returns how many there are."""
    chance = random.Random(source.name)
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = chance.sample(files, min(len(files), photos + EACH * (len(KNOWN) + 1)))
    folder.mkdir()
    for kind in [*KNOWN, "unreadable"]:
        for number in range(EACH):
            path, target = chosen.pop(), folder / f"{kind}_{number}.jpg"
            if kind == "unreadable":
                data = path.read_bytes()
                target.write_bytes(data[: len(data) * 2 // 3])
                continue
            with Image.open(path) as image:
                worse(kind, number / (EACH - 1), image.convert("RGB")).save(target, quality=90)
    for path in chosen:
        (folder / f"natural_{path.name}").write_bytes(path.read_bytes())
    return len(chosen) + EACH * (len(KNOWN) + 1)


def cpu(command: list[str], cwd: Path) -> tuple[float, str]:
    """The CPU seconds of a command and of all that it starts, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode not in (0, 5):
        sys.exit(done.stderr)
    return used, done.stdout


def ours(folder: Path, home: Path) -> tuple[float, dict[str, set[str]]]:
    """What our checks report, by check, and the CPU seconds of the first time."""
    curator = str(Path(sys.executable).with_name("curator"))
    subprocess.run([curator, "add", str(folder), "--no-encode"], cwd=home, capture_output=True, check=False)
    checks = [part for name in (*KNOWN, "unreadable") for part in ("--check", name)]
    used, printed = cpu([curator, "audit", *checks, "--json", "--limit", "0"], home)
    found = collections.defaultdict(set)
    for row in map(json.loads, printed.splitlines()):
        if row["kind"] == "flaw":
            found[row["check"]].add(Path(row["path"]).name)
    return used, found


PEER = """
import json, sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues(dict.fromkeys(sys.argv[2:], {}), n_jobs=1, verbose=False)
found = lab.issues
named = {name: found.index[found[f"is_{name}_issue"]] for name in sys.argv[2:]}
print(json.dumps({name: [path.rsplit("/", 1)[1] for path in paths] for name, paths in named.items()}))
"""


def theirs(folder: Path, home: Path) -> tuple[float, dict[str, set[str]]] | None:
    """The same of cleanvision; None where it is not installed. It stops at files that cannot be read: they are away."""
    away = [path.rename(home / path.name) for path in folder.glob("unreadable_*")]
    names = sorted(set(KNOWN.values()))
    used, printed = cpu([sys.executable, "-W", "ignore", "-c", PEER, str(folder), *names], home)
    for path in away:
        path.rename(folder / path.name)
    found = json.loads(printed.splitlines()[-1])
    return used, {name: set(files) for name, files in found.items()}


def table(found: dict[str, set[str]], other: dict[str, set[str]] | None) -> None:
    print(f"{'':14} curator: planted natural   cleanvision: planted natural   agree on natural")
    for kind in [*KNOWN, "unreadable"]:
        mine = found.get(kind, set())
        row = f"{kind:14} {_planted(mine, kind):>7} of {EACH} {_natural(mine):7}"
        if other is not None and kind in KNOWN:
            its = other[KNOWN[kind]]
            both = len([name for name in mine & its if name.startswith("natural")])
            row += f" {_planted(its, kind):>18} of {EACH} {_natural(its):7} {both:18}"
        print(row)


def _planted(names: set[str], kind: str) -> int:
    return len([name for name in names if name.startswith(f"{kind}_")])


def _natural(names: set[str]) -> int:
    return len([name for name in names if name.startswith("natural")])


def main() -> int:
    parser = argparse.ArgumentParser(description="flaws of photos, beside cleanvision")
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=250, help="as they are, of each source")
    given = parser.parse_args()
    try:
        import cleanvision  # noqa: F401

        peer = True
    except ImportError:
        peer = False
    ratios = []
    for source in given.sources:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "photos"
            many = planted(source, folder, given.photos)
            seconds: dict[str, list[float]] = {"curator": [], "cleanvision": []}
            begin = time.monotonic()
            for number in range(ROUNDS):
                home = Path(place) / f"home-{number}"
                home.mkdir()
                used, found = ours(folder, home)
                seconds["curator"].append(used)
                other = theirs(folder, home) if peer else None
                if other is not None:
                    seconds["cleanvision"].append(other[0])
            print(f"\n{source}: {many} photos ({time.monotonic() - begin:.0f} s)")
            table(found, other[1] if other else None)
            for name, some in seconds.items():
                if some:
                    print(f"{name}: {statistics.median(some):.2f} CPU s, {many / statistics.median(some):.0f} photos/s")
            if peer:
                ratios.append(statistics.median(seconds["cleanvision"]) / statistics.median(seconds["curator"]))
                print(f"cleanvision's time over curator's: {ratios[-1]:.2f}")
    return int(bool(ratios) and statistics.median(ratios) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
