"""What answering `curator review` teaches, beside random choice and plain uncertainty, on the grocery photos.

    python benchmarks/review.py ../shared/data/grocery

Learning curves of average precision on the test photos, for coarse classes, over ten seeds; a person is simulated who
always tells the truth. What the figures mean stands in README.md. Exits with 1 where review does not win on average.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from curator_plugins.actions.review import choosing
from curator_plugins.heads.logistic import Logistic, LogisticParams
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

import curator
from curator.api import ItemSet
from curator.learning.cross_validation import cross_validate

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]
Choice: TypeAlias = Callable[[Floats, Floats, np.random.Generator], Indices]

ENCODER = "efficientnet-lite0"
# The coarse classes of most fine ones, but for Potato, on which and on seven others POOL and ALIKE were chosen.
CLASSES = ("Juice", "Yoghurt", "Milk", "Apple", "Pepper", "Melon", "Tomato", "Pear")
SEEDS, POSITIVES, NEGATIVES, ANSWERS, BATCH = 10, 2, 5, 60, 5


class Photos(NamedTuple):
    vectors: Floats
    coarse: NDArray[np.str_]


class Curve(NamedTuple):
    """Average precision on the test photos after each batch, from none on."""

    precision: list[float]
    positives: int
    alike: float
    """The mean over batches of the largest cosine of two photos in one."""
    held_out: list[float]
    """What cross-validation on the answered photos says, before the first answer and after the last."""


def photos(folder: Path) -> tuple[Photos, Photos]:
    """Those of train and of test, embedded by curator."""
    with (folder / "classes.csv").open(encoding="utf-8") as file:
        coarse = {row[0]: row[2] for row in csv.reader(file)}
    with (
        tempfile.TemporaryDirectory() as here,
        curator.open_workspace(Path(here) / "workspace", create=True) as ws,
    ):
        ws.add(folder / "train", folder / "test", encode=False)
        ws.encode(ENCODER)
        model = ws.models.find(ENCODER)
        assert model is not None
        found = []
        for part in ("train", "test"):
            items, vectors = ws.encoding.matrix(model, ws.items.select(ItemSet(under=folder / part)))
            names = [coarse[item.path.parent.name] for item in items if item.path]
            found.append(Photos(vectors, np.asarray(names)))
    return found[0], found[1]


# --- who chooses ---


def at_random(probabilities: Floats, vectors: Floats, rng: np.random.Generator) -> Indices:
    return rng.choice(len(vectors), BATCH, replace=False)


def least_sure(probabilities: Floats, vectors: Floats, rng: np.random.Generator) -> Indices:
    return choosing.shortlist(choosing.unsureness(probabilities), BATCH)[:BATCH]


def review(probabilities: Floats, vectors: Floats, rng: np.random.Generator) -> Indices:
    unsure = choosing.unsureness(probabilities)
    first = choosing.shortlist(unsure, BATCH)
    return first[choosing.spread(vectors[first], unsure[first], BATCH)]


CHOICES: dict[str, Choice] = {"random": at_random, "least sure": least_sure, "review": review}


def fitted(vectors: Floats, targets: Indices) -> Logistic:
    head = Logistic(LogisticParams())
    head.fit(vectors, targets, 2, 0)
    return head


def curve(choose: Choice, label: str, seed: int, train: Photos, test: Photos) -> Curve:
    """Start from a few examples, answer truly what is chosen, fit after each batch."""
    truth = (train.coarse == label).astype(np.int64)
    rng = np.random.default_rng(seed)
    start = (np.flatnonzero(truth), POSITIVES), (np.flatnonzero(truth == 0), NEGATIVES)
    known = np.concatenate([rng.choice(among, many, replace=False) for among, many in start])
    precision, alike, held_out = [], [], [cross_validated(train, truth, known)]
    while True:
        head = fitted(train.vectors[known], truth[known])
        precision.append(float(average_precision_score(test.coarse == label, head.predict(test.vectors)[:, 1])))
        if len(precision) > ANSWERS // BATCH:
            held_out.append(cross_validated(train, truth, known))
            return Curve(precision, int(truth[known].sum()), float(np.mean(alike)), held_out)
        rest = np.setdiff1d(np.arange(len(truth)), known)
        chosen = rest[choose(head.predict(train.vectors[rest]), train.vectors[rest], rng)]
        cosines = train.vectors[chosen] @ train.vectors[chosen].T
        alike.append(float(cosines[np.triu_indices(BATCH, 1)].max()))
        known = np.concatenate([known, chosen])


def cross_validated(train: Photos, truth: Indices, known: Indices) -> float:
    def fit_predict(vectors: Any, targets: Any, unseen: Any) -> Any:
        return fitted(vectors, targets).predict(unseen)

    return cross_validate(fit_predict, train.vectors[known], truth[known], 2, 0).metrics["average precision"]


# --- what came of it ---


def area(curves: list[Curve]) -> NDArray[np.float64]:
    """The mean of a curve after its start, which is the same for all."""
    return np.asarray([np.mean(one.precision[1:]) for one in curves])


def show(curves: dict[str, list[Curve]]) -> bool:
    """Print all tables; whether review wins on average."""
    every = {name: np.asarray([one.precision for one in found]) for name, found in curves.items()}
    print(f"\n| answers | {' | '.join(curves)} | review less random |\n|---|{'---|' * (len(curves) + 1)}")
    for step in range(0, ANSWERS // BATCH + 1):
        means = [rows[:, step].mean() for rows in every.values()]
        print(f"| {step * BATCH} | {' | '.join(f'{mean:.3f}' for mean in means)} | {means[-1] - means[0]:+.3f} |")
    areas = {name: area(found) for name, found in curves.items()}
    print(f"| **area** | {' | '.join(f'**{one.mean():.3f}**' for one in areas.values())} | |")
    for title, of in (("positives found", "positives"), ("largest cosine in a batch", "alike")):
        values = [np.mean([getattr(one, of) for one in found]) for found in curves.values()]
        print(f"| {title} | {' | '.join(f'{value:.2f}' for value in values)} | |")
    print(f"\n| class, area | {' | '.join(curves)} |\n|---|{'---|' * len(curves)}")
    for number, label in enumerate(CLASSES):
        part = slice(number * SEEDS, (number + 1) * SEEDS)
        print(
            f"| {label} | {' | '.join(f'{one[part].mean():.3f} ± {one[part].std():.3f}' for one in areas.values())} |"
        )
    print()
    for name in ("random", "least sure"):
        less = areas["review"] - areas[name]
        by_seed = less.reshape(len(CLASSES), SEEDS).mean(axis=0)
        print(
            f"review less {name}, area: {less.mean():+.3f} ± {less.std():.3f} over {len(less)} curves, "
            f"{by_seed.mean():+.3f} ± {by_seed.std():.3f} over {SEEDS} seeds; "
            f"better in {(less > 0).sum()} of {len(less)} curves and in {(by_seed > 0).sum()} of {SEEDS} seeds"
        )
    for name, found in curves.items():
        before, after = np.mean([one.held_out for one in found], axis=0)
        print(f"cross-validated on what was answered, {name}: {before:.3f} -> {after:.3f}")
    for name in ("random", "least sure"):
        print(
            f"review is better than {name} on average: {'yes' if areas['review'].mean() > areas[name].mean() else 'NO'}"
        )
    return bool(areas["review"].mean() > max(areas["random"].mean(), areas["least sure"].mean()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds train/CLASS/PHOTO, test/CLASS/PHOTO and classes.csv")
    options = parser.parse_args()
    begin = time.monotonic()
    train, test = photos(options.folder)
    print(f"{len(train.coarse):,} train and {len(test.coarse):,} test photos ({time.monotonic() - begin:.0f} s)")
    begin = time.monotonic()
    curves = {
        name: [curve(choose, label, seed, train, test) for label in CLASSES for seed in range(SEEDS)]
        for name, choose in CHOICES.items()
    }
    won = show(curves)
    print(f"review wins on average: {'yes' if won else 'NO'} ({time.monotonic() - begin:.0f} s)")
    return 0 if won else 1


if __name__ == "__main__":
    sys.exit(main())
