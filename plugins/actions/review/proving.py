"""`review --verify`: the questions whose answers prove how often what would be said is right, and what they prove.

A plan begins anew after each few answers and knows nothing of the one before. So the head is the one without them, what
is drawn follows from it, and the answers are gone through again up to the first that is not there. One that was left
out counts as wrong: what nobody can tell, nobody can promise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from curator.api import Ask, Context, Finding, HeldOut, Item, Output, Predictions, SetLabel, TargetRef
from curator.errors import NotReady
from curator.kit.trust import promises

from . import verifying

if TYPE_CHECKING:
    from . import ReviewParams

PROVEN, NOT_PROVEN = "proven", "not proven: too many of those drawn were not what is said of them"
MOST = 40
"""Answers after which it ends; for a share that takes more, half as many again as prove it where all are right."""


def plan(context: Context, target: TargetRef, params: ReviewParams) -> Iterator[Output]:
    """The next questions, or where none is left what is proven, and with `accept` the labels."""
    assert params.verify is not None
    asked = context.asked()
    model = context.model(params.encoder, "image") if params.encoder is not None else None
    head = context.head(target, model, params.head, without=asked)
    items = [item for item in context.items(params.items, modalities=head.model.modalities) if item.path is not None]
    open_ = {item.id for item in context.unlabelled(target, items)} | asked
    found = context.predict(head, [item for item in items if item.id in open_])
    if found.scores is None:
        raise NotReady(
            "--verify needs a head that knows what is unlabelled, which takes 100 unlabelled items: "
            "review them all with `curator review`"
        )
    order = (-found.scores).argsort(kind="stable")
    said = _said(target, found)
    ranked = [(found.items[row], said[row]) for row in order]
    first = _first_line(context.held_out(head), found, params.verify, target.kind == "label")
    needed, result = _through(context, target, ranked, asked, first, params, head.id)
    if not asked:
        context.note(_what_it_takes(len(ranked), first, params.verify))
    if result is None:
        yield from (_question(context, target, *ranked[place], head.classes) for place in needed)
        return
    labels = list(_labels(context, target, ranked[: result.line], found, order)) if params.accept else []
    yield Finding(
        "verified",
        {
            "outcome": PROVEN if result.line else NOT_PROVEN,
            "items": result.line,
            "precision": params.verify if result.line else None,
            "from": float(found.scores[order[result.line - 1]]) if result.line else None,
            "drawn": result.drawn,
            "right": result.right,
            "answers": result.asked,
            "labelled": len(labels) if params.accept else None,
        },
    )
    yield from labels


def _most(share: float) -> int:
    """How many questions at most."""
    return max(MOST, 3 * (promises.answers_to_prove(share) or 0) // 2)


def _what_it_takes(items: int, first: int, share: float) -> str:
    most = _most(share)
    least = verifying.needed(min(items, max(first, verifying.LEAST)), share, most, verifying.FIRST)
    at_least = f"at least {least[0]:,} answers" if least else f"more than {most:,} answers"
    return (
        f"to prove {share:g} takes {at_least} about items drawn at random, up to {most:,} where some are wrong "
        f"(--count {most} asks so many); what is left out counts as wrong, and a session broken off proves nothing"
    )


def _first_line(held_out: HeldOut, found: Predictions, wanted: float, binary: bool) -> int:
    """Of how many it would be said by estimate, 0 where that draws no line."""
    assert held_out.scores is not None and found.scores is not None
    ours = held_out.targets == 1 if binary else np.ones(len(held_out.targets), bool)
    right = ours if binary else held_out.probabilities.argmax(axis=1) == held_out.targets
    own, pool, against = (
        rows.astype(np.float64) for rows in (held_out.scores[ours], found.scores, held_out.scores[~ours])
    )
    line = promises.line(own, right[ours], pool, wanted, against)
    return 0 if line is None else line.said


def _said(target: TargetRef, found: Predictions) -> list[str]:
    """What would be said of each item."""
    if target.kind == "label":
        return [found.classes[1]] * len(found.items)
    return [found.classes[best] for best in found.probabilities.argmax(axis=1)]


def _through(
    context: Context,
    target: TargetRef,
    ranked: Sequence[tuple[Item, str]],
    asked: frozenset[int],
    first: int,
    params: ReviewParams,
    seed: int,
) -> tuple[list[int], verifying.Verified | None]:
    """The places to ask about next, a few at once as if all were right; or what came of it."""
    assert params.verify is not None
    answers = dict(
        zip((item.id for item, _ in ranked), context.said(target, [item for item, _ in ranked]), strict=True)
    )
    questions = verifying.questions(len(ranked), first, params.verify, _most(params.verify), seed)
    next_: list[int] = []
    try:
        place = next(questions)
        while len(next_) < params.batch:
            item, word = ranked[place]
            if item.id not in asked:
                next_.append(place)
            place = questions.send(item.id not in asked or answers[item.id] == word)
    except StopIteration as end:
        if not next_:
            result: verifying.Verified = end.value
            return [], result
    return next_, None


def _question(context: Context, target: TargetRef, item: Item, word: str, classes: Sequence[str]) -> Ask:
    if target.kind == "label":
        return Ask(item, target, f"is it {target.full_name}?", (), None, "drawn at random")
    choices = (word, *(name for name in classes if name != word))
    return Ask(item, target, f"which {target.full_name} is it?", choices, None, "drawn at random")


def _labels(
    context: Context,
    target: TargetRef,
    ranked: Sequence[tuple[Item, str]],
    found: Predictions,
    order: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> Iterator[SetLabel]:
    """On the word of the head, for those that nobody said anything of."""
    assert found.scores is not None
    open_ = {item.id for item in context.unlabelled(target, [item for item, _ in ranked])}
    for (item, word), row in zip(ranked, order, strict=False):
        if item.id not in open_:
            continue
        score = float(found.scores[row])
        if target.kind == "label":
            yield SetLabel(item.id, target, True, score=score, source="head")
        else:
            yield SetLabel(item.id, word, True, target.name, score, "head")
