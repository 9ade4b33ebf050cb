"""A small plugin, complete, that checks of actions and readers work with: quick, offline, and the same everywhere.

The workspace that they see holds twelve pictures, half of them reddish, half of them bluish, and eight texts, half of
them about a red thing. Six of each are labelled, in the group `colour` with the labels `red` and `blue`; two of the
texts are copies of each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import (
    CheckSpec,
    Context,
    EncoderSpec,
    Flaw,
    Found,
    HeadSpec,
    ImageBatch,
    Item,
    MetricSpec,
    Modality,
    NoParams,
    Preprocess,
    ReaderSpec,
    ReadOptions,
    Resolved,
    Skipped,
    TextBatch,
    hookimpl,
)
from curator.errors import BadInput
from curator.registry.loader import GROUP, Registry, load_plugins

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.workspace import Workspace

SIZE, CELLS, LETTERS = 32, 4, 64

OBJECTS = ("apple", "car", "door", "ball")
"""What the texts are about."""

MEDIA: dict[str, Modality] = {".png": "image", ".jpg": "image", ".txt": "text"}
"""What it reads, by ending."""


class Pixels:
    """Mean colours of a grid of 4 x 4 fields."""

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, 48) float32."""
        import numpy as np

        assert isinstance(batch, ImageBatch)
        side = SIZE // CELLS
        fields = batch.pixels.reshape(len(batch.pixels), 3, CELLS, side, CELLS, side)
        return np.asarray(fields.mean(axis=(3, 5)).reshape(len(batch.pixels), -1), dtype=np.float32)

    def feature_map(self, batch: ImageBatch) -> NDArray[np.float32]:
        """(n, 4, 4, 48) float32: each field has its own part of the vector, and nothing of the others'."""
        import numpy as np

        colours = self.encode(batch).reshape(len(batch.pixels), 3, CELLS, CELLS)
        parts = np.zeros((len(batch.pixels), CELLS, CELLS, 3, CELLS, CELLS), np.float32)
        for row in range(CELLS):
            for column in range(CELLS):
                parts[:, row, column, :, row, column] = CELLS**2 * colours[:, :, row, column]
        return parts.reshape(len(batch.pixels), CELLS, CELLS, -1)

    def close(self) -> None:
        """Nothing to free."""


