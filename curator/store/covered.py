"""Up to which change of the catalogue all items of a medium were found to be embedded in a space, or known to fail.

To find what is not, all hashes of both databases are gone through, which takes a second for a million. Where that was
found to be nothing, only what came since has to be looked at. Only what is added to a catalogue can be missing, and
each addition is a change; triggers of the cache forget what was found where a vector or a failure is deleted. Nothing
else rests on it.
"""

from __future__ import annotations

import contextlib
from array import array
from dataclasses import dataclass

from curator.api import Modality
from curator.errors import WorkspaceError
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of both databases: the last change, what tells it from one of another history, the cache's version."""

    change: int
    witness: str
    version: int


class Covered:
    """Remembers what was found."""

    def __init__(self, catalogue: Database, derived: Database) -> None:
        self.catalogue = catalogue
        self.derived = derived

    def since(self, space: int, media: Modality) -> tuple[int, array[int]] | None:
        """The change at which nothing of a medium was missing in a space, and the items of it that came later, by id.

        None where it is not known that it ever was so.
        """
        sql = "SELECT change, witness FROM covered WHERE space_id = ? AND media = ?"
        found = self.derived.row(sql, space, media)
        if found is None or self._witness(found["change"]) != found["witness"]:
            return None
        # By the number of the change: the index by table would go through all that was ever added.
        added = "SELECT row_id, last_row_id FROM change WHERE id > ? AND +table_name = 'item' AND kind <> 'delete'"
        sql = (
            f"SELECT DISTINCT item.id FROM ({added}) CROSS JOIN item ON item.id BETWEEN row_id AND"
            " coalesce(last_row_id, row_id) WHERE +modality = ? ORDER BY 1"
        )
        later = array("q", (row[0] for row in self.catalogue.rows(sql, found["change"], media)))
        return found["change"], later

    def now(self) -> Moment:
        """Before somebody looks."""
        last = int(self.catalogue.value("SELECT max(id) FROM change") or 0)
        return Moment(last, self._witness(last), self._version())

    def put(self, space: int, media: Modality, since: Moment) -> None:
        """Nothing was missing; what others did to the cache since then would make that doubtful.

        Where it cannot be written, as on a full disk, somebody looks again the next time.
        """
        if self.derived.read_only or not since.witness:
            return
        with contextlib.suppress(WorkspaceError), self.derived.transaction():
            if self._version() == since.version:
                sql = "INSERT OR REPLACE INTO covered (space_id, media, change, witness) VALUES (?, ?, ?, ?)"
                self.derived.execute(sql, space, media, since.change, since.witness)

    def forget(self, space: int) -> None:
        """So that somebody looks again."""
        self.derived.execute("DELETE FROM covered WHERE space_id = ?", space)

    def _witness(self, change: int) -> str:
        """A restored backup may go on with other changes of the same numbers."""
        columns = "started, run_id, kind, table_name, row_id"
        sql = f"SELECT {columns} FROM change JOIN run ON run.id = run_id WHERE change.id = ?"
        return " ".join(map(str, self.catalogue.row(sql, change) or ()))

    def _version(self) -> int:
        return int(self.derived.value("PRAGMA main.data_version"))
