"""How much better `similar` finds a class with several photos, and with photos of what it must not be like.

    python benchmarks/questions.py ../shared/data/grocery

Photos of `test`, drawn by a seed, are looked for among those of `train`, through the public call and without a
label: how many of ten neighbours are of the class (precision at 10, the mean over draws). Then one or three of the
wrong ones are given as `minus`; beside it, what leaving them out alone does, as results never hold a part of the
question.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

import curator
from curator.workspace import Workspace

DRAWS = 5
FEWEST = 10
"""Photos of a class among which it is looked for: fewer could not fill ten places."""


def found(ws: Workspace, train: Path, positives: list[Path], negatives: list[Path], k: int = 10) -> list[Path]:
    rows = ws.run("similar", query=positives, minus=negatives, k=k, copies=True, items={"under": train})
    return [row["path"] for row in rows]


def share(paths: list[Path], name: str) -> float:
    return float(np.mean([path.parent.name == name for path in paths[:10]]))


def main(folder: Path) -> None:
    chance = np.random.default_rng(0)
    figures: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary, curator.open_workspace(f"{temporary}/w", create=True) as ws:
        ws.add(folder)
        for inside in sorted((folder / "test").iterdir()):
            photos = sorted(inside.glob("*.jpg"))
            if len(photos) < 5 or len([*(folder / "train" / inside.name).glob("*.jpg")]) < FEWEST:
                continue
            for _ in range(DRAWS):
                drawn = [photos[at] for at in chance.permutation(len(photos))[:5]]
                for count in (1, 3, 5):
                    ask(ws, folder / "train", drawn[:count], inside.name, figures)
    print("| question | draws | precision at 10 |\n|---|---|---|")
    for name in sorted(figures):
        print(f"| {name} | {len(figures[name])} | {np.mean(figures[name]):.3f} |")


def ask(ws: Workspace, train: Path, positives: list[Path], name: str, figures: dict[str, list[float]]) -> None:
    title = f"{len(positives)} photo{'s' * (len(positives) > 1)}"
    plain = found(ws, train, positives, [], 13)
    figures[title].append(share(plain, name))
    wrong = [path for path in plain[:10] if path.parent.name != name]
    if wrong:
        figures[f"{title}, some wrong"].append(share(plain, name))
        for count in (1, 3):
            negatives = wrong[:count]
            left = [path for path in plain if path not in negatives]
            figures[f"{title}, some wrong, less {count}"].append(share(found(ws, train, positives, negatives), name))
            figures[f"{title}, some wrong, {count} left out"].append(share(left, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
