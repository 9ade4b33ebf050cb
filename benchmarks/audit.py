"""Labels turned round on the grocery photos: how many of them `curator audit` finds, beside other orders.

    python benchmarks/audit.py ../shared/data/grocery

Five in a hundred labels of the train photos (coarse classes) are turned into another class, five times. On the same
held-out probabilities: curator's order, self-confidence, cleanlab's (if it is installed), and a random one. Of the
first N, as many as were turned, precision and recall are one number. What the figures mean stands in README.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from curator_plugins.heads.logistic import Logistic, LogisticParams
from numpy.typing import NDArray

import curator
from curator.api import ItemSet
from curator.kit.trust.suspects import unbelieved
from curator.learning.calibration import fit_calibration
from curator.learning.cross_validation import cross_validate

SHARE, SEEDS = 0.05, 5
LITE0 = "efficientnet-lite0"


def coarse_classes(folder: Path) -> dict[str, str]:
    """The coarse class of each fine one."""
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return {row[0]: row[2] for row in rows[1:]}


def vectors(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit rows of the train photos and their coarse classes."""
    names = coarse_classes(folder)
    with tempfile.TemporaryDirectory() as place, curator.open_workspace(place, create=True) as ws:
        ws.add(folder / "train")
        items, rows = ws.encoding.matrix(ws.models.find(LITE0), ws.items.select(ItemSet()))
    of = [names[item.path.parent.name] for item in items if item.path]
    return rows, np.unique(of, return_inverse=True)[1].astype(np.int64)


def turned(targets: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Targets of which some are another class, and which these are."""
    chance = np.random.default_rng(seed)
    chosen = chance.choice(len(targets), round(SHARE * len(targets)), replace=False)
    classes = int(targets.max()) + 1
    found = targets.copy()
    found[chosen] = (targets[chosen] + chance.integers(1, classes, len(chosen))) % classes
    return found, chosen


def held_out(rows: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float32]:
    """What curator's default head says of each while it is held out, calibrated."""
    classes = int(targets.max()) + 1

    def fit_predict(
        train: NDArray[np.float32], wanted: NDArray[np.int64], unseen: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        head = Logistic(LogisticParams())
        head.fit(train, wanted, classes, 0)
        return head.predict(unseen)

    found = cross_validate(fit_predict, rows, targets, classes, 0)
    assert len(found.index) == len(targets)
    calibration = fit_calibration(found.probabilities, targets)
    assert calibration is not None
    return calibration.apply(found.probabilities)


def by_cleanlab(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> list[int] | None:
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        return None
    said = probabilities.astype(np.float64)
    found = find_label_issues(
        targets, said / said.sum(axis=1, keepdims=True), return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return [int(index) for index in found]


def main() -> int:
    parser = argparse.ArgumentParser(description="turned labels found, beside other orders")
    parser.add_argument("folder", type=Path, help="holds train/CLASS/PHOTO and classes.csv")
    folder: Path = parser.parse_args().folder
    if not (folder / "classes.csv").is_file():
        sys.exit(f"no classes.csv in {folder}")
    rows, true = vectors(folder)
    figures: dict[str, list[float]] = {}
    flagged: dict[str, list[tuple[int, float, float]]] = {}
    for seed in range(SEEDS):
        targets, wrong = turned(true, seed)
        said = held_out(rows, targets)
        own = said[np.arange(len(targets)), targets]
        ours = [suspect.index for suspect in unbelieved(said, targets)]
        orders: dict[str, Sequence[int] | None] = {
            "curator audit": ours,
            "self-confidence": np.argsort(own, kind="stable").tolist(),
            "cleanlab": by_cleanlab(said, targets),
            "random": np.random.default_rng(seed).permutation(len(targets)).tolist(),
        }
        for name, order in orders.items():
            if order is None:
                continue
            found = len(set(order[: len(wrong)]) & set(wrong.tolist()))
            figures.setdefault(name, []).append(found / len(wrong))
            if len(order) < len(targets):
                both = len(set(order) & set(wrong.tolist()))
                flagged.setdefault(name, []).append((len(order), both / len(order), both / len(wrong)))
        print(f"  seed {seed} done", file=sys.stderr)
    count = round(SHARE * len(true))
    print(f"\n{count} of {len(true):,} labels turned, {int(true.max()) + 1} classes, {SEEDS} seeds\n")
    print(f"| | of the first {count}, turned | all flagged | precision | recall |\n|---|---|---|---|---|")
    for name, values in figures.items():
        of = np.mean(flagged[name], axis=0) if name in flagged else None
        rest = "| | | |" if of is None else f"| {of[0]:.0f} | {of[1]:.3f} | {of[2]:.3f} |"
        print(f"| {name} | {np.mean(values):.3f} ± {np.std(values):.3f} {rest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
