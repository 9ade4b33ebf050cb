"""`review --verify`: the questions whose answers show how often what would be said is right, and what they show.

A plan begins anew after each few answers and knows nothing of the one before. So the head is the one without them, what
is drawn follows from it, and the answers are gone through again up to the first that is not there. One that was left
out counts as wrong: what nobody can tell, nobody can promise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from curator.api import Ask, Context, Finding, Item, Output, Predictions, SetLabel, TargetRef
from curator.errors import NotReady
from curator.kit.listing import ids_of, items_at, items_in
from curator.kit.trust import promises

from . import verifying
from .looking import with_files

if TYPE_CHECKING:
    from . import ReviewParams

SHOWN, NOT_SHOWN = "shown", "not shown: too many of those drawn were not what is said of them"
TOLERANCE = 0.05
"""How far below the wanted share it may be, where nothing else is said."""
MOST = 40
"""Answers after which it ends; for a share that takes more, half as many again as prove it where all are right."""


def plan(context: Context, target: TargetRef, params: ReviewParams) -> Iterator[Output]:
    """The next questions, or where none is left what is shown, and with `accept` the labels."""
    assert params.verify is not None
    asked = context.asked()
    model = context.model(params.encoder, "image") if params.encoder is not None else None
    head = context.head(target, model, params.head, without=asked)
    items = with_files(context, params.items, head.model.modalities)
    open_ = {*ids_of(context.unlabelled(target, items))} | asked
    found = context.predict(head, context.of_ids(id_ for id_ in ids_of(items) if id_ in open_))
    if found.scores is None:
        raise NotReady(
            "--verify needs a head that knows what is unlabelled, which takes 100 unlabelled items: "
            "review them all with `curator review`"
        )
    if not found.items:
        raise NotReady("there is no unlabelled item to ask about: choose others, or add some")
    order = (-found.scores).argsort(kind="stable")
    said = _said(target, found)
    ranked, said = items_in(found.items, order), [said[row] for row in order]
    line = promises.standing(context.held_out(head), found.scores, target.kind == "label").line(params.verify)
    sampling = _plan_of(params)
    now = context.said(target, ranked)
    answers = {place: now[place] == said[place] for place, id_ in enumerate(ids_of(ranked)) if id_ in asked}
    next_, result = verifying.proceed(
        len(ranked), 0 if line is None else line.said, sampling, head.id, answers, params.batch
    )
    if not asked:
        context.note(_what_it_takes(len(ranked), sampling))
    elif result is None:
        context.note(
            f"{len(answers):,} answers and no verdict yet, which takes up to {sampling.most:,}: "
            "--count 0 asks until there is one"
        )
    if result is None:
        for item, place in zip(items_at(ranked, next_), next_, strict=True):
            yield _question(context, target, item, said[place], head.classes)
        return
    labels: list[SetLabel] = []
    if params.accept:
        scores = found.scores[order[: result.line]].tolist()
        labels = list(_labels(context, target, ranked[: result.line], said, scores))
    yield Finding(
        "verified",
        {
            "outcome": SHOWN if result.line else NOT_SHOWN,
            "items": result.line,
            "at_least": sampling.least if result.line else None,
            "from": float(found.scores[order[result.line - 1]]) if result.line else None,
            "drawn": result.drawn,
            "right": result.right,
            "answers": result.asked,
            "labelled": len(labels) if params.accept else None,
        },
    )
    yield from labels


def _plan_of(params: ReviewParams) -> verifying.Plan:
    assert params.verify is not None
    tolerance = TOLERANCE if params.tolerance is None else params.tolerance
    least = round(params.verify - tolerance, 9)
    return verifying.Plan(params.verify, least, max(MOST, 3 * (promises.answers_to_prove(least) or 0) // 2))


def _what_it_takes(items: int, sampling: verifying.Plan) -> str:
    fewest, most = sampling.fewest(min(items, verifying.LEAST)), sampling.most
    at_least = f"at least {fewest:,} answers" if fewest else f"more than {most:,} answers"
    return (
        f"to show that {sampling.wanted:g} of a random sample are right, and with 90 % confidence at least "
        f"{sampling.least:g} of all, takes {at_least}, up to {most:,} where some are wrong (--count {most} asks so "
        "many); what is left out counts as wrong, and a session broken off shows nothing"
    )


def _said(target: TargetRef, found: Predictions) -> list[str]:
    """What would be said of each item."""
    if target.kind == "label":
        return [found.classes[1]] * len(found.items)
    return [found.classes[best] for best in found.probabilities.argmax(axis=1)]


def _question(context: Context, target: TargetRef, item: Item, word: str, classes: Sequence[str]) -> Ask:
    if target.kind == "label":
        return Ask(item, target, f"is it {target.full_name}?", (), None, "drawn at random")
    choices = (word, *(name for name in classes if name != word))
    return Ask(item, target, f"which {target.full_name} is it?", choices, None, "drawn at random")


def _labels(
    context: Context, target: TargetRef, ranked: Sequence[Item], said: Sequence[str], scores: Sequence[float]
) -> Iterator[SetLabel]:
    """On the word of the head, for those that nobody said anything of."""
    open_ = {*ids_of(context.unlabelled(target, ranked))}
    for id_, word, score in zip(ids_of(ranked), said, scores, strict=False):
        if id_ not in open_:
            continue
        if target.kind == "label":
            yield SetLabel(id_, target, True, score=score, source="head")
        else:
            yield SetLabel(id_, word, True, target.name, score, "head")
