"""JSON in rows, held to what curator writes there before anything is made of it: a workspace may come from anybody."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from typing import Any, TypeAlias

from curator.errors import WorkspaceError
from curator.store.sqlite import RESTORE

MOST_NUMBERS = 1_000_000
"""No space has vectors of more; a larger one would only ask for memory."""

Shape: TypeAlias = Callable[[Any], bool]


class Unreadable(WorkspaceError):
    """A value that no curator wrote."""


def read(table: str, column: str, text: str, shape: Shape | None = None) -> Any:
    """The value in a column of a row; raises `Unreadable` unless it is as curator writes it, and of that `shape`."""
    try:
        value = json.loads(text)
        sound = SHAPES[table, column](value) and (shape is None or shape(value))
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise Unreadable(
            f"a row of the table {table!r} in catalogue.db holds in {column!r} what no curator wrote "
            f"({short(text)}): `curator check` names such rows; {RESTORE}"
        )
    return value


def arguments(command: str, text: str) -> dict[str, Any]:
    """What a run of one of the core's commands was called with, of which curator itself makes something later."""
    value: dict[str, Any] = read("run", "arguments", text, OF_COMMANDS[command])
    return value


def moment(table: str, column: str, text: str) -> datetime.datetime:
    """A time on record; raises `Unreadable` for what is none."""
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(
            f"a row of the table {table!r} in catalogue.db holds in {column!r} no time but {short(text)}: {RESTORE}"
        ) from None


def short(text: object) -> str:
    """The beginning of a value, to be shown."""
    return repr(text if not isinstance(text, str) or len(text) <= 40 else text[:39] + "…")


def is_dim(value: object) -> bool:
    """Whether vectors may have so many numbers."""
    return isinstance(value, int) and 0 < value <= MOST_NUMBERS


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _classes(value: Any) -> bool:
    return _texts(value) and len(value) > 0


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, int) and each >= 0 for each in value)


def _modalities(value: Any) -> bool:
    return _texts(value) and 0 < len(value) <= 2 and set(value) <= {"image", "text"}


def _calibration(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_finite, value))


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _weights(value: Any) -> bool:
    """None, the path that was given, or what was learnt: names of files, not paths, with their objects."""
    if not isinstance(value, dict):
        return value is None or isinstance(value, str)
    files = value.get("files")
    return isinstance(files, dict) and all(_is_file_name(name) and isinstance(of, str) for name, of in files.items())


def _is_file_name(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _row(value: Any) -> bool:
    """What `encode_row` makes: values that SQLite takes, bytes as hexadecimal digits."""
    return isinstance(value, dict) and all(map(_cell, value.values()))


def _cell(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"bytes"} and bytes.fromhex(value["bytes"]) is not None
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, str | float)


def _figures(value: Any) -> bool:
    """Numbers by their names, NaN for what could not be measured."""
    return (
        isinstance(value, dict)
        and all(each is None or isinstance(each, int | float) for each in value.values())
        and _finite(value.get("items", 0))
    )


def _reader(value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("reader"), str)):
        return False
    texts = ("group", "encoding", "label_separator")
    return all(isinstance(value[name], str) for name in value if name in texts or name.endswith("_column"))


OF_COMMANDS: dict[str, Shape] = {
    "add": lambda value: _texts(value.get("within", [])),
    "relocate": lambda value: _texts([value.get("old"), value.get("new")]),
    "forget": lambda value: _counts(value.get("broken")),
}

SHAPES: dict[tuple[str, str], Shape] = {
    ("run", "arguments"): _mapping,
    ("change", "before"): _row,
    ("change", "after"): _row,
    ("space", "modalities"): _modalities,
    ("space", "description"): _mapping,
    ("model", "weights"): _weights,
    ("head", "options"): _mapping,
    ("head", "classes"): _classes,
    ("head", "counts"): _counts,
    ("head", "metrics"): _figures,
    ("head", "notes"): _texts,
    ("head", "calibration"): _calibration,
    ("setting", "value"): lambda value: isinstance(value, str | int),
    ("source_table", "options"): _reader,
}
"""What each column with JSON holds."""
