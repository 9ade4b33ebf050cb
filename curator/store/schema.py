"""What a database may consist of: what curator of its version makes, and nothing that SQLite would run beside that.

A workspace may come from anybody. A trigger, a view, a generated column or a default that is none of curator's runs
when a row is read or written: whoever opens the file would run what its sender wrote.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from curator.store.migrations import statements
from curator.store.sqlite import Database, guard

Part: TypeAlias = tuple[str, str, str, str | None]
"""A row of `sqlite_master`: type, name, table, and the statement that makes it."""

BOOKKEEPING = "_sqlite_migrations"
"""The table in which sqlite-utils writes down which steps were applied."""

_BOOKKEEPING = re.compile(
    rf'CREATE (?:TABLE|UNIQUE INDEX) ["\[]?\w*{BOOKKEEPING}\w*["\]]?\s*'
    rf'(?:[\s,()"\[\]]|\b(?:ON|{BOOKKEEPING}|id|migration_set|name|applied_at|INTEGER|TEXT|PRIMARY|KEY)\b)*'
)
_STATISTICS = frozenset(
    ["CREATE TABLE sqlite_stat1(tbl,idx,stat)", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"]
)
_COMMENT = re.compile(r"--[^\n]*")
_WORST_FIRST = ("trigger", "view", "table", "index")
_COLLATIONS = frozenset(["BINARY", "NOCASE", "RTRIM"])


def hold(database: Database, steps: Mapping[str, str], digests: Mapping[int, str]) -> None:
    """Raise `WorkspaceError` unless a database is what curator made at its version, but for indexes that people added.

    `digests`: of what the steps up to each version make; made again (20 ms) only where that differs, to say how.
    """
    version = database.value("PRAGMA user_version")
    parts = {part for part in parts_of(database) if not _is_sqlites(part)}
    if digest(parts) == digests.get(version):
        return
    wanted = made(steps, version)
    added = {part for part in parts - wanted if not _is_plain_index(database, part)}
    complaint = next(_complaints(added, wanted - parts), None)
    if complaint is not None:
        raise database.foreign(complaint)


def made(steps: Mapping[str, str], version: int) -> set[Part]:
    """What the steps up to a version make."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with contextlib.closing(guard(connection)):
        for script in list(steps.values())[:version]:
            for statement in statements(script):
                connection.execute(statement)
        return parts_of(Database(Path(":memory:"), connection))


def parts_of(database: Database) -> set[Part]:
    """All that a database consists of; what SQLite adds for a UNIQUE has no statement of its own."""
    rows = database.rows("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return {(*row[:3], _bare(row[3])) for row in rows if row[3] is not None or row[0] != "index"}


def _bare(sql: str | None) -> str | None:
    """A statement without comments and line ends, which were written otherwise once."""
    return None if sql is None else " ".join(_COMMENT.sub("", sql).split())


def digest(parts: Collection[Part]) -> str:
    """What stands for all parts of a schema."""
    return hashlib.sha256("\n".join(sorted(map(repr, parts))).encode("utf-8", "surrogatepass")).hexdigest()


def _is_sqlites(part: Part) -> bool:
    """Whether it is a table of statistics, or what was written down of steps."""
    kind, name, table, sql = part
    if name.startswith("sqlite_"):
        return kind == "table" and sql in _STATISTICS
    return table == BOOKKEEPING and kind in ("table", "index") and bool(_BOOKKEEPING.fullmatch(sql or ""))


def _is_plain_index(database: Database, part: Part) -> bool:
    """An index of columns: it makes SQLite faster, and nothing fail."""
    kind, name, table, _ = part
    if kind != "index":
        return False
    sql = 'SELECT "unique", partial FROM pragma_index_list(?) WHERE name = ?'
    unique, partial = database.row(sql, table, name) or (True, True)
    keys = database.rows("SELECT cid, coll FROM pragma_index_xinfo(?) WHERE key", name)
    plain = all(key["cid"] >= 0 and key["coll"] in _COLLATIONS for key in keys)
    return plain and not partial and not unique


def _complaints(added: Collection[Part], lacking: Collection[Part]) -> Iterator[str]:
    """What is wrong, the worst first."""

    def rank(part: Part) -> tuple[bool, int, str]:
        return part[0] in _WORST_FIRST, _WORST_FIRST.index(part[0]) if part[0] in _WORST_FIRST else 0, part[1]

    ours = {(kind, name) for kind, name, _, _ in lacking}
    for kind, name, table, _ in sorted(added, key=rank):
        if (kind, name) in ours:
            yield f"its {kind} {name!r} is not the one that curator makes"
        else:
            yield f"it holds the {kind} {name!r}" + (f" on {table!r}" if table != name else "") + ", none of curator's"
    for kind, name, _, _ in sorted(lacking, key=rank):
        yield f"it lacks the {kind} {name!r}"