class Letters:
    """How often each letter, and whatever else hashes to its place, stands in a text."""

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, 64) float32."""
        import numpy as np

        assert isinstance(batch, TextBatch)
        counts = np.zeros((len(batch.texts), LETTERS), np.float32)
        for row, text in enumerate(batch.texts):
            for character in text.lower():
                counts[row, ord(character) % LETTERS] += 1
        return counts

    def close(self) -> None:
        """Nothing to free."""


class Nearest:
    """The nearer the mean of a class, the more probable."""

    def __init__(self, params: NoParams) -> None:
        self.means: NDArray[np.float32] | None = None

    def fit(self, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int, seed: int) -> None:
        """The mean of each class."""
        import numpy as np

        if classes < 2 or len(np.unique(targets)) < classes:
            raise BadInput("needs examples of at least two classes, and of each")
        self.means = np.stack([vectors[targets == target].mean(axis=0) for target in range(classes)])

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Softmax of the cosines, sharpened."""
        import numpy as np

        scores = np.exp(10 * vectors @ self.state()["means"].T)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)

    def linear(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The means, sharpened, and no bias."""
        import numpy as np

        means = self.state()["means"]
        return 10 * means, np.zeros(len(means), np.float32)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """The means."""
        assert self.means is not None
        return {"means": self.means}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take them up."""
        self.means = state["means"]


class Whitened:
    """The cosine where the differences of alike pairs are spread alike (relevant component analysis)."""

    def __init__(self) -> None:
        self.matrix: NDArray[np.float32] | None = None

    def fit(self, left: NDArray[np.float32], right: NDArray[np.float32], alike: NDArray[np.bool_], seed: int) -> None:
        """What differs in what is alike counts less."""
        import numpy as np

        if alike.all() or not alike.any():
            raise BadInput("needs pairs that are alike and pairs that are not")
        differences = (left - right)[alike].astype(np.float64)
        spread = differences.T @ differences / len(differences) + 0.01 * np.eye(left.shape[1])
        self.matrix = np.linalg.inv(np.linalg.cholesky(spread)).T.astype(np.float32)

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whitened, at unit length."""
        import numpy as np

        rows = vectors @ self.state()["matrix"]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """The matrix."""
        assert self.matrix is not None
        return {"matrix": self.matrix}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take it up."""
        self.matrix = state["matrix"]


def resolve_pixels(variant: str | None, weights: Path | None) -> Resolved:
    """There is one variant."""
    return Resolved(3 * CELLS**2, preprocess=Preprocess(SIZE, SIZE, (0.5,) * 3, (0.25,) * 3))


def resolve_letters(variant: str | None, weights: Path | None) -> Resolved:
    """There is one variant."""
    return Resolved(LETTERS)


def load_pixels(resolved: Resolved, device: str) -> Pixels:
    """Nothing to load."""
    return Pixels()


def load_letters(resolved: Resolved, device: str) -> Letters:
    """Nothing to load."""
    return Letters()


def matches(source: Path) -> bool:
    """Folders."""
    return source.is_dir()


def read(source: Path, options: ReadOptions) -> Iterator[Found | Skipped]:
    """Pictures and texts, by name, depth first."""
    try:
        paths = sorted(source.iterdir())
    except OSError as error:
        yield Skipped(source, str(error.strerror), problem=True)
        return
    for path in paths:
        if path.suffix in MEDIA:
            yield Found(path, MEDIA[path.suffix])
        elif path.is_dir() and not path.is_symlink() and not options.leave_out(path):
            yield from read(path, options)
        else:
            yield Skipped(path, "neither a picture nor a text")


def look(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """Short sides of under 50 pixels."""
    for item in items:
        if item.pixels is not None and (side := min(item.pixels)) < 50:
            yield Flaw(item, 0.6, f"{side} pixels")


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The defaults of the workspace of checks."""
    yield EncoderSpec("specimen-pixels", ("image",), "mean colours", resolve_pixels, load_pixels, default=True)
    yield EncoderSpec("specimen-letters", ("text",), "counted letters", resolve_letters, load_letters, default=True)


@hookimpl
def register_heads() -> Iterable[HeadSpec]:
    """The default head there."""
    return [HeadSpec("specimen-nearest", "nearest class mean", Nearest, default=True)]


@hookimpl
def register_metrics() -> Iterable[MetricSpec]:
    """The metric there."""
    return [MetricSpec("specimen-whitened", "the cosine with differences of alike pairs evened out", Whitened, True)]


@hookimpl
def register_readers() -> Iterable[ReaderSpec]:
    """The reader of its folder."""
    return [ReaderSpec("specimen-folder", "pictures and texts below a folder", matches, read)]


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """The quality check there."""
    return [CheckSpec("specimen-small", "small pictures", ("image",), look)]


def registry() -> Registry:
    """This plugin and no other."""
    return load_plugins([metadata.EntryPoint("specimen", __name__, GROUP)])


def fill(folder: Path) -> Path:
    """Make the pictures and texts below a folder."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for colour, tint in {"red": (190, 60, 60), "blue": (60, 60, 190)}.items():
        (folder / colour).mkdir(parents=True)
        for number in range(6):
            coarse = np.clip(np.asarray(tint) + rng.integers(-50, 51, (5, 4, 3)), 0, 255).astype(np.uint8)
            picture = Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC)
            picture.save(folder / colour / f"{number}-图.png")
        for number, thing in enumerate(OBJECTS):
            thing = OBJECTS[0] if colour == "red" and number == 1 else thing
            (folder / colour / f"{number}.txt").write_text(f"this {thing} is {colour}, and 颜色 means colour")
    return folder


def furnish(workspace: Workspace, folder: Path) -> None:
    """Catalogue them, embed them, and label six pictures and six texts."""
    workspace.add(fill(folder), reader="specimen-folder")
    for colour in ("red", "blue"):
        files = [*sorted((folder / colour).glob("*.png"))[:3], *sorted((folder / colour).glob("*.txt"))[:3]]
        workspace.label(colour, files, group="colour")
