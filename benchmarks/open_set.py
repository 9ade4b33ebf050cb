"""Whether a promised precision holds where most of what is sorted is of no class: heads with a background, by settings.

    python benchmarks/open_set.py ../shared/data [--cache FOLDER] [--settings 70]

Each source is embedded once (`--cache` keeps the vectors). A setting, drawn by its seed, is a label or a group with a
few examples, and a pool that nobody labelled, 1 to 30 % of it of the classes, or all of it for a closed group. Heads
are the product's own logistic ones, fitted, held out and given their background as `curator train` does; so are lines
and questions. No value was set on `hands` and `reviews_zh`. Prints a row for each setting with what each way says
and how much of it is right, then what the goals are about; exits with 1 where one is missed.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from curator_plugins.actions.classify import deciding
from curator_plugins.actions.review import verifying
from curator_plugins.heads.logistic import Logistic, LogisticParams, choose_strength
from numpy.typing import NDArray

import curator
from curator.api import HeldOut, Item
from curator.errors import NotReady
from curator.kit.trust import promises
from curator.learning.calibration import Calibration, fit_calibration
from curator.learning.cross_validation import cross_validate
from curator.learning.material.background import MOST, OTHERS, SHARE, Background, at_places, places, taken_off

Floats: TypeAlias = NDArray[np.float32]
Source: TypeAlias = tuple[Floats, NDArray[np.str_]]

TUNED, UNSEEN = ("grocery", "thucnews", "banking77"), ("hands", "reviews_zh")
TEXTS, POOL, LEAST = 6_000, 3_200, 30
PRIORS = (0.01, 0.03, 0.1, 0.2, 0.3)
SLACK, LARGE, TENTH = 0.05, 50, 0.1
"""Below the wanted precision by so much it failed; smaller answers are pooled; a line that finds so many is worth
it."""
NONE = -1
BATCH = 5
"""Questions that `review` chooses at once."""


# --- the sources ---


def texts_of(name: str, folder: Path) -> list[tuple[str, str]]:
    """Texts and their classes, drawn by a seed, each text once."""
    if name == "thucnews":
        lines = "\n".join((folder / f"{part}.txt").read_text(encoding="utf-8") for part in ("dev", "test")).split("\n")
        pairs = [(text, number) for text, _, number in (line.strip().rpartition("\t") for line in lines)]
    else:
        columns = {"banking77": ("text", "category"), "reviews_zh": ("review", "category")}[name]
        pairs = []
        for file in sorted(folder.glob("*.csv")):
            with open(file, encoding="utf-8", newline="") as rows:
                pairs += [(row[columns[0]], row[columns[1]]) for row in csv.DictReader(rows)]
    unique = {text: kind for text, kind in pairs if text.strip()}
    chosen = np.random.default_rng(0).permutation(len(unique))[:TEXTS]
    found = list(unique.items())
    return [found[number] for number in chosen]


def embedded(name: str, data: Path, home: Path) -> Source:
    """The vectors of a source and what each is; photos of `mixed` are unknown things among the groceries."""
    with curator.open_workspace(home / name, create=True) as ws:
        if name in ("grocery", "hands"):
            ws.add(*[data / folder for folder in ((name, "mixed") if name == "grocery" else (name,))])
            model = ws.models.find("efficientnet-lite0")
            assert model is not None
            items, rows = ws.encoding.matrix(model, ws.items.select())
            paths = [item.path for item in items if item.path is not None]
            return rows, np.asarray([path.stem if path.parent.name == "mixed" else path.parent.name for path in paths])
        pairs = texts_of(name, data / name)
        (home / "one.txt").write_text("any text makes the model known", encoding="utf-8")
        ws.add(home / "one.txt")
        model = ws.models.find("ngram")
        assert model is not None
        parts = [[text for text, _ in pairs[at : at + 256]] for at in range(0, len(pairs), 256)]
        rows = np.concatenate([ws.encoding.embed_texts(model, part) for part in parts])
        return rows, np.asarray([kind for _, kind in pairs])


def source_of(name: str, data: Path, cache: Path) -> Source:
    """As `embedded`, kept in a file."""
    file = cache / f"{name}.npz"
    if not file.exists():
        with tempfile.TemporaryDirectory() as home:
            rows, kinds = embedded(name, data, Path(home))
        np.savez(file, rows=rows, kinds=kinds)
    kept = np.load(file)
    return kept["rows"], kept["kinds"]


# --- the settings ---


@dataclass(frozen=True, eq=False)
class Setting:
    """Examples with their classes, and a pool with what each is; `NONE` for what is of no class.

    Of a label class 0 is what it is not. `open`: negative examples of few kinds; for a group, other kinds in the pool.
    """

    source: str
    seed: int
    kind: str
    open: bool
    share: float
    vectors: Floats
    targets: NDArray[np.int64]
    pool: Floats
    truth: NDArray[np.int64]

    @property
    def classes(self) -> int:
        return int(self.targets.max()) + 1

    @property
    def binary(self) -> bool:
        return self.kind == "label"

    @property
    def positives(self) -> int:
        return int((self.truth != NONE).sum())


def setting(name: str, source: Source, seed: int) -> Setting:
    """Drawn again until there is enough of everything."""
    rng = np.random.default_rng([seed, *name.encode()])
    rows, kinds = source
    usual = [kind for kind in np.unique(kinds) if (kinds == kind).sum() >= 10]
    while True:
        share, order = float(rng.choice(PRIORS)), rng.permutation(usual)
        draw = draw_label if rng.random() < 2 / 3 else draw_group
        found = draw(rng, kinds, order, bool(rng.random() < 0.5), share)
        if found is None:
            continue
        examples, targets, known, of, others, closed = found
        size = len(known) if closed else min(POOL, int(len(known) / share), int(len(others) / (1 - share)))
        size = min(size, POOL)
        count = size if closed else round(size * share)
        if count < LEAST or size < 100:
            continue
        pool = np.concatenate([known[:count], others[: size - count]])
        truth = np.concatenate([of[:count], np.full(size - count, NONE)])
        kind, unknown = "label" if draw is draw_label else "group", not closed
        open_ = unknown if kind == "group" else len(np.unique(kinds[examples[targets == 0]])) <= 3
        return Setting(
            name, seed, kind, open_, count / size, rows[examples], targets, rows[pool], truth.astype(np.int64)
        )


def draw_label(rng: Any, kinds: Any, order: Any, few: bool, share: float) -> Any:
    """One to five kinds are the label; negative examples come from all others, or from up to three of them."""
    many, counter = int(rng.choice([8, 10, 15, 20, 30])), int(rng.choice([10, 20, 30]))
    count = int(rng.choice([1, 1, 2, 3, 5]))
    is_ = rng.permutation(np.flatnonzero(np.isin(kinds, order[:count])))
    isnt = rng.permutation(np.flatnonzero(~np.isin(kinds, order[:count])))
    among = isnt[np.isin(kinds[isnt], order[count : count + int(rng.integers(1, 4))])] if few else isnt
    if len(is_) < many + LEAST or len(among) < counter:
        return None
    examples = np.concatenate([among[:counter], is_[:many]])
    targets = np.repeat([0, 1], [counter, many])
    rest = np.setdiff1d(isnt, among[:counter])
    return examples, targets, is_[many:], np.ones(len(is_) - many), rng.permutation(rest), False


def draw_group(rng: Any, kinds: Any, order: Any, open_: bool, share: float) -> Any:
    """Three to eight classes of five to twenty examples each, among other kinds or by themselves."""
    count, each = int(rng.choice([3, 5, 8])), int(rng.choice([5, 8, 12, 20]))
    if len(order) < count + open_:
        return None
    own = [rng.permutation(np.flatnonzero(kinds == kind)) for kind in order[:count]]
    if min(map(len, own)) < each + 5:
        return None
    examples = np.concatenate([some[:each] for some in own])
    left = rng.permutation(np.concatenate([some[each:] for some in own]))
    of = np.argmax(kinds[left][:, None] == order[:count], axis=1)
    others = rng.permutation(np.flatnonzero(~np.isin(kinds, order[:count])))
    return examples, np.repeat(np.arange(count), each), left, of, others, not open_


# --- heads, as `Training` fits them ---


class Heads:
    """The head with a background and the one without, and what both say."""

    def __init__(self, given: Setting, background: int = MOST) -> None:
        self.of = given
        order = np.random.default_rng(given.seed).permutation(len(given.pool))
        many = min(background, len(order) // SHARE)
        learnt, others = order[:many], order[many : many + OTHERS]
        # All that a linear head can make of is spanned by what it learns from: the rest of the numbers only cost time.
        basis = np.linalg.qr(np.concatenate([given.vectors, given.pool[learnt]]).T.astype(np.float64))[0]
        self.rows, self.pool = ((rows @ basis).astype(np.float32) for rows in (given.vectors, given.pool))
        self.background = Background((), self.pool[learnt], self.pool[others], len(order))

    def _fit(self, strength: float, *to: Any) -> Logistic:
        head = Logistic(LogisticParams(strength))
        head.fit(*to, 0)
        return head

    @cached_property
    def open(self) -> tuple[HeldOut, Floats, Floats]:
        """With the background: what was held out, then classes and scores of the pool."""
        given, known = self.of, self.background
        columns = given.classes + 1
        joined = known.joined(self.rows, given.targets, given.classes)
        strength = choose_strength(*joined, columns, 0)

        def said(head: Logistic, rows: Floats) -> tuple[Floats, Any]:
            return taken_off(head.predict(rows), given.classes, given.binary)

        def fit_predict(rows: Any, targets: Any, unseen: Any) -> Any:
            head = self._fit(strength, *known.joined(rows, targets, given.classes), columns)
            found, scores = said(head, unseen)
            return np.column_stack([found, places(scores, np.sort(said(head, known.others)[1]))])

        found = cross_validate(
            fit_predict, self.rows, given.targets, given.classes, 0, columns=columns, besides=len(known.vectors)
        )
        head = self._fit(strength, *joined, columns)
        assert found.further is not None
        scores = at_places(found.further[:, 0], np.sort(said(head, known.others)[1]))
        items = [Item(n, "", "text", None, "") for n in found.index]
        held_out = HeldOut(items, ("",) * given.classes, given.targets[found.index], found.probabilities, scores)
        probabilities, pool = said(head, self.pool)
        return held_out, probabilities, pool

    @cached_property
    def closed(self) -> tuple[HeldOut, Floats]:
        """Without it, as it was: what was held out, and what is said of the pool, calibrated."""
        given = self.of
        strength = choose_strength(self.rows, given.targets, given.classes, 0)

        def fit_predict(rows: Any, targets: Any, unseen: Any) -> Any:
            return self._fit(strength, rows, targets, given.classes).predict(unseen)

        found = cross_validate(fit_predict, self.rows, given.targets, given.classes, 0)
        calibration = fit_calibration(found.probabilities, given.targets[found.index]) or Calibration()
        items = [Item(n, "", "text", None, "") for n in found.index]
        said = calibration.apply(found.probabilities)
        held_out = HeldOut(items, ("",) * given.classes, given.targets[found.index], said)
        return held_out, calibration.apply(
            self._fit(strength, self.rows, given.targets, given.classes).predict(self.pool)
        )


# --- what is said, and what came of it ---


@dataclass(frozen=True)
class Outcome:
    """Of one way in one setting: of how many something is said, how many of these are right, and answers it took."""

    said: int
    right: int
    asked: int = 0


@dataclass(frozen=True)
class Row:
    """A setting, and what could be had: the most that a line chosen with hindsight says, and is right of.

    `known_best`: how likely the one line that is best to ask about passes, and how much of `best` it finds.
    """

    of: Setting
    found: int
    best: int
    ways: dict[str, Outcome]
    known_best: dict[str, tuple[float, float]]

    @property
    def worth(self) -> bool:
        return self.best >= TENTH * self.of.positives


def measure(given: Setting, wanted: float, most: int) -> Row:
    """All ways in one setting."""
    heads = Heads(given)
    held_out, probabilities, scores = heads.open
    named = np.ones(len(scores), int) if given.binary else probabilities.argmax(axis=1)
    order = np.argsort(-scores, kind="stable")
    right = (named == given.truth)[order]
    share = right.cumsum() / np.arange(1, len(right) + 1)
    reached = np.flatnonzero(share >= wanted)
    best = int(right[: reached[-1] + 1].sum()) if len(reached) else 0
    ours = held_out.targets == 1 if given.binary else np.ones(len(held_out.targets), bool)
    known = np.asarray(held_out.scores, np.float64)[ours]
    line = promises.standing(held_out, scores, given.binary).line(wanted)
    said = 0 if line is None else line.said
    known_best: dict[str, tuple[float, float]] = {}
    ways = {"as it was": before(heads, wanted), "estimated": Outcome(said, int(right[:said].sum()))}
    for name, least in (("shown", wanted - SLACK), ("proven", wanted)):
        plan = verifying.Plan(wanted, least, most)
        verified = answered(right, said, plan, given.seed)
        ways[name] = Outcome(verified.line, int(right[: verified.line].sum()), verified.asked)
        known_best[name] = by_hindsight(right, best, plan)
    for name, way in OTHERS_TRIED.items():
        count = way(given, heads, held_out, known, scores[order].astype(np.float64), wanted)
        ways[name] = Outcome(count, int(right[:count].sum()))
    return Row(given, int(right.sum()), best, ways, known_best)


def answered(right: NDArray[np.bool_], first: int, plan: verifying.Plan, seed: int) -> verifying.Verified:
    """By somebody who is always right, with so many questions at once as `review` asks."""
    answers: dict[int, bool] = {}
    while True:
        places, came = verifying.proceed(len(right), first, plan, seed, answers, BATCH)
        if came is not None:
            return came
        answers |= {place: bool(right[place]) for place in places}


def by_hindsight(right: NDArray[np.bool_], best: int, plan: verifying.Plan) -> tuple[float, float]:
    """Of the line that is best to spend all answers on: how likely it passes, and how much of the best it finds."""
    found, count = (0.0, 0.0), min(len(right), verifying.LEAST)
    while True:
        of, share = int(right[:count].sum()), min(1.0, right[:count].sum() / max(1, best))
        passes = passing(count, count - of, plan.enough(count, 0, 0))
        found = max(found, (passes, share), key=lambda one: one[0] * one[1])
        if count == len(right):
            return found
        count = min(len(right), int(count * 1.1) + 1)


def passing(items: int, wrong: int, needed: tuple[int, ...]) -> float:
    """How likely so many answers show enough of items of which so many are wrong."""
    passed, going = 0.0, np.zeros(len(needed) + 1)
    going[0] = 1
    for count in range(needed[-1] + 1 if needed else 0):
        done = [found for found, enough in enumerate(needed) if count >= enough]
        passed += going[done].sum()
        going[done] = 0
        next_ = np.clip((wrong - np.arange(len(going))) / max(1, items - count), 0, 1)
        going = going * (1 - next_) + np.append(0, (going * next_)[:-1])
        going[-1] = 0
    return float(passed)


def before(heads: Heads, wanted: float) -> Outcome:
    """Without a background, by the line that has the precision on held-out items."""
    held_out, said = heads.closed
    try:
        lines = deciding.by_precision(held_out, wanted, heads.of.binary)
    except NotReady:
        return Outcome(0, 0)
    assert lines.yes is not None
    sure = said[:, 1] if heads.of.binary else said.max(axis=1)
    named = np.ones(len(said), int) if heads.of.binary else said.argmax(axis=1)
    yes = np.asarray([lines.yes.holds(float(value)) for value in sure])
    return Outcome(int(yes.sum()), int((named == heads.of.truth)[yes].sum()))


def longest(precision: NDArray[np.float64], wanted: float) -> int:
    good = np.flatnonzero(precision >= wanted)
    return int(good[-1] + 1) if len(good) else 0


def by_prior(given: Setting, heads: Heads, held_out: HeldOut, known: Any, ranked: Any, wanted: float) -> int:
    """Scores as probabilities, their prior set by expectation maximisation (Saerens et al. 2002)."""
    prior = 0.5
    for _ in range(300):
        odds = prior / (1 - prior) * ranked / np.maximum(1 - ranked, 1e-9)
        prior = float(np.clip((odds / (1 + odds)).mean(), 1e-6, 1 - 1e-6))
    return longest((odds / (1 + odds)).cumsum() / np.arange(1, len(ranked) + 1), wanted)


def by_constant(given: Setting, heads: Heads, held_out: HeldOut, known: Any, ranked: Any, wanted: float) -> int:
    """The mean score of held-out examples is what a sure one has (Elkan and Noto 2008)."""
    sure = np.minimum(1, ranked / known.mean())
    return longest(sure.cumsum() / np.arange(1, len(ranked) + 1), wanted)


def by_selection(given: Setting, heads: Heads, held_out: HeldOut, known: Any, ranked: Any, wanted: float) -> int:
    """Conformal p-values among the negative examples, Benjamini and Hochberg (Jin and Candès 2023); labels only."""
    if not given.binary:
        return 0
    isnt = np.sort(np.asarray(held_out.scores)[held_out.targets == 0])
    chance = (1 + len(isnt) - np.searchsorted(isnt, ranked, side="left")) / (1 + len(isnt))
    good = np.flatnonzero(chance <= (1 - wanted) * np.arange(1, len(ranked) + 1) / len(ranked))
    return int(good[-1] + 1) if len(good) else 0


OTHERS_TRIED: dict[str, Callable[..., int]] = {
    "prior by EM": by_prior,
    "constant": by_constant,
    "conformal": by_selection,
}


# --- the table and the goals ---


def failed(outcome: Outcome, wanted: float) -> bool:
    return outcome.said >= LARGE and outcome.right / outcome.said < wanted - SLACK


def show(rows: Sequence[Row]) -> None:
    print(f"{'source':11}  seed kind  open  share  pool  of it  best" + "".join(f"{way:>22}" for way in rows[0].ways))
    for row in rows:
        of = row.of
        ways = "".join(f"{f'{way.right} of {way.said}':>22}" for way in row.ways.values())
        place = f"{of.source:11}{of.seed:6} {of.kind:6}{'yes' if of.open else 'no':5}{of.share:6.1%}{len(of.pool):6}"
        print(f"{place}{of.positives:7}{row.best:6}{ways}")


def summary(title: str, rows: Sequence[Row], wanted: float) -> None:
    worth = [row for row in rows if row.worth]
    print(f"\n{title}: {len(rows)} settings, in {len(worth)} a line could find a tenth of the positives")
    for way in rows[0].ways:
        found = [row.ways[way] for row in rows]
        small = [one for one in found if 0 < one.said < LARGE]
        pooled = sum(one.right for one in small) / max(1, sum(one.said for one in small))
        said = np.mean([one.said > 0 for one in found])
        of_worth = np.mean([row.ways[way].said > 0 for row in worth]) if worth else 0
        fails = np.mean([failed(one, wanted) for one in found])
        recall = [row.ways[way].right / row.best for row in worth if row.ways[way].said]
        right = sum(one.right for one in found) / max(1, sum(one.said for one in found))
        large = sum(one.said >= LARGE for one in found)
        print(
            f"  {way:12} says something in {said:.2f}, of those worth it in {of_worth:.2f}; fails in {fails:.3f}; "
            f"{sum(failed(one, wanted) for one in found)} of {large} of {LARGE} items or more; {len(small)} small "
            f"answers pooled {pooled:.3f}; of all that is said {right:.3f} is right; of what the best line finds "
            f"{np.mean(recall or [0]):.2f}; answers {np.mean([one.asked for one in found]):.0f}"
        )
    for way in rows[0].known_best:
        chance, finds = np.array([row.known_best[way] for row in rows]).T
        print(
            f"  {way:12} with the one line that is best to ask about known: in {chance.mean():.2f}, "
            f"finds {(chance * finds).sum() / max(1e-9, chance.sum()):.2f}"
        )


def goals(rows: Sequence[Row], wanted: float) -> bool:
    """Prints each, and whether it is met."""
    worth = [row for row in rows if row.worth]
    many = [row for row in rows if row.of.share >= 0.1]
    shown = [row for row in rows if row.ways["shown"].said]
    wrong = [row.ways["shown"].right / row.ways["shown"].said < wanted - SLACK for row in shown]
    small = [row.ways["estimated"] for row in rows if 0 < row.ways["estimated"].said < LARGE]
    pooled = sum(one.right for one in small) / max(1, sum(one.said for one in small))
    found = {
        "estimated: fails in at most 0.10": (np.mean([failed(row.ways["estimated"], wanted) for row in rows]), -0.1),
        "estimated: small answers pooled": (pooled, wanted - SLACK),
        "estimated: in half of those worth it": (np.mean([row.ways["estimated"].said > 0 for row in worth]), 0.5),
        "shown: answers in 0.40": (len(shown) / len(rows), 0.4),
        "shown: in 0.60 of those of 10 % and more": (np.mean([row.ways["shown"].said > 0 for row in many]), 0.6),
        "shown: fails in at most 0.10 of these": (np.mean(wrong or [0]), -0.1),
        "shown: finds 0.80 of what the best line does": (
            np.mean([min(1, row.ways["shown"].right / max(1, row.best)) for row in shown] or [0]), 0.8
        ),
    }  # fmt: skip
    print()
    met = {name: value <= -goal if goal < 0 else value >= goal for name, (value, goal) in found.items()}
    for name, (value, _) in found.items():
        print(f"{'met   ' if met[name] else 'MISSED'} {name}: {value:.3f}")
    return all(met.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="whether a promised precision holds on open sets")
    parser.add_argument("data", type=Path, help="holds the folders of the sources")
    parser.add_argument("--cache", type=Path, help="a folder that keeps the vectors")
    parser.add_argument("--settings", type=int, default=70, help="of each source")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--precision", type=float, default=0.9)
    parser.add_argument("--answers", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        rows = []
        for name in (*TUNED, *UNSEEN):
            source = source_of(name, given.data, given.cache or Path(home))
            for seed in range(given.first, given.first + given.settings):
                rows.append(measure(setting(name, source, seed), given.precision, given.answers))
            print(f"{name}: {given.settings} settings", file=sys.stderr, flush=True)
    show(rows)
    for name in (*TUNED, *UNSEEN):
        summary(name, [row for row in rows if row.of.source == name], given.precision)
    summary("seen by no threshold", [row for row in rows if row.of.source in UNSEEN], given.precision)
    summary("all", rows, given.precision)
    return 0 if goals(rows, given.precision) else 1


if __name__ == "__main__":
    sys.exit(main())
