"""Asking a person: one question after the other, each answer in the catalogue before the next one is shown."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from curator.api import Ask, FittedHead, SetLabel, TargetRef
from curator.catalog.labels import Labels, Source
from curator.errors import BadInput
from curator.history.journal import Journal
from curator.kit.listing import of_item
from curator.reporter import count

Answer: TypeAlias = bool | str | None
"""Of a label whether the item is it, of a group the name of its label (a new one is made), or False for none of those
that there are; None leaves it out."""


class Step(enum.Enum):
    """What a person may say instead of answering."""

    BACK = "to the question before"
    QUIT = "no more questions"


FIGURES = ("average precision", "macro f1", "accuracy")
"""The held-out figure that is followed: the first of these that the head has."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A held-out figure of the head that chose the questions, and on how many items it rests."""

    name: str
    value: float
    items: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is: what a person sees beside a question.

    `number` says which answer it would be, from 1, as skipped questions do not count; `count` how many are wanted, None
    for no end. `first`: there is no question before. `counts` are the labelled items by class. `before` and `now` are
    the last two rounds' figures, None where there are none. `answered`: this question was answered already, with
    `answer`, and came again on the way back.
    """

    number: int
    count: int | None
    first: bool
    counts: Mapping[str, int]
    before: Figure | None
    now: Figure | None
    answered: bool
    answer: Answer


class Asker(Protocol):
    """Whoever puts the questions to a person."""

    def __call__(self, ask: Ask, standing: Standing) -> Answer | Step:
        """Put one question; gives the answer, or what the person wants instead. Nothing is asked twice at once."""
        ...


@dataclass(slots=True)
class _Question:
    ask: Ask
    answered: bool = False
    answer: Answer = None


@dataclass(slots=True)
class Dialogue:
    """The questions of one command, over all its rounds. `free` lets others write while the person thinks."""

    asker: Asker
    count: int | None
    journal: Journal
    labels: Labels
    free: Callable[[], None]
    _questions: list[_Question] = field(default_factory=list)
    _at: int = 0
    _figures: list[Figure] = field(default_factory=list)
    _counts: dict[TargetRef, dict[str, int]] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[int]:
        """The items that were asked about."""
        return frozenset(question.ask.item.id for question in self._questions)

    @property
    def full(self) -> bool:
        """Whether as many questions are answered as were wanted."""
        return self.count is not None and len(self._given()) >= self.count

    def measure(self, head: FittedHead | None) -> None:
        """Take note of how good the head of a round is, where there is one that could be measured."""
        name = next((name for name in FIGURES if head and name in head.metrics), None)
        if head and name:
            self._figures.append(Figure(name, head.metrics[name], int(head.metrics["items"])))

    def hold(self, asks: Sequence[Ask]) -> bool:
        """Put the questions of a round; returns whether to go on with another round."""
        self._questions += map(_Question, asks)
        self._counts = {}
        while self._at < len(self._questions) and not self.full:
            question = self._questions[self._at]
            standing = self._standing(question)
            self.journal.pause()
            self.free()
            said = self.asker(question.ask, standing)
            if said is Step.QUIT:
                del self._questions[self._at + 1 :]
                return False
            if said is Step.BACK:
                self._at = max(0, self._at - 1)
            else:
                self._keep(question, _checked(question.ask, said))
                self._at += 1
        return True

    def told(self) -> str:
        """In a line what was answered, how the figure moved from the first round to the last, and what undoes it."""
        given = self._given()
        yes, no = given.count(True), given.count(False)
        none = sum(question.answer is False for question in self._questions if question.ask.choices)
        skipped = sum(question.answered for question in self._questions) - len(given)
        parts = [f"{yes:,} yes, {no - none:,} no"] if yes + no > none else []
        parts += [f"{none:,} none of these"] if none else []
        parts += [f"{skipped:,} skipped"] if skipped else []
        line = count(len(given), "answer") + (f" ({', '.join(parts)})" if parts else "")
        if self._figures:
            first, last = self._figures[0], self._figures[-1]
            line += f"; held out: {moved(first, last)}"
            if last.value < first.value:
                line += ", among them those asked about, which are hard: it can fall while the head gets better"
        return line + ("; `curator undo` takes the answers back" if given else "")

    def _given(self) -> list[Any]:
        return [question.answer for question in self._questions if question.answer is not None]

    def _standing(self, question: _Question) -> Standing:
        target = question.ask.target
        if target not in self._counts:  # once a round: it reads all that is said
            examples = self.labels.examples(target)
            self._counts[target] = dict(zip(examples.classes, examples.counts, strict=True))
        counts = dict(self._counts[target])
        before, now = [None, None, *self._figures][-2:]
        number = 1 + sum(question.answer is not None for question in self._questions[: self._at])
        first = self._at == 0
        return Standing(number, self.count, first, counts, before, now, question.answered, question.answer)

    def _keep(self, question: _Question, answer: Answer) -> None:
        """Write an answer, unless it is what was said before."""
        before = question.answer
        question.answered, question.answer = True, answer
        if answer == before:
            return
        self.journal.start()
        for change in self._changes(question.ask, before, answer):
            self.labels.change(self.journal, change, Source.HUMAN)
        counts = self._counts[question.ask.target]
        for said, more in ((before, -1), (answer, 1)):
            if said is not None and (said is not False or not question.ask.choices):
                name = said if isinstance(said, str) else list(counts)[said]
                counts[name] = counts.get(name, 0) + more

    def _changes(self, ask: Ask, before: Answer, answer: Answer) -> list[SetLabel]:
        """What an answer changes, and the taking back of the one before where it is corrected."""
        item, group = ask.item.id, ask.target.name
        if ask.target.kind == "label":
            return [SetLabel(item, ask.target, None if answer is None else bool(answer))]
        withdrawn = [] if before is None else [SetLabel(item, name, None, group) for name in self._named(ask, before)]
        said = (
            [] if answer is None else [SetLabel(item, name, bool(answer), group) for name in self._named(ask, answer)]
        )
        return withdrawn + said

    def _named(self, ask: Ask, answer: Answer) -> list[str]:
        """The labels that an answer about a group speaks of."""
        return [answer] if isinstance(answer, str) else self.labels.siblings(ask.target)


def _checked(ask: Ask, said: Answer | Step) -> Answer:
    """An answer of the kind that the question takes; raises `BadInput`, as it comes from a caller's code."""
    wanted = "the name of a label, False for none of them" if ask.choices else "True or False"
    good = said is False or isinstance(said, str) if ask.choices else isinstance(said, bool)
    if said is not None and (isinstance(said, Step) or not good):
        raise BadInput(f"{ask.question} takes {wanted}, or None to leave it out, not {said!r}")
    return said


def moved(before: Figure | None, now: Figure) -> str:
    """'average precision 0.712 -> 0.784 on 24 items'."""
    was = f"{before.value:.3f} -> " if before not in (None, now) and before.name == now.name else ""
    return f"{now.name} {was}{now.value:.3f} on {count(now.items, 'item')}"


def row_of(ask: Ask) -> dict[str, Any]:
    """A question as a row, for whoever answers it otherwise."""
    return {
        **of_item(ask.item),
        "question": ask.question,
        "choices": list(ask.choices),
        "probability": ask.probability,
        "why": ask.why,
        "target": str(ask.target),
    }
