"""What an action yields beside what it shows: changes, files to make, questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from curator.api.data import Item, Place, Side, TargetRef
from curator.api.tables import Output


@dataclass(frozen=True, slots=True)
class SetLabel(Output):
    """A change: say that `item` is (`True`), is not (`False`) or is no longer said to be (`None`) `label`.

    `label` is a name as a person types it, a new one too, or what `Context.target` gave for a label. With `group` it is
    the name of the label within that group. `source` is on whose word: a head counts for less than a rule, both for
    less than an import or a person. No head learns from what a head said.
    """

    item: int
    label: str | TargetRef
    value: bool | None
    group: str | None = None
    score: float | None = None
    source: Literal["rule", "head"] = "rule"


@dataclass(frozen=True, slots=True)
class SetSide(Output):
    """A change: put `item` on this side of the split; None: on none any more. Only an action with `splits` may.

    A side is no label: no head learns to tell it, and an item is on one at most.
    """

    item: int
    side: Side | None


@dataclass(frozen=True, slots=True)
class SetAside(Output):
    """A change: move the file at `path`, and what lies beside it and is its own, to quarantine.

    `keeper` is a file that holds the same and stays; None where the file goes for what it is, and not because there is
    another: then nobody can purge it, as nothing else may hold what it does. `kind` is why, in a word ("exact": both
    hold the same bytes, which is proven before the move; others are taken on the action's word); `reason` is the
    evidence, in a few. Files must be catalogued and unchanged. What lies beside a file is told by
    `curator.kit.companions`: sidecars go with it, a raw file or a film only where a copy of it lies beside `keeper`,
    which is proven, too. Where the two are different items, labels, captions and pairs of the one that goes are taken
    over to the other, on the word of a rule, unless something is said of that one already. Only an action with
    `moves_files` may yield it; it is carried out with `--apply`, after the plan has ended.
    """

    path: Path
    keeper: Path | None
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetRowAside(Output):
    """A change: mark a row of a table as set aside. Tables are never edited: the mark is in the catalogue.

    `item` is what the row at `place` holds, a text; `keeper` is the item that stays in its stead, which may be the same
    one, where it is somewhere else, too; None as for `SetAside`, whose `kind` and `reason` these are. An item of which
    nothing else is left is no longer among those that commands work on, and `curator export` leaves the row out. It is
    carried out with `--apply`, after the plan has ended, and only for an action with `moves_files`.
    """

    item: int
    place: Place
    keeper: int | None
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Artifact(Output):
    """A file to make: `render` writes it, to a binary file that is open for reading and writing and can seek.

    `path` comes from a `NewFile`. The file appears whole or not at all, never over a catalogued file or within
    the workspace, and over another only with `--force`.
    """

    path: Path
    render: Callable[[IO[bytes]], None]


@dataclass(frozen=True, slots=True)
class Ask(Output):
    """A question that only a person can answer: is `item` the label `target`, or which label of that group is it?

    `target` is what `Context.target` gave. The core asks, writes each answer as a label said by a person, and then
    calls `plan` again, with a fresh context; the round after which nothing new is asked is the last. `choices`: for a
    group all its labels, the most probable first, besides which "none of these" can be answered, which is to say that
    it is not any label of the group; for a label empty, as it takes yes or no. `probability` (0..1) is what is thought
    of yes, or of the first choice; `why` says in a few words why just this item is asked about. Only an action with
    `asks` may yield it; where nobody can answer, the questions are rows.
    """

    item: Item
    target: TargetRef
    question: str
    choices: tuple[str, ...] = ()
    probability: float | None = None
    why: str = ""
