"""The lstm-clm encoder on real texts, pretrained on them, beside plain controls, in one run.

    python benchmarks/text.py ../shared/data --out FOLDER

Pretraining on the texts of the train part without their labels, then test accuracy with few and with all labels.
Models and finished cells are kept in FOLDER, so that an interrupted run goes on where it was. Only tables are printed,
for a person to read; what the figures mean stands in README.md. Exits with 1 where the Kneser-Ney control fails its
own check.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from curator_plugins.encoders import ngram
from curator_plugins.encoders.lstm_clm import corpus as corpora
from curator_plugins.encoders.lstm_clm import folder as folders
from curator_plugins.encoders.lstm_clm import learning, pooling
from curator_plugins.encoders.lstm_clm.corpus import Corpus
from curator_plugins.encoders.lstm_clm.finetuning import finetune
from curator_plugins.encoders.lstm_clm.pretraining import Options, Progress, pretrain
from curator_plugins.heads.logistic import Logistic, LogisticParams
from curator_plugins.heads.mlp import Mlp, MlpParams
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from curator.api import TextBatch

Floats: TypeAlias = NDArray[np.float32]

SIZES = (5, 20, 100, 0)  # labels a class; 0: all
DRAWS = 3
C = 10.0  # of every logistic regression, so that the rows differ in what they are given alone
POOLINGS = tuple(pooling.PARTS)
CONTROLS = ("TF-IDF + logistic", "ngram + logistic")
OURS = (*(f"{name} + logistic" for name in POOLINGS), f"{pooling.DEFAULT} + mlp", "fine-tuned + logistic")


@dataclass(frozen=True, eq=False)
class Texts:
    """A data set; targets are numbers of classes."""

    name: str
    train: list[str]
    train_targets: NDArray[np.int64]
    test: list[str]
    test_targets: NDArray[np.int64]
    tfidf: dict[str, Any]

    @property
    def classes(self) -> int:
        return len(np.unique(self.train_targets))

    def draw(self, size: int, seed: int) -> NDArray[np.int64]:
        """Indices of `size` train texts of each class, or as many as there are."""
        chance = np.random.default_rng(seed)
        of = [np.flatnonzero(self.train_targets == target) for target in range(self.classes)]
        return np.concatenate([chance.permutation(members)[: size or len(members)] for members in of])


def thucnews(folder: Path) -> Texts:
    """Chinese headlines; the part called dev is learnt from."""
    parts = []
    for name in ("dev", "test"):
        lines = (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        texts, targets = zip(*(line.rsplit("\t", 1) for line in lines), strict=True)
        parts += [list(texts), np.asarray(targets, dtype=np.int64)]
    return Texts("thucnews", *parts, {"analyzer": "char", "ngram_range": (1, 3)})


def banking77(folder: Path) -> Texts:
    """English questions to a bank."""
    parts: list[tuple[list[str], list[str]]] = []
    for name in ("train", "test"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        parts.append(([row["text"] for row in rows], [row["category"] for row in rows]))
    numbers = {name: number for number, name in enumerate(sorted(set(parts[0][1])))}
    (train, train_names), (test, test_names) = parts
    wanted = [np.asarray([numbers[name] for name in names]) for names in (train_names, test_names)]
    return Texts("banking77", train, wanted[0], test, wanted[1], {"ngram_range": (1, 2)})


# --- what is kept between runs ---


class Cells:
    """Finished figures by name, in a JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def get(self, name: str, work: Callable[[], Any]) -> Any:
        """The figure of this name, computed if it is not known."""
        if name not in self.known:
            began = time.perf_counter()
            self.known[name] = work()
            beside = self.path.with_suffix(".part")
            beside.write_text(json.dumps(self.known, indent=0, sort_keys=True), encoding="utf-8")
            beside.replace(self.path)
            print(f"  {name}: {self.known[name]} ({time.perf_counter() - began:.0f} s)", file=sys.stderr)
        return self.known[name]


# --- controls ---


