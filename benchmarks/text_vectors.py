"""What vectors of texts are worth to few labels, and what a projection without knowledge of the texts costs.

    python benchmarks/text_vectors.py ../shared/data [--sets thucnews,banking77,...] [--loses]

Accuracy on test texts by curator's logistic head on unit vectors of each encoder, beside TF-IDF, in one run; and how
many of the ten nearest of a test text are of its class. `lsa` and TF-IDF learn from the train texts without their
labels. With `--loses` a second table, on train texts alone: the same head on hashed counts before and after they are
projected. `use-multilingual` is left out where its package is not installed.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from curator_plugins.encoders import lsa, ngram
from curator_plugins.encoders.lsa import learning
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from curator.api import TextBatch

SIZES = (20, 100)  # labels a class
DRAWS = 5
C = 10.0
MOST = 2_000  # test texts
CHINESE = {"analyzer": "char", "ngram_range": (1, 3), "sublinear_tf": True}
ENGLISH = {"ngram_range": (1, 2), "sublinear_tf": True}


@dataclass(frozen=True, eq=False)
class Texts:
    """A data set; `rare` is TF-IDF as it suits the language."""

    name: str
    train: list[str]
    train_classes: NDArray[np.int64]
    test: list[str]
    test_classes: NDArray[np.int64]
    rare: dict[str, Any]

    def draw(self, size: int, seed: int) -> NDArray[np.int64]:
        """Train texts, `size` of each class, or as many as there are."""
        chance = np.random.default_rng(seed)
        classes = range(self.train_classes.max() + 1)
        return np.concatenate([chance.permutation(np.flatnonzero(self.train_classes == one))[:size] for one in classes])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def made(name: str, train: list[Any], test: list[Any], rare: dict[str, Any]) -> Texts:
    """Of pairs of text and class; of the test texts `MOST` are drawn."""
    numbers = {name: number for number, name in enumerate(sorted({one for _, one in train}))}
    chosen = [test[index] for index in np.random.default_rng(7).permutation(len(test))[:MOST]]
    (texts, classes), (unseen, wanted) = zip(*train, strict=True), zip(*chosen, strict=True)
    codes = [np.asarray([numbers[one] for one in part]) for part in (classes, wanted)]
    return Texts(name, list(texts), codes[0], list(unseen), codes[1], rare)


def headlines(folder: Path) -> Texts:
    parts = [(folder / f"thucnews/{part}.txt").read_text(encoding="utf-8").splitlines() for part in ("dev", "test")]
    train, test = ([tuple(line.rsplit("\t", 1)) for line in lines] for lines in parts)
    return made("thucnews", train, test, CHINESE)


def table(folder: Path, name: str, text: str, of: str) -> Texts:
    train, test = ([(row[text], row[of]) for row in rows(folder / f"{name}/{part}.csv")] for part in ("train", "test"))
    return made(name, train, test, ENGLISH)


def reviews(folder: Path, of: str) -> Texts:
    """The first 2,000 rows are for testing."""
    all_rows = [(row["review"], row[of]) for row in rows(folder / "reviews_zh/reviews.csv")]
    return made(f"reviews, {of}", all_rows[2000:], all_rows[:2000], CHINESE)


SETS: dict[str, Callable[[Path], Texts]] = {
    "thucnews": headlines,
    "banking77": lambda folder: table(folder, "banking77", "text", "category"),
    "category": lambda folder: reviews(folder, "category"),
    "sentiment": lambda folder: reviews(folder, "sentiment"),
    "tweets": lambda folder: table(folder, "tweets", "text", "emotion"),
}

# --- vectors: (train, test), sparse or dense rows of unit length ---


def rare(data: Texts) -> tuple[Any, Any]:
    known = TfidfVectorizer(**data.rare).fit(data.train)
    return known.transform(data.train), known.transform(data.test)


def encoded(spec: Any, folder: Path | None, data: Texts) -> tuple[Any, Any]:
    encoder = spec.load(spec.resolve(None, folder), "cpu")
    return tuple(
        normalize(np.concatenate([encoder.encode(TextBatch(texts[at : at + 512])) for at in range(0, len(texts), 512)]))
        for texts in (data.train, data.test)
    )


def learnt(data: Texts, dimensions: int) -> tuple[Any, Any]:
    (spec,) = lsa.register_encoders()
    with tempfile.TemporaryDirectory() as folder:
        spec.pretrain(data.train, Path(folder), lsa.Params(dimensions), None, lambda look: None)
        return encoded(spec, Path(folder), data)


def ways(data: Texts) -> dict[str, Callable[[], tuple[Any, Any]]]:
    found: dict[str, Callable[[], tuple[Any, Any]]] = {
        "TF-IDF": lambda: rare(data),
        "`ngram`": lambda: encoded(ngram.register_encoders()[0], None, data),
        "`lsa`": lambda: learnt(data, lsa.Params().dimensions),
        "`lsa`, 256": lambda: learnt(data, 256),
    }
    try:
        from curator_plugins.encoders import use_multilingual

        (spec,) = use_multilingual.register_encoders()
        spec.resolve(None, None)
        found[f"`{spec.name}`"] = lambda: encoded(spec, None, data)
    except Exception as error:
        print(f"left out: {error}")
    return found


def accuracy(train: Any, classes: Any, test: Any, wanted: Any) -> float:
    """Of the regression that is curator's head, at the strength that all rows have."""
    if sparse.issparse(train):  # what no text to learn from holds has no weight
        used = np.unique(train.indices)
        train, test = train[:, used], test[:, used]
    model = LogisticRegression(C=C, class_weight="balanced", max_iter=300).fit(train, classes)
    return float((model.predict(test) == wanted).mean())


