"""What is kept on one side of a fold: versions of photos and texts among others, by content and by vectors.

    python benchmarks/folds.py FOLDER [--photos 20] [--texts FILE]

Photos of the folder are saved again, cut, mirrored and brightened, and added to all the others. For each way it prints
how many versions are kept together with their photo, by content alone, with what lies near in the space, and by a
cosine of 0.95, as it was before. With `--texts`, a file of one text a line: how often a head is right about labels
drawn at random for 40 texts in six versions each, where one half is chance.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np
from photo_variants import VARIANTS, quality
from PIL import Image

import curator
from curator.kit.copies.vectors import join, near_copies

WAYS = ("jpeg 30", "resize 50 %", "crop 10 %", "crop 30 %", "mirror", "brighter 40 %")
MARKS = ("{}", "{}!", "{} ...", "“{}”", "({})", "{}?")
BEFORE = 0.95


def planted(folder: Path, into: Path, count: int) -> dict[Path, tuple[Path, str]]:
    """Versions of some photos: by the path of each the photo and the way."""
    rng, found = random.Random(3), dict[Path, tuple[Path, str]]()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for number, path in enumerate(rng.sample(files, count)):
        with Image.open(path) as image:
            for way in WAYS:
                made = into / f"{number} {way}.jpg"
                VARIANTS[way](image.convert("RGB"), random.Random(number)).save(made, quality=quality(way))
                found[made.resolve()] = (path.resolve(), way)
    return found


def of_photos(folder: Path, count: int, home: Path) -> None:
    """Print the table of a folder."""
    versions = home / "versions"
    versions.mkdir()
    made = planted(folder, versions, count)
    with curator.open_workspace(home / "photos", create=True) as ws:
        ws.add(folder, versions)
        model = ws.models.find("efficientnet-lite0")
        assert model is not None
        items, rows = ws.encoding.matrix(model, ws.items.select())
        seconds = []
        for _ in range(2):
            began = time.process_time()
            kin = ws.training.kinship.of(items, rows).groups
            seconds.append(time.process_time() - began)
    groups = join(kin, near_copies(rows))
    at = {str(item.path): row for row, item in enumerate(items)}
    family = np.arange(len(items))
    together: dict[str, list[tuple[bool, bool, bool]]] = {}
    for version, (photo, way) in made.items():
        one, other = at[str(version)], at[str(photo)]
        family[one] = family[other]
        near = float(rows[one] @ rows[other]) >= BEFORE
        together.setdefault(way, []).append((kin[one] == kin[other], groups[one] == groups[other], near))
    print(f"{folder}: {len(items):,} photos, {seconds[0]:.1f} s of a processor, again {seconds[1]:.1f} s")
    print(f"{'':14} content  +vectors  cosine {BEFORE}")
    for way, found in together.items():
        print(f"{way:14}" + "".join(f"{share:9.2f}" for share in np.mean(found, axis=0)))
    wrong = [number for number in np.unique(groups) if len(np.unique(family[groups == number])) > 1]
    print(f"groups of more than one photo: {len(wrong)}; the largest group: {np.bincount(groups).max()}")


def of_texts(file: Path, home: Path, draws: int = 5) -> None:
    """Print how often labels drawn at random are right."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    right = []
    for draw in range(draws):
        rng, labels = random.Random(draw), {True: list[Path](), False: list[Path]()}
        folder = home / f"texts {draw}"
        folder.mkdir()
        for number, text in enumerate(rng.sample(lines, 40)):
            value = rng.random() < 0.5
            for version, marks in enumerate(MARKS):
                path = folder / f"{number}-{version}.txt"
                path.write_text(marks.format(text.rstrip(".?!。？！")), encoding="utf-8")
                labels[value].append(path)
        with curator.open_workspace(home / f"of texts {draw}", create=True) as ws:
            ws.add(folder)
            for value, paths in labels.items():
                ws.label("drawn", paths, value)
            right.append(ws.train("drawn").metrics["balanced accuracy"])
    print(f"{file}: right about labels drawn at random, mean of {draws}: {np.mean(right):.3f}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description="what is kept on one side of a fold")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="holds photos")
    parser.add_argument("--photos", type=int, default=20, help="photos of which versions are made")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="one text a line")
    given = parser.parse_args()
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as home:
            of_photos(folder, given.photos, Path(home))
    if given.texts:
        with tempfile.TemporaryDirectory() as home:
            of_texts(given.texts, Path(home))


if __name__ == "__main__":
    main()