class KneserNey:
    """An interpolated Kneser-Ney model of characters (Ney, Essen & Kneser 1994; Chen & Goodman 1999), one discount n1 /
    (n1 + 2 n2) an order; the lowest order is mixed with a uniform one over the characters known and one for all others.

    A text has an end. All unknown characters together are one, which needs no bits to say which: in its favour.
    """

    def __init__(self, texts: Sequence[str], order: int) -> None:
        self.order = order
        counts: list[Counter[tuple[str, ...]]] = [Counter()]
        highest: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            for gram in self._grams(text):
                highest[gram] += 1
        for shorter in range(order - 1, 0, -1):
            # Of the lower orders it counts after how many different characters a gram comes.
            counts.insert(1, Counter(gram[1:] for gram in (counts[1] if shorter < order - 1 else highest)))
        self.counts = [*counts, highest]
        self.discounts, self.totals, self.kinds = [0.0], [Counter[tuple[str, ...]]()], [Counter[tuple[str, ...]]()]
        for level in self.counts[1:]:
            once, twice = (sum(count == number for count in level.values()) for number in (1, 2))
            self.discounts.append(once / (once + 2 * twice) if once else 0.5)
            total, kinds = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
            for gram, count in level.items():
                total[gram[:-1]] += count
                kinds[gram[:-1]] += 1
            self.totals.append(total)
            self.kinds.append(kinds)
        self.symbols = len(self.counts[1]) + 1

    def _grams(self, text: str) -> list[tuple[str, ...]]:
        padded = ["<s>"] * (self.order - 1) + [*text, "</s>"]
        return [tuple(padded[at : at + self.order]) for at in range(len(padded) - self.order + 1)]

    def probability(self, gram: tuple[str, ...]) -> float:
        """Of the last character after the others."""
        if not gram:
            return 1 / self.symbols
        level, context = len(gram), gram[:-1]
        lower = self.probability(gram[1:])
        total = self.totals[level][context]
        if not total:
            return lower
        discount = self.discounts[level]
        kept = max(self.counts[level][gram] - discount, 0.0) / total
        return kept + discount * self.kinds[level][context] / total * lower

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Mean bits, those of the ends included, per character."""
        bits = -math.fsum(math.log2(self.probability(gram)) for text in texts for gram in self._grams(text))
        return bits / sum(map(len, texts))


def kneser_ney_is_right() -> bool:
    """Bigrams of "ab", "ab", "ac" by hand.

    Of five kinds of bigrams two come once and two twice, so a third is taken off each count; of four unigrams three
    follow one character and one two, so 3/5: P(b) = 0.4 / 5 + 0.6 * 4/5 * 1/5, P(b | a) = (2 - 1/3) / 3 + 2/9 P(b).
    """
    model = KneserNey(["ab", "ab", "ac"], 2)
    unigram = 0.4 / 5 + 0.6 * 4 / 5 / 5
    right = math.isclose(model.probability(("b",)), unigram)
    right &= math.isclose(model.probability(("a", "b")), (2 - 1 / 3) / 3 + 2 / 9 * unigram)
    # All that can come after "a", the unknown character with it, is certain to come.
    return right and math.isclose(sum(model.probability(("a", last)) for last in ("a", "b", "c", "</s>", "?")), 1.0)


def kneser_ney(data: Texts) -> float:
    """Bits a character on the texts that a pretraining holds out."""
    learnt, held_out = corpora.split(corpora.distinct(data.train))
    return KneserNey(learnt, 5).bits_per_character(held_out)


def tfidf(data: Texts, chosen: NDArray[np.int64]) -> float:
    """Frequencies of all train texts, since they need no labels."""
    known = TfidfVectorizer(**data.tfidf).fit(data.train)
    fitted = LogisticRegression(C=C, max_iter=1000)
    fitted.fit(known.transform([data.train[index] for index in chosen]), data.train_targets[chosen])
    return float(fitted.score(known.transform(data.test), data.test_targets))


# --- vectors and heads ---


class Vectors:
    """Unit rows of a data set by an encoder, computed once a run."""

    def __init__(self, encode: Callable[[Sequence[str]], Floats]) -> None:
        self.encode = encode
        self.known: dict[tuple[str, str], Floats] = {}

    def of(self, data: Texts, part: str) -> Floats:
        """Of `train` or `test`."""
        key = data.name, part
        if key not in self.known:
            rows = self.encode(getattr(data, part))
            self.known[key] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return self.known[key]

    def score(self, data: Texts, chosen: NDArray[np.int64], head: str = "logistic") -> float:
        """Test accuracy of curator's head fitted on the chosen train texts."""
        model = Logistic(LogisticParams(C)) if head == "logistic" else Mlp(MlpParams())
        model.fit(self.of(data, "train")[chosen], data.train_targets[chosen], data.classes, 0)
        return float((model.predict(self.of(data, "test")).argmax(1) == data.test_targets).mean())

    def among_train(self, data: Texts, chosen: NDArray[np.int64]) -> float:
        """Accuracy on the train texts that were not chosen: for choosing between ways, without any test text."""
        model, rows = Logistic(LogisticParams(C)), self.of(data, "train")
        model.fit(rows[chosen], data.train_targets[chosen], data.classes, 0)
        rest = np.setdiff1d(np.arange(len(rows)), chosen)
        return float((model.predict(rows[rest]).argmax(1) == data.train_targets[rest]).mean())


