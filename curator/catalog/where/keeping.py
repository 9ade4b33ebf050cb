"""Keeping selections by a name, and no longer: each is a run, which can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from curator.api import ItemSet, TargetRef
from curator.catalog.places import expand_path, real
from curator.catalog.where.expression import Expression, Term, changed
from curator.catalog.where.meaning import Meaning, expression_of
from curator.catalog.where.saved import find, selection_name
from curator.errors import BadInput
from curator.history.journal import Journal
from curator.store.selecting.saved import SavedRow, SavedStore
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Saved:
    """A selection that was saved, as `--where` takes it; `before`: what that name stood for, None for a new one."""

    name: str
    where: str
    before: str | None


class SavedSelections:
    """The selections of a workspace that are kept by a name; each is evaluated anew whenever it is used."""

    def __init__(
        self, database: Database, begin: Callable[[str, Mapping[str, Any]], AbstractContextManager[Journal]]
    ) -> None:
        self.database = database
        self.store = SavedStore(database)
        self.begin = begin

    def all(self) -> list[SavedRow]:
        """Every one, by name."""
        return self.store.all()

    def save(self, name: str, among: ItemSet) -> Saved:
        """Keep a selection as `name`, in place of one that has it; folders in it become absolute.

        Raises `BadInput` for one that is empty or would hold itself, and what the selection itself would raise.
        """
        name = selection_name(name)
        expression = changed(expression_of(among), self._typed)
        if not str(expression):
            raise BadInput("--save keeps a selection, and this is none: give --where, --under or another that chooses")
        Meaning(self.database, within=[name]).of(expression)
        where = str(expression)
        known = self.store.named(name)
        if known is None or known.expression != where:
            with self.begin("ls", {"save": name, "where": where}) as journal:
                if known is None:
                    journal.insert("saved_selection", name=name, expression=where)
                else:
                    journal.update("saved_selection", known.id, expression=where)
        return Saved(name, where, None if known is None else known.expression)

    def remove(self, name: str) -> SavedRow:
        """Keep one no longer; raises `NotFound`."""
        found = find(self.store, name)
        with self.begin("saved", {"remove": found.name}) as journal:
            journal.delete("saved_selection", found.id)
        return found

    def _typed(self, term: Term) -> Expression:
        """A term as it means the same later, and from any other folder."""
        if isinstance(term.value, TargetRef):
            return Term(term.field, term.sign, Meaning(self.database).names.to_type(term.value))
        if term.field != "under":
            return term
        folder = real(expand_path(term.value))
        try:
            folder.encode()
        except UnicodeEncodeError:
            raise BadInput(f"{folder!r} cannot be saved: its name is not valid UTF-8") from None
        return Term(term.field, term.sign, folder)
