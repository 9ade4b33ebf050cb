"""Rows of tables: which text, image, caption and label each holds, and what tells it from the others."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curator.api import Row
from curator.catalog.label_names import composed
from curator.catalog.labels import clean
from curator.errors import BadInput
from curator.ingest.options import AddOptions
from curator.media.content import LARGEST_TEXT

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


class BadRow(Exception):
    """A row cannot be used; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row holds, None where nothing. `image` is the path as it is written, `key` the row's own name; `several`:
    whether its cell may hold more labels than one, which then do not exclude each other.
    """

    line: int
    key: str
    text: str | None
    image: str | None
    caption: str | None
    labels: tuple[str, ...] = ()
    several: bool = False


NO_VALUE = frozenset({"nan", "none", "n/a", "na", "#n/a", "<na>", "null", "nil", "nat"})
"""What programs write for nothing, in lower case."""


class Drafts:
    """Makes drafts of the rows of one table.

    A row is known by the value of the id column, where there is one. Else by its text, else by its image: by what it
    holds, not by where it stands, so that a row put in between changes no other. Rows that hold the same are counted.
    `no_labels` counts labels that stand for nothing, and whether they were taken so.
    """

    def __init__(self, given: AddOptions, no_labels: Counter[tuple[str, bool]]) -> None:
        self.columns = given.columns
        self.given = given
        self.no_labels = no_labels
        self._lines: dict[str, int] = {}
        self._alike: dict[str, int] = {}

    def of(self, row: Row) -> Draft:
        """The draft of a row; raises `BadRow`."""
        labels, several = self._labels(row)
        columns = {role: name for role, name in self.columns.items() if role != "label"}
        values = {role: _written(name, _value(row, name)) for role, name in columns.items()}
        text, caption = (_body(self.columns.get(role), values.get(role)) for role in ("text", "caption"))
        image = _folded(values.get("image"))
        if text is None and image is None:
            raise BadRow(" and ".join(f"column {self.columns[r]!r} is empty" for r in ("text", "image") if r in values))
        if caption is not None and image is None:
            raise BadRow(f"a caption, and column {self.columns['image']!r} is empty")
        return Draft(row.line, self._key(row.line, values, text, image), text, image, caption, labels, several)

    def _labels(self, row: Row) -> tuple[tuple[str, ...], bool]:
        """The labels of a row, each once, and whether its cell is one for several."""
        if "label" not in self.columns:
            return (), False
        name = self.columns["label"]
        value = _value(row, name)
        several = self.given.label_separator is not None or isinstance(value, list | tuple)
        cells = [_written(name, cell) for cell in (value if isinstance(value, list | tuple) else [value])]
        if self.given.label_separator is not None:
            cells = [part for cell in cells if cell is not None for part in cell.split(self.given.label_separator)]
        labels = dict.fromkeys(label for label in map(_label, cells) if label is not None)
        if several and self.given.group is not None and len(labels) > 1:
            raise BadRow(f"column {name!r} holds several labels, and those of a --group exclude each other")
        return tuple(label for label in labels if self._is_label(label)), several and self.given.group is None

    def _is_label(self, label: str) -> bool:
        """Whether a label is one, and not what stands for nothing, where that is to be so."""
        if label.casefold() not in NO_VALUE:
            return True
        self.no_labels[label, self.given.na] += 1
        return not self.given.na

    def _key(self, line: int, values: Mapping[str, str | None], text: str | None, image: str | None) -> str:
        if "id" in self.columns:
            row_id = _folded(values["id"])
            if row_id is None:
                raise BadRow(f"column {self.columns['id']!r} is empty")
            first = self._lines.setdefault(row_id, line)
            if first != line:
                raise BadRow(f"has the id {row_id!r}, as line {first} has")
            return f"id {row_id}"
        # 16 digits tell billions of texts apart; two that they do not are counted as alike, which does no harm.
        same = f"image {image}" if text is None else f"text {hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._alike[same] = self._alike.get(same, 0) + 1
        return f"{same} {self._alike[same]}"


def located(table: str, image: str) -> str:
    """The path that a table writes as `image`; raises `BadRow` for the address of something that is no file."""
    if ADDRESS.match(image):
        raise BadRow(f"{image!r} is an address, not a file: download it and write its path")
    path = os.path.join(os.path.dirname(table), image)
    if "\\" in image and not os.path.lexists(path):
        # Written on Windows.
        path = os.path.join(os.path.dirname(table), image.replace("\\", "/"))
    return path


def _value(row: Row, name: str) -> Any:
    """What stands in a column, whose name may be written with other white space around it, or decomposed."""
    if name in row.values:
        return row.values[name]
    return next((value for column, value in row.values.items() if composed(column) == composed(name)), None)


def _written(column: str, value: Any) -> str | None:
    """A value as text; None for nothing (also NaN, which is how pandas writes it)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, dict | list | tuple | set | bytes):
        kind = "an object" if isinstance(value, dict) else "bytes" if isinstance(value, bytes) else "a list"
        raise BadRow(f"column {column!r} holds {kind}, not a text")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\0" in text:
        raise BadRow(f"column {column!r} holds a NUL byte")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRow(f"column {column!r} holds half a character (a lone surrogate)") from None
    return text


def _body(column: str | None, value: str | None) -> str | None:
    if value is None or not value.strip():
        return None
    if len(value.encode()) > LARGEST_TEXT:
        raise BadRow(f"column {column!r} holds a text over the limit of {LARGEST_TEXT >> 20} MB")
    return value


def _folded(value: str | None) -> str | None:
    return (value.strip() or None) if value is not None else None


def _label(value: str | None) -> str | None:
    if value is None or not value.strip():
        return None
    try:
        return clean(value)
    except BadInput as error:
        raise BadRow(str(error)) from error