def of_its_class(test: Any, classes: NDArray[np.int64]) -> float:
    """The share of the ten nearest test texts of a test text that are of its class."""
    alike = test @ test.T
    alike = alike.toarray() if sparse.issparse(alike) else np.array(alike)
    np.fill_diagonal(alike, -2)
    nearest = np.argpartition(-alike, 10, axis=1)[:, :10]
    return float((classes[nearest] == classes[:, None]).mean())


def measure(data: Texts) -> None:
    heads = f"| {data.name} | 20 labels a class | 100 | of its ten nearest, of its class |"
    print(f"\n{heads}\n|---|---|---|---|", flush=True)
    for name, make in ways(data).items():
        train, test = make()
        cells = []
        for size in SIZES:
            found = []
            for seed in range(DRAWS):
                chosen = data.draw(size, seed)
                found.append(accuracy(train[chosen], data.train_classes[chosen], test, data.test_classes))
            cells.append(f"{np.mean(found):.3f} ± {np.std(found):.3f}")
        print(f"| {name} | {' | '.join(cells)} | {of_its_class(test, data.test_classes):.3f} |", flush=True)


# --- what the projection loses ---


def projected(hashed: Any, dim: int) -> Any:
    """As `ngram` does it, in `dim` dimensions: in each row one sign in each of four bands."""
    chance, signs = np.random.default_rng(0), ngram.SIGNS
    column = chance.integers(0, dim // signs, (hashed.shape[1], signs)) + np.arange(signs) * (dim // signs)
    sign = chance.choice(np.array([-1, 1], dtype=np.float32), column.shape)
    starts = np.arange(len(column) + 1) * signs
    return (hashed @ sparse.csr_array((sign.ravel(), column.ravel(), starts), (len(column), dim))).toarray()


def loses(data: Texts) -> None:
    """The head on a half of the train texts, measured on 1,500 of the other."""
    order = np.random.default_rng(99).permutation(len(data.train))
    half, other = order[: len(order) // 2], order[len(order) // 2 :][:1_500]
    folded = [unicodedata.normalize("NFKC", text).lower() for text in data.train]
    hashed = sparse.csr_array(sparse.hstack([block.transform(folded) for block in ngram._blocks()], format="csr"))
    often = np.bincount(hashed[half].indices, minlength=hashed.shape[1])
    idf = sparse.diags_array((np.log((1 + len(half)) / (1 + often)) + 1).astype(np.float32))
    known = TfidfVectorizer(**data.rare).fit([data.train[index] for index in half])
    found = {
        "TF-IDF": known.transform(data.train),
        "what `ngram` counts, hashed": hashed,
        **{f"projected to {dim:,}": projected(hashed, dim) for dim in (1024, 2048, 4096, 8192)},
        "hashed, with IDF": hashed @ idf,
        "with IDF, projected to 2,048": projected(hashed @ idf, 2048),
        "TF-IDF, projected to 2,048": projected(known.transform(data.train), 2048),
    }
    for dim in (256, 768):
        model, _ = learning.learn([data.train[index] for index in half], dim)
        found[f"`lsa`, {dim}"] = model.vectors(data.train)
    print(f"\n| {data.name}, train texts | 20 labels a class | 100 |\n|---|---|---|", flush=True)
    mine = Texts(data.name, [], data.train_classes[half], [], np.empty(0, dtype=np.int64), {})
    for name, vectors in found.items():
        vectors, cells = sparse.csr_array(normalize(vectors)) if sparse.issparse(vectors) else normalize(vectors), []
        for size in SIZES:
            draws = [half[mine.draw(size, seed)] for seed in range(2)]
            of = data.train_classes
            cells.append(np.mean([accuracy(vectors[one], of[one], vectors[other], of[other]) for one in draws]))
        print(f"| {name} | {cells[0]:.3f} | {cells[1]:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="what vectors of texts are worth to few labels")
    parser.add_argument("folder", type=Path, help="holds thucnews/, banking77/, reviews_zh/ and tweets/")
    parser.add_argument("--sets", default=",".join(SETS), help="which, with commas between")
    parser.add_argument("--loses", action="store_true", help="what the projection loses, in place of the encoders")
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in options.sets.split(","):
            (loses if options.loses else measure)(SETS[name](options.folder))


if __name__ == "__main__":
    main()
