"""What every kind of output has: how it is held to the declaration, carried out, and told of at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from curator.api import ActionSpec, Finding, FittedHead
from curator.history.journal import Journal
from curator.parts import Parts
from curator.running.artifacts import Targets
from curator.running.dialogue import Asker

T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """One command of an action: what its effects are carried out on, and with.

    `may_move`: files that were set aside go now. `asker` answers questions, `most` of them. `asked`: the items asked
    about so far.
    """

    parts: Parts
    spec: ActionSpec
    targets: Targets
    journal: Journal
    may_move: bool = False
    asker: Asker | None = None
    most: int | None = None
    asked: frozenset[int] = frozenset()


class Effect(Generic[T]):
    """What becomes of one kind of output (`of`). Made anew for each command; `work` is what it is carried out on.

    Each output is checked, then applied as it comes; `goes_on` and `finish` are for what has to wait for the others.
    """

    of: ClassVar[type[Any]]

    def __init__(self, work: Work) -> None:
        self.work = work

    @staticmethod
    def check(output: Any, spec: ActionSpec) -> None:
        """Raise `Breach` for what the spec does not declare; that its fields are of their types is seen to before."""

    def apply(self, output: T) -> Iterable[Finding]:
        """Carry it out, or keep it for later; gives what is to be shown of it."""
        raise NotImplementedError

    def goes_on(self, head: FittedHead | None) -> bool:
        """After a plan has ended: whether there is to be another, with what this changed. `head`: the last it used."""
        return False

    def finish(self) -> Iterable[Finding]:
        """Carry out what waited for the end of the last plan; gives what is to be shown of it."""
        return ()

    def summary(self) -> Iterable[str]:
        """What to tell a person once it is done, in lines; raises where a part of it could not be done."""
        return ()
