"""The default encoder fine-tuned on the grocery photos, at several depths, beside itself frozen, on the same files.

    python benchmarks/finetune.py ../shared/data/grocery
    python benchmarks/finetune.py ../shared/data/grocery --depths blocks6,all --photos 8

A logistic head is fitted on all train photos each time; what is compared is how many of the test photos, which neither
the head nor the encoder saw, it sorts into their class of 81. Only curator's public calls are used. Each row is printed
when it is there: the frozen encoder first, as a control.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import curator
from curator.api import FittedHead, ItemSet
from curator.workspace import Workspace

ENCODER = "efficientnet-lite0"
ROW = "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}"


def measured(ws: Workspace, head: FittedHead, test: Path) -> tuple[float, float]:
    """Of the test photos in that folder: accuracy, and the mean of the classes' recalls."""
    rows = ws.run("classify", group="kind", encoder=head.model.name, items=ItemSet(under=test))
    right: dict[str, list[bool]] = {}
    for row in rows:
        if row["kind"] == "prediction":
            name = Path(row["path"]).parent.name
            right.setdefault(name, []).append(row["label"] == name)
    every = [one for of_class in right.values() for one in of_class]
    return sum(every) / len(every), sum(sum(some) / len(some) for some in right.values()) / len(right)


def chosen(folder: Path, photos: int | None, into: Path) -> Path:
    """The train photos; only the first so many of each class where that is said."""
    if photos is None:
        return folder
    for path in (path for of_class in sorted(folder.iterdir()) for path in sorted(of_class.iterdir())[:photos]):
        (into / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, into / path.parent.name)
    return into


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--depths", default="blocks6,blocks5,all")
    parser.add_argument("--photos", type=int, help="train photos of each class [default: all]")
    given = parser.parse_args()
    if not (given.folder / "train").is_dir():
        sys.exit(f"no photos below {given.folder}: give a folder that holds train/CLASS/PHOTO and test/CLASS/PHOTO")
    with tempfile.TemporaryDirectory() as name:
        train, test = chosen(given.folder / "train", given.photos, Path(name, "train")), given.folder / "test"
        with curator.open_workspace(Path(name, "workspace"), create=True) as ws:
            ws.add(train, labels_from_folders=True, group="kind")
            ws.add(test)
            print(ROW.format("depth", "test", "by class", "held out", "of", "seconds", "CPU s"))
            for depth in ("frozen", *given.depths.split(",")):
                wall, cpu = time.perf_counter(), time.process_time()
                fine_tune = False if depth == "frozen" else depth
                head = ws.train(group="kind", encoder=ENCODER, fine_tune=fine_tune, may_encode=True)
                spent = time.perf_counter() - wall, time.process_time() - cpu
                accuracy, balanced = measured(ws, head, test.resolve())
                figures = (accuracy, balanced, head.metrics["balanced accuracy"])
                shown = [f"{figure:.4f}" for figure in figures]
                print(ROW.format(depth, *shown, int(head.metrics["items"]), *(f"{one:.0f}" for one in spent)))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
