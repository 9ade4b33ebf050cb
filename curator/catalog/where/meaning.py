"""What an expression means: its names looked up, its saved selections put in, as conditions for the store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from curator.api import ItemSet, TargetRef
from curator.catalog.where import expression as written
from curator.catalog.where.expression import Expression, Kept, Term, all_of, any_of
from curator.catalog.where.fields import FIELDS
from curator.catalog.where.names import Names
from curator.catalog.where.saved import find
from curator.errors import BadInput, CuratorError
from curator.store.selecting.conditions import All, AnyOf, Condition, Not, Taken
from curator.store.selecting.saved import SavedStore
from curator.store.sqlite import Database

MOST_CONDITIONS, DEEPEST = 300, 30
"""With those of saved selections: SQLite takes about a thousand, and parentheses of about a hundred in each other."""


def parsed(text: str) -> Expression:
    """The expression that somebody typed; raises `BadInput` with the place where something is wrong."""
    from curator.catalog.where.parsing import parse

    return parse(text)


def expression_of(among: ItemSet, media: bool = True) -> Expression:
    """A selection, however it was made, as an expression; `media`: with them. Several of one option: any of them."""
    parts: list[Expression] = []
    if media and many(among.media):
        parts.append(any_of(*(Term("media", ":", one) for one in many(among.media))))
    if many(among.under):
        parts.append(any_of(*(Term("under", ":", os.fspath(one)) for one in many(among.under))))
    if many(among.label):
        parts.append(any_of(*map(_of_label, many(among.label))))
    if among.unlabelled:
        parts.append(Term("unlabelled"))
    parts += [parsed(text) for text in many(among.where)]
    return all_of(*parts) if parts else written.All()


def _of_label(label: str | TargetRef) -> Term:
    group = isinstance(label, TargetRef) and label.kind == "group"
    return Term("group" if group else "label", ":", label)


class Meaning:
    """Makes expressions definite. Raises `NotFound` for a label, group, folder or saved selection that there is not,
    and `BadInput` for a value that says nothing."""

    def __init__(self, database: Database, within: Iterable[str] = ()) -> None:
        """`within`: the saved selections that it is for, so that none comes to hold itself."""
        self.names = Names(database)
        self.saved = SavedStore(database)
        self._within = tuple(within)
        self._met = self._depth = 0
        self._blamed = False

    def of(self, expression: Expression) -> Condition:
        """The conditions that it stands for."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadInput(f"--where: saved selections lie in each other more than {DEEPEST} deep")
        try:
            return self._of(expression)
        finally:
            self._depth -= 1

    def _of(self, expression: Expression) -> Condition:
        match expression:
            case Term():
                return self._term(expression)
            case Kept(name):
                return self._kept(name)
            case written.Not(of):
                return Not(self.of(of))
            case written.All(of):
                return All(tuple(map(self.of, of)))
            case written.AnyOf(of):
                return AnyOf(tuple(map(self.of, of)))

    def _term(self, term: Term) -> Condition:
        self._met += 1
        if self._met > MOST_CONDITIONS:
            raise BadInput(f"--where takes at most {MOST_CONDITIONS} conditions, with those of saved selections")
        field = FIELDS[term.field]
        try:
            return field.read(self.names, term)
        except BadInput as error:
            raise (error if field.names else BadInput(f"{term}: {error}")) from None

    def _kept(self, name: str) -> Condition:
        found = find(self.saved, name)
        if found.name in self._within:
            way = " in ".join(f"@{written.quoted(one)}" for one in (found.name, *reversed(self._within)))
            raise BadInput(f"a saved selection cannot hold itself: {way}")
        outer, self._within = self._within, (*self._within, found.name)
        try:
            return self.of(parsed(found.expression))
        except CuratorError as error:
            if self._blamed:
                raise
            self._blamed = True  # the innermost, where it is to be mended
            raise type(error)(f"in @{written.quoted(found.name)}: {error}") from None
        finally:
            self._within = outer


def many(given: Any) -> tuple[Any, ...]:
    """One, several or none, as several."""
    return () if given is None else tuple(given) if isinstance(given, tuple | list) else (given,)


def asks_for_dates(condition: Condition) -> bool:
    """Whether it asks when pictures were taken."""
    match condition:
        case Taken():
            return True
        case All(of) | AnyOf(of):
            return any(map(asks_for_dates, of))
        case Not(of):
            return asks_for_dates(of)
    return False
