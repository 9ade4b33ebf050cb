"""Captions that fit their pictures badly, by a model that knows pictures and texts in one space.

This module only describes the check; the comparing is in `fitting`, which is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from curator.api import CheckSpec, Context, Flaw, Item, Model, hookimpl
from curator.errors import NotReady
from curator.kit.trust.flaws import above

BOTH = frozenset(("image", "text"))


def _odd(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """Each caption by the picture of its own that it fits worst."""
    pairs = [(text, image) for text, of in zip(items, context.linked(items), strict=True) for image in of]
    if not pairs:
        return
    from .fitting import fits

    model = _model(context)
    worst: dict[int, Flaw] = {}
    for fit in fits(context, model, pairs):
        score = above(fit.rank, fit.line, 1.0)
        if score > 0 and (fit.text.id not in worst or score > worst[fit.text.id].score):
            why = f"{fit.captions:.0%} of the other captions fit id:{fit.image.id} better, and {fit.images:.0%} of the"
            worst[fit.text.id] = Flaw(fit.text, score, f"{why} other pictures fit it better, by {model.name}")
    yield from (flaw for _, flaw in sorted(worst.items()))


def _model(context: Context) -> Model:
    """The default for pictures if it knows texts, too, else the latest that knows both."""
    both = [model for model in context.models() if {*model.modalities} >= BOTH]
    if not both:
        raise NotReady("no encoder that knows both pictures and texts was used here yet: curator encode -e clip")
    default = context.model(None, "image").id
    return max(both, key=lambda model: (model.id == default, model.id))


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """That of captions."""
    finds = "captions that fit their pictures worse than others do (needs an encoder of both, as clip)"
    return [CheckSpec("odd-caption", finds, ("text",), _odd)]
