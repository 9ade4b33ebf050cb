"""Whether there are examples enough to fit a head, and if not, what to do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from curator.api import HeadSpec
from curator.catalog.labels import Examples
from curator.errors import NotReady
from curator.reporter import count

if TYPE_CHECKING:
    from curator.registry.loader import Registry

TWO = 2
"""What a head takes of each class if its kind says nothing: one to fit it on, one to hold out."""


def refuse_too_few_for(spec: HeadSpec, examples: Examples, registry: Registry) -> None:
    """As `refuse_too_few`, for a kind of head; names another kind where there are enough for that one."""
    try:
        refuse_too_few(examples, spec.least)
    except NotReady as error:
        for other in registry.all(HeadSpec):
            if other.least < spec.least and _enough(examples, other.least):
                raise NotReady(f"{error}; or --head {other.name}, which takes {number(other.least)}") from error
        raise


def refuse_too_few(examples: Examples, least: int = TWO) -> None:
    """Raise `NotReady`, with the command that helps, where there are fewer than `least` examples of a class.

    A group may have classes of fewer, as long as two have enough. A label needs negative examples, whatever the head:
    where all examples are of one kind there is no probability, only likeness.
    """
    if _enough(examples, least):
        return
    name, quoted, few = examples.target.full_name, shlex.quote(examples.spelled), number(least)
    if examples.target.kind == "group":
        labels = sum(many >= least for many in examples.counts)
        raise NotReady(
            f"group {name!r} has {count(labels, 'label')} with {few} or more items; it takes two: "
            f"curator add FOLDER --labels-from-folders --group {quoted}"
        )
    negative, positive = examples.counts
    conflicts = f" ({count(len(examples.conflicts), 'item')} labelled both ways left out)" if examples.conflicts else ""
    missing = [label_command(examples.spelled)] * (positive < least)
    missing += [label_command(examples.spelled, negative=True)] * (negative < least)
    raise NotReady(
        f"label {name!r} has {count(positive, 'example')} and {count(negative, 'negative example')}{conflicts}; "
        f"it takes {few} of each: {' and '.join(missing)}"
    )


def label_command(spelled: str, items: str = "FILES", negative: bool = False) -> str:
    """What to type to label items; a name that begins as an option does stands behind `--`."""
    quoted, option = shlex.quote(spelled), " --negative" if negative else ""
    if spelled.startswith("-"):
        return f"curator label{option} -- {quoted} {items}"
    return f"curator label {quoted}{option} {items}"


def _enough(examples: Examples, least: int) -> bool:
    enough = sum(many >= least for many in examples.counts)
    return enough == 2 if examples.target.kind == "label" else enough > 1


def number(least: int) -> str:
    """A small number in a sentence."""
    return {1: "one", 2: "two", 3: "three"}.get(least, str(least))
