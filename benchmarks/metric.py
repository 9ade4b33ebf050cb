"""A similarity learnt from marked pairs of grocery photos, beside the plain cosine, and beside marks by chance.

    python benchmarks/metric.py ../shared/data/grocery

Two photos are marked as alike where both show fruit, both vegetables or both packages; the cosine hardly parts fruit
from vegetables. Pairs are drawn among half of the 81 classes; measured are the photos of these classes, and those of
the other half. What the figures mean stands in README.md. Exits with 1 where what was learnt loses to the cosine.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import curator
from curator.api import Metric, MetricSpec
from curator.workspace import Workspace

Floats: TypeAlias = NDArray[np.float32]
Figures: TypeAlias = tuple[float, float, float, float]

PAIRS = (6, 20, 100, 500)
SEEDS = range(5)
SAMPLE, NEAREST = 400, 5
VEGETABLES = frozenset(
    [
        *("Asparagus", "Aubergine", "Cabbage", "Carrots", "Cucumber", "Garlic", "Ginger", "Leek", "Mushroom"),
        *("Onion", "Pepper", "Potato", "Red-Beet", "Tomato", "Zucchini"),
    ]
)
PACKAGES = frozenset(
    ["Juice", "Milk", "Oat-Milk", "Oatghurt", "Sour-Cream", "Sour-Milk", "Soy-Milk", "Soyghurt", "Yoghurt"]
)


def sections(folder: Path) -> dict[str, str]:
    """Fruit, vegetable or package, for each fine class."""
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        coarse = {row["Class Name (str)"]: row["Coarse Class Name (str)"] for row in csv.DictReader(file)}
    kinds = {name: "vegetable" if kind in VEGETABLES else "fruit" for name, kind in coarse.items()}
    return kinds | {name: "package" for name, kind in coarse.items() if kind in PACKAGES}


class Photos:
    """The vectors of the photos, with the number of the class and the section of each."""

    def __init__(self, ws: Workspace, folder: Path) -> None:
        items = ws.items.select()
        self.items, self.rows = ws.encoding.matrix(ws.models.find(ws.models.default_reference("image")), items)
        classes = [item.path.parent.name for item in self.items]
        names = sorted(set(classes))
        self.classes = np.asarray([names.index(name) for name in classes])
        self.sections = np.asarray([sections(folder)[name] for name in classes])

    def pairs(self, among: NDArray[np.int64], number: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        """Random pairs of photos, half of them of one section."""
        wanted, found = np.arange(number) % 2 == 0, []
        for alike in wanted:
            while True:
                one, other = rng.choice(among, 2, replace=False)
                if (self.sections[one] == self.sections[other]) == alike:
                    found.append((one, other))
                    break
        return *np.asarray(found).T, wanted

    def measured(self, rows: Floats, among: NDArray[np.int64]) -> tuple[float, float]:
        """How well pairs of different classes are told apart, and the share of the section among the nearest five.

        Photos of the query's own class are left out: any vectors find those.
        """
        classes, kinds, cosines = self.classes[among], self.sections[among], rows[among] @ rows[among].T
        foreign, same = classes[:, None] != classes, kinds[:, None] == kinds
        upper = np.triu(foreign)
        nearest = np.argsort(-np.where(foreign, cosines, -2), axis=1)[:, :NEAREST]
        return roc_auc_score(same[upper], cosines[upper]), float(np.take_along_axis(same, nearest, 1).mean())


def fitted(spec: MetricSpec, rows: Floats, left: Any, right: Any, alike: Any) -> Metric:
    metric = spec.load()
    metric.fit(rows[left], rows[right], alike, 0)
    return metric


def exercise(spec: MetricSpec, photos: Photos, number: int, seed: int) -> tuple[dict[str, Figures], float]:
    """The figures of one draw, by what the similarity is, and the seconds of a fit."""
    rng = np.random.default_rng([seed, number])
    known = np.isin(photos.classes, rng.permutation(photos.classes.max() + 1)[:41])
    left, right, alike = photos.pairs(np.flatnonzero(known), number, rng)
    places = [rng.choice(np.flatnonzero(some), SAMPLE, replace=False) for some in (known, ~known)]
    begin = time.perf_counter()
    learned = fitted(spec, photos.rows, left, right, alike)
    seconds = time.perf_counter() - begin
    chance = fitted(spec, photos.rows, left, right, rng.permutation(alike))
    of = {
        "plain cosine": photos.rows,
        "learned": learned.transform(photos.rows),
        "marks by chance": chance.transform(photos.rows),
    }
    figures = {
        name: tuple(itertools.chain(*(photos.measured(rows, some) for some in places))) for name, rows in of.items()
    }
    return figures, seconds  # type: ignore[return-value]


def whole(ws: Workspace, spec: MetricSpec, photos: Photos) -> float:
    """The share of neighbours that `curator similar` finds as measured here, from pairs that `curator pair` took."""
    rng = np.random.default_rng(0)
    left, right, alike = photos.pairs(np.arange(len(photos.rows)), 40, rng)
    ids = np.asarray([item.id for item in photos.items])
    for one, other, same in zip(ids[left].tolist(), ids[right].tolist(), alike.tolist(), strict=True):
        ws.pair("section", one, other, alike=same)
    rows = fitted(spec, photos.rows, left, right, alike).transform(photos.rows)
    shared = []
    for place in rng.choice(len(rows), 10, replace=False):
        found = {row["id"] for row in ws.run("similar", query=f"id:{ids[place]}", k=NEAREST, metric="section")}
        scores = rows @ rows[place]
        scores[place] = -2
        shared.append(len(found & set(ids[np.argsort(-scores)[:NEAREST]].tolist())) / NEAREST)
    return float(np.mean(shared))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grocery", type=Path)
    folder = parser.parse_args().grocery.resolve()
    lost = False
    with tempfile.TemporaryDirectory() as name, curator.open_workspace(name, create=True) as ws:
        ws.add(folder / "train")
        photos, spec = Photos(ws, folder), ws.registry.default(MetricSpec, lambda spec: True)
        print("pairs  similarity          marked classes             other classes")
        print("                         AUC    of nearest five     AUC    of nearest five")
        for number in PAIRS:
            drawn = [exercise(spec, photos, number, seed) for seed in SEEDS]
            for what in drawn[0][0]:
                every = np.asarray([figures[what] for figures, _ in drawn])
                shown = [f"{m:.3f} ± {s:.3f}" for m, s in zip(every.mean(axis=0), every.std(axis=0), strict=True)]
                print(f"{number:5}  {what:16} {'  '.join(shown)}")
            means = {what: np.mean([figures[what] for figures, _ in drawn], axis=0) for what in drawn[0][0]}
            lost |= number >= 20 and bool((means["learned"][[0, 2]] < means["plain cosine"][[0, 2]]).any())
            print(f"       fitted in {np.median([seconds for _, seconds in drawn]):.2f} s")
        print(f"neighbours that `curator similar --metric` finds as measured here: {whole(ws, spec, photos):.0%}")
    return int(lost)


if __name__ == "__main__":
    sys.exit(main())
