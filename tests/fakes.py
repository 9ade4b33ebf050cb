"""Small real plugins, loaded through the real loader, and what tests make files with.

`open_fake(folder)` opens a workspace whose images are embedded by `histogram`: eight numbers a picture, no torch.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from curator.api import (
    EncoderSpec,
    HeadSpec,
    NoParams,
    Preprocess,
    ReaderSpec,
    ReadOptions,
    Resolved,
    Row,
    Skipped,
    hookimpl,
)
from curator.errors import NotFound
from curator.registry.loader import Registry, load_plugins
from curator.reporter import Reporter
from curator.store.catalogue.places import PlaceStore
from curator.store.catalogue.settings import ID
from curator.workspace import Workspace

OURS = (
    "audit",
    "classify",
    "cluster",
    "dedupe",
    "explain",
    "folder",
    "logistic",
    "mlp",
    "ngram",
    "prototype",
    "review",
    "similar",
    "table",
)
PREPROCESS = Preprocess(16, 16, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

counts: Counter[str] = Counter()
"""How often the fakes were called: 'loaded', 'encoded' (items), 'predicted' (items), 'fitted'."""


class HistogramEncoder:
    """How near the pixels are to each of the eight corners of the colour cube, on average."""

    def __init__(self, turn: int) -> None:
        self.turn = turn

    def encode(self, batch: Any) -> Any:
        counts["encoded"] += len(batch.pixels)
        pixels = np.clip(batch.pixels, 0, 1)
        corners = []
        for corner in range(8):
            sides = [pixels[:, c] if corner >> c & 1 else 1 - pixels[:, c] for c in range(3)]
            corners.append((sides[0] * sides[1] * sides[2]).mean(axis=(1, 2)))
        return np.roll(np.stack(corners, axis=1), self.turn, axis=1).astype(np.float32)

    def close(self) -> None:
        counts["closed"] += 1


@dataclass
class Histogram:
    """A plugin with the encoder `histogram`, variants `plain` and `turned`; a weights file holds a whole number."""

    revision: int = 1
    broken: bool = False
    found: list[Path] = field(default_factory=list)
    """Weights that the encoder finds by itself, as installed ones would be."""

    def resolve(self, variant: str | None, weights: Path | None) -> Resolved:
        if variant not in (None, "plain", "turned"):
            raise NotFound.named("variant", variant, ["plain", "turned"])
        files = (weights,) if weights else tuple(self.found)
        if not all(path.exists() for path in files):
            raise NotFound(f"no weights at {files[0]}")
        return Resolved(8, variant or "plain", PREPROCESS, files)

    def load(self, resolved: Resolved, device: str) -> HistogramEncoder:
        counts["loaded"] += 1
        if self.broken:
            raise RuntimeError("no memory for this fake")
        turn = sum(int(path.read_text()) for path in resolved.files) + (resolved.variant == "turned")
        return HistogramEncoder(turn + self.revision - 1)

    @hookimpl
    def register_encoders(self) -> list[EncoderSpec]:
        summary = "eight corners of the colour cube"
        return [EncoderSpec("histogram", ("image",), summary, self.resolve, self.load, self.revision, True, 4)]


class MosaicEncoder:
    """The mean colours of 7 x 7 fields, and what they lack to white, as a feature map and as its mean."""

    def encode(self, batch: Any) -> Any:
        return self.feature_map(batch).mean(axis=(1, 2))

    def feature_map(self, batch: Any) -> Any:
        counts["mapped"] += len(batch.pixels)
        fields = batch.pixels.reshape(len(batch.pixels), 3, 7, 8, 7, 8).mean(axis=(3, 5))
        return np.ascontiguousarray(np.concatenate([fields, 1 - fields], axis=1).transpose(0, 2, 3, 1), np.float32)

    def close(self) -> None:
        counts["closed"] += 1


class Mosaic:
    """A plugin with the encoder `mosaic`, which has feature maps and cuts an eighth of the shorter side."""

    @hookimpl
    def register_encoders(self) -> list[EncoderSpec]:
        def resolve(variant: str | None, weights: Path | None) -> Resolved:
            return Resolved(6, preprocess=Preprocess(64, 56, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))

        load = lambda resolved, device: MosaicEncoder()  # noqa: E731
        return [EncoderSpec("mosaic", ("image",), "fields of colour", resolve, load, default=True)]


class NumbersEncoder:
    """A text of numbers is their vector."""

    def encode(self, batch: Any) -> Any:
        counts["encoded"] += len(batch.texts)
        return np.asarray([[float(word) for word in text.split()] for text in batch.texts], dtype=np.float32)

    def close(self) -> None:
        pass


class Numbers:
    """A plugin with the text encoder `numbers`: what a test writes is what is searched."""

    @hookimpl
    def register_encoders(self) -> list[EncoderSpec]:
        def resolve(variant: str | None, weights: Path | None) -> Resolved:
            return Resolved(3)

        return [EncoderSpec("numbers", ("text",), "numbers", resolve, lambda resolved, device: NumbersEncoder())]


class PaintedEncoder:
    """The mean colour of a picture, and three numbers of a text, which lie in one space."""

    def encode(self, batch: Any) -> Any:
        if hasattr(batch, "pixels"):
            return batch.pixels.mean(axis=(2, 3)).astype(np.float32)
        return np.asarray([[float(word) for word in text.split()] for text in batch.texts], dtype=np.float32)

    def close(self) -> None:
        pass


class Painted:
    """A plugin with the encoder `painted`, of images and texts."""

    @hookimpl
    def register_encoders(self) -> list[EncoderSpec]:
        def resolve(variant: str | None, weights: Path | None) -> Resolved:
            return Resolved(3, preprocess=PREPROCESS)

        load = lambda resolved, device: PaintedEncoder()  # noqa: E731
        return [EncoderSpec("painted", ("image", "text"), "colours", resolve, load)]


class Sheets:
    """A plugin with a reader of tables: `.sheet` files, a row a line, `name=value` in columns."""

    @staticmethod
    def _values(line: str) -> dict[str, str]:
        return dict(field.split("=", 1) for field in line.split("|") if "=" in field)

    def columns(self, source: Path, options: ReadOptions) -> list[str]:
        return list(self._values(source.read_text().partition("\n")[0]))

    def read(self, source: Path, options: ReadOptions) -> Any:
        for number, line in enumerate(source.read_text().splitlines(), 1):
            if line == "forgetful":
                yield Skipped(source, "says no line", problem=True)
            elif line.startswith("#"):
                yield Skipped(source, "struck out", problem=True, line=number)
            else:
                yield Row(number, self._values(line))

    @hookimpl
    def register_readers(self) -> list[ReaderSpec]:
        takes = lambda source: source.suffix == ".sheet"  # noqa: E731
        return [ReaderSpec("sheets", "sheets", takes, self.read, self.columns)]


class CentroidHead:
    """The nearer the mean of a class, the more probable."""

    centroids: Any = None

    def __init__(self, params: NoParams) -> None:
        pass

    def fit(self, vectors: Any, targets: Any, classes: int, seed: int) -> None:
        counts["fitted"] += 1
        self.centroids = np.stack([vectors[targets == target].mean(axis=0) for target in range(classes)])

    def predict(self, vectors: Any) -> Any:
        counts["predicted"] += len(vectors)
        scores = np.exp(20 * vectors @ self.centroids.T)
        return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)

    def state(self) -> Any:
        return {"centroids": self.centroids}

    def restore(self, state: Any) -> None:
        self.centroids = state["centroids"]


class Centroid:
    """A plugin with the head `centroid`."""

    @hookimpl
    def register_heads(self) -> list[HeadSpec]:
        return [HeadSpec("centroid", "nearest mean", CentroidHead)]


histogram = Histogram()
mosaic = Mosaic()
histogram_revised = Histogram(revision=2)
histogram_broken = Histogram(broken=True)
histogram_installed = Histogram()
numbers = Numbers()
painted = Painted()
sheets = Sheets()
centroid = Centroid()


def registry(*plugins: str) -> Registry:
    """Our own light plugins and those of this module that are named; one for each caller, who may add to it."""
    made = Registry()
    for plugin in _loaded(plugins).plugins:
        made.take(plugin)
    return made


@functools.cache
def _loaded(plugins: tuple[str, ...]) -> Registry:
    """Through the public loader, which looks through all that is installed: once in a process for the same plugins."""
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in OURS]
    fakes = [metadata.EntryPoint(name, f"fakes:{name}", "curator") for name in plugins]
    loaded = load_plugins([*ours, *fakes])
    assert not loaded.failures, loaded.failures
    return loaded


def open_fake(folder: Path, *plugins: str, reporter: Reporter | None = None) -> Workspace:
    """A workspace at `folder`, made if need be; by default with the encoder `histogram`."""
    Workspace.create(folder)
    return Workspace(folder, registry(*(plugins or ("histogram",))), reporter)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (24, 16), color: Any = None, **save: Any) -> Path:
    """A picture of random pixels, round about a colour if one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (size[1], size[0], 3))
    if color is not None:
        pixels = np.clip(np.asarray(color) + (pixels - 128) // 4, 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path, **save)
    return path


def text(path: Path, body: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")
    return path


def sha256(path: Path) -> str:
    """SHA-256 of a file, computed here."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def places(ws: Workspace, missing: int | None = None) -> dict[str, int]:
    """Path -> item id of every place."""
    store = PlaceStore(ws.database)
    rows = [row for root in store.roots().values() for row in store.below(root, "", rows=True)]
    return {ws.items.places.path(row): row.item_id for row in rows if missing is None or row.missing == missing}


def shown(report: Any) -> dict[str, int]:
    """The counts of a report that are not zero."""
    of_files = ["found", "added", "copies", "changed", "moved", "unchanged", "same_file", "missing", "decoded"]
    names = [*of_files, "labelled", "captions", "encoded"]
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def dump(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the catalogue but what was done when (`run`, `change`, `move`), and the workspace's id."""
    connection = workspace.database.connection
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
    tables = {row[0] for row in connection.execute(sql)} - {"run", "change", "move"}
    rows = {table: map(tuple, connection.execute(f"SELECT * FROM {table}")) for table in tables}
    return {table: sorted((row for row in rows[table] if ID not in row), key=repr) for table in tables}
