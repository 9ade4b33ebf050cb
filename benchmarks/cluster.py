"""Clusters of the grocery photos, curator's beside plain scikit-learn's on the same vectors, and chance.

    python benchmarks/cluster.py ../shared/data/grocery

How well they agree with the coarse classes of classes.csv. What the figures mean stands in README.md.
Exits with 1 where curator's k-means is worse than plain scikit-learn's by more than CLOSE.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import curator
from curator.api import ItemSet
from curator.workspace import Workspace

Integers: TypeAlias = NDArray[np.int64]

KS = (20, 42, 81)
SEEDS = range(5)
CLOSE = 0.03
NONE = 0


def coarse_classes(folder: Path) -> dict[str, str]:
    """The coarse class of each fine one."""
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        return {row["Class Name (str)"]: row["Coarse Class Name (str)"] for row in csv.DictReader(file)}


def ours(ws: Workspace, ids: Sequence[int], **how: Any) -> tuple[Integers, float]:
    """The cluster that `curator cluster` gives each item, 0 for none, and the seconds that it took."""
    begin = time.perf_counter()
    rows = ws.run("cluster", members=True, items=ItemSet(), **how)
    seconds = time.perf_counter() - begin
    found = {row["id"]: row["cluster"] or NONE for row in rows if row["kind"] == "member"}
    return np.asarray([found[number] for number in ids]), seconds


def timed(model: Any, rows: Any) -> tuple[Integers, float]:
    begin = time.perf_counter()
    labels = model.fit_predict(rows)
    return labels + 1, time.perf_counter() - begin


def line(what: str, classes: Sequence[str], found: Sequence[tuple[Integers, float]]) -> tuple[str, ...]:
    """Means, with the spread over several runs: over all items, and over those that are in a cluster."""
    figures = np.asarray([[*measured(classes, labels), seconds] for labels, seconds in found])
    mean, spread = figures.mean(axis=0), figures.std(axis=0)
    several = len(found) > 1
    shown = [f"{value:.3f}" + (f" ± {off:.3f}" if several else "") for value, off in zip(mean, spread, strict=True)]
    return (what, f"{mean[0]:.0f}", f"{mean[1]:.2f}", *shown[2:6], f"{mean[6]:.1f}")


def measured(classes: Sequence[str], labels: Integers) -> tuple[float, ...]:
    """How many clusters, the share of items in one, and both figures over all items and over those in a cluster.

    Over all, the items in no cluster count as one more: whoever leaves much out is not better for it.
    """
    named, within = np.asarray(classes), labels != NONE
    pairs = [(named, labels), (named[within], labels[within])]
    figures = [score(*pair) for pair in pairs for score in (adjusted_rand_score, normalized_mutual_info_score)]
    return (len(np.unique(labels[within])), within.mean(), *figures)


def table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    head = ("", "clusters", "in one", "ARI", "NMI", "ARI of those in one", "NMI of those in one", "seconds")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}")
    for row in [head, *rows]:
        print(
            "  "
            + "  ".join(
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="curator's clusters beside plain scikit-learn's, and chance")
    parser.add_argument("folder", type=Path, help="holds train/CLASS/PHOTO and classes.csv")
    folder = parser.parse_args().folder.resolve()
    coarse, right = coarse_classes(folder), True
    with tempfile.TemporaryDirectory() as name, curator.open_workspace(name, create=True) as ws:
        ws.add(folder / "train")
        model = ws.models.find("efficientnet-lite0")
        assert model is not None
        items, rows = ws.encoding.matrix(model, ws.items.select())
        classes = [coarse[item.path.parent.name] for item in items if item.path]
        ids = [item.id for item in items]
        print(f"{len(items)} photos of {len(set(classes))} coarse classes")
        for k in KS:
            mine = [ours(ws, ids, k=k)]
            plain = [timed(KMeans(k, n_init=1, random_state=seed), rows) for seed in SEEDS]
            drawn = [(np.random.default_rng(seed).integers(1, k + 1, len(items)), 0.0) for seed in SEEDS]
            table(
                f"k-means, k = {k}",
                [
                    line("curator", classes, mine),
                    line("plain, 5 seeds", classes, plain),
                    line("drawn by lot, 5 seeds", classes, drawn),
                ],
            )
            by_mine, by_plain = (
                np.mean([measured(classes, labels)[2] for labels, _ in found]) for found in (mine, plain)
            )
            right &= bool(by_mine > by_plain - CLOSE)
        mine = [ours(ws, ids, by="density")]
        shuffled = [(np.random.default_rng(seed).permutation(mine[0][0]), 0.0) for seed in SEEDS]
        ways = {
            "plain HDBSCAN": HDBSCAN(min_cluster_size=10, copy=True),
            "plain HDBSCAN, leaves": HDBSCAN(min_cluster_size=10, cluster_selection_method="leaf", copy=True),
        }
        found = [line(what, classes, [timed(way, rows)]) for what, way in ways.items()]
        lot = line("curator's, items shuffled, 5 seeds", classes, shuffled)
        table("By density, clusters of 10 or more", [line("curator", classes, mine), *found, lot])
    print(f"\nk-means within {CLOSE} of the plain way or better: {'yes' if right else 'NO'}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