def ngram_vectors() -> Vectors:
    encoder = ngram.load(ngram.resolve(None, None), "cpu")
    return Vectors(lambda texts: encoder.encode(TextBatch(texts)))


def model_vectors(folder: Path, name: str) -> Vectors:
    _, weights, vocabulary, _ = folders.read(folder)
    return Vectors(lambda texts: pooling.vectors(weights, vocabulary.encode(texts), name))


def tuned(data: Texts, source: Path, chosen: NDArray[np.int64], folder: Path) -> float:
    """Accuracy of the logistic head on the vectors of the fine-tuned model."""
    texts = [data.train[index] for index in chosen]
    shutil.rmtree(folder, ignore_errors=True)
    outcome = finetune(source, folder, texts, data.train_targets[chosen].tolist(), data.classes)
    mine = dataclasses.replace(data, train=texts, train_targets=data.train_targets[chosen])
    return model_vectors(folder if outcome.epochs else source, pooling.DEFAULT).score(mine, np.arange(len(texts)))


# --- the run ---


class Bench:
    """Data, the folder of models, and figures."""

    def __init__(self, data: Sequence[Texts], out: Path, epochs: int) -> None:
        self.data, self.out, self.cells = data, out, Cells(out / "cells.json")
        self.options = Options(epochs=epochs)

    def pretrained(self, name: str, texts: Sequence[str], start: Path | None = None, epochs: int = 0) -> Path:
        """The folder of a model that has learnt these texts; learns what is missing of it."""
        folder = self.out / "models" / name

        def report(progress: Progress) -> None:
            done = f"{progress.step}/{progress.steps}, {progress.seconds:.0f} s"
            print(f"  {name}: {done}, {progress.bits_per_character:.3f} bits a character", file=sys.stderr)

        # Continuing takes a lower rate: what is known shall not be lost.
        rate = self.options.rate / 3 if start else self.options.rate
        options = dataclasses.replace(self.options, epochs=epochs or self.options.epochs, rate=rate)
        cpu = time.process_time()
        outcome = pretrain(texts, folder, options, start=start, report=report)
        cpu = time.process_time() - cpu
        self.cells.get(
            f"pretraining {name}",
            lambda: {
                "texts": outcome.texts,
                "epochs": outcome.epochs,
                "seconds": outcome.seconds,
                "cpu": None if outcome.resumed else cpu,
                "bits": outcome.bits_per_character,
            },
        )
        return folder

    def accuracies(
        self, data: Texts, row: str, score: Callable[[NDArray[np.int64]], float], sizes: Sequence[int] = SIZES
    ) -> None:
        """All sizes and draws of one row; `score` gets indices of train texts."""
        for size in sizes:
            for seed in range(DRAWS if size else 1):
                name = f"{data.name} {row} {size or 'all'} {seed}"
                chosen = data.draw(size, seed)
                self.cells.get(name, lambda chosen=chosen: score(chosen))

    def rows(self, data: Texts, source: Path) -> None:
        """Our rows for a data set by one model."""
        for name in POOLINGS:
            self.frozen(data, name, model_vectors(source, name))
        scratch = self.out / "tuned"
        self.accuracies(data, OURS[-1], lambda chosen: tuned(data, source, chosen, scratch))

    def frozen(self, data: Texts, name: str, found: Vectors) -> None:
        """Heads on vectors that stay as they are; of poolings also what the choice of the default rests on."""
        if name in POOLINGS:
            self.accuracies(data, f"choosing {name}", lambda chosen: found.among_train(data, chosen), sizes=SIZES[:-1])
        self.accuracies(data, f"{name} + logistic", lambda chosen: found.score(data, chosen))
        if name == pooling.DEFAULT:
            self.accuracies(data, f"{name} + mlp", lambda chosen: found.score(data, chosen, "mlp"))

    def run(self) -> None:
        """All figures."""
        for data in self.data:
            source = self.pretrained(data.name, data.train)
            self.cells.get(f"kneser-ney {data.name}", lambda data=data: kneser_ney(data))
            self.accuracies(data, CONTROLS[0], lambda chosen, data=data: tfidf(data, chosen))
            self.frozen(data, "ngram", ngram_vectors())
            self.rows(data, source)
        both = self.pretrained("both", [text for data in self.data for text in data.train])
        for data in self.data:
            self.cells.get(f"both on {data.name}", lambda data=data: self._bits(data, both))
            onward = self.pretrained(f"both, then {data.name}", data.train, both, max(1, self.options.epochs // 3))
            for name, source in (("both", both), (f"both, then {data.name}", onward)):
                found = model_vectors(source, pooling.DEFAULT)
                self.accuracies(data, f"{name}: {pooling.DEFAULT}", lambda chosen, f=found, d=data: f.score(d, chosen))

    def _bits(self, data: Texts, folder: Path) -> float:
        """Of the model of both on one set's held-out texts, which it has not learnt from either."""
        _, held_out = corpora.split(corpora.distinct(data.train))
        _, weights, vocabulary, _ = folders.read(folder)
        with learning.workers() as pool:
            nats = learning.measure(pool, weights, Corpus(held_out, vocabulary), self.options.window)
        return nats / math.log(2) / sum(map(len, held_out))

    # --- showing ---

    def mean(self, data: Texts, row: str, size: int) -> tuple[float, float]:
        """Mean and standard deviation of the draws."""
        values = [self.cells.known[f"{data.name} {row} {size or 'all'} {s}"] for s in range(DRAWS if size else 1)]
        return float(np.mean(values)), float(np.std(values))

    def show(self) -> None:
        """Markdown tables."""
        heads = [f"{size} a class" if size else "all" for size in SIZES]
        for data in self.data:
            onward = f"both, then {data.name}"
            lines = []
            for row in (*CONTROLS, *OURS, f"both: {pooling.DEFAULT}", f"{onward}: {pooling.DEFAULT}"):
                cells = []
                for size in SIZES:
                    mean, spread = self.mean(data, row, size)
                    ahead = mean - self.mean(data, CONTROLS[0], size)[0]
                    difference = "" if row == CONTROLS[0] else f" ({ahead:+.3f})"
                    cells.append(f"{mean:.3f}" + (f" ± {spread:.3f}" if size else "") + difference)
                lines.append([row, *cells])
            title = f"{data.name}: test accuracy, {data.classes} classes, {len(data.test):,} test texts (less TF-IDF)"
            table(title, ["", *heads], lines)
            lines = [
                [name, *(f"{self.mean(data, f'choosing {name}', size)[0]:.3f}" for size in SIZES[:-1])]
                for name in POOLINGS
            ]
            table(f"{data.name}: the same with train labels alone, on the train texts left", ["", *heads[:-1]], lines)
        lines = []
        for data in self.data:
            made = self.cells.known[f"pretraining {data.name}"]
            rival = self.cells.known[f"kneser-ney {data.name}"]
            lines.append([data.name, f"{made['bits']:.3f}", f"{rival:.3f}", f"{made['bits'] - rival:+.3f}"])
        table("Held-out bits a character", ["", "lstm-clm", "Kneser-Ney, 5-grams", "difference"], lines)
        made = {name: cell for name, cell in self.cells.known.items() if name.startswith("pretraining ")}
        lines = [
            [name.removeprefix("pretraining "), f"{cell['texts']:,}", f"{cell['epochs']:.1f}", f"{cell['seconds']:.0f}",
             f"{cell['cpu']:.0f}" if cell["cpu"] else "", f"{cell['bits']:.3f}"]
            for name, cell in made.items()
        ]  # fmt: skip
        table("Pretraining", ["", "texts", "best epoch", "seconds", "CPU seconds", "bits a character"], lines)
        lines = [[data.name, f"{self.cells.known[f'both on {data.name}']:.3f}"] for data in self.data]
        table("The model of both sets: bits a character on each one's held-out texts", ["", "bits"], lines)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n### {title}\n")
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(row) + " |")


def main() -> int:
    parser = argparse.ArgumentParser(description="the lstm-clm encoder on real texts, beside plain controls")
    parser.add_argument("folder", type=Path, help="holds thucnews/ and banking77/")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for models and finished figures")
    parser.add_argument("--epochs", type=int, default=Options().epochs, help="of pretraining")
    options = parser.parse_args()
    for name in ("thucnews", "banking77"):
        if not (options.folder / name).is_dir():
            sys.exit(f"no folder {options.folder / name}")
    if not kneser_ney_is_right():
        print("the Kneser-Ney control is not what was computed by hand", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    data = [thucnews(options.folder / "thucnews"), banking77(options.folder / "banking77")]
    bench = Bench(data, options.out, options.epochs)
    # One thread a product: where another program keeps a core busy, two that wait for each other take far longer.
    torch.set_num_threads(1)
    with threadpool_limits(1):
        bench.run()
    bench.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
