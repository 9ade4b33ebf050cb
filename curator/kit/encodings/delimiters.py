"""What parts the fields of a table of text, told by its first lines. Public, like `curator.api`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from curator.kit.reading import Unreadable, reading

__all__ = ["delimiter_of"]

DELIMITERS = ",\t;|"
SAYS_DELIMITER = re.compile(r"sep=([^\w\s\"]|\t)[\r\n]*\Z")
"""The line with which Excel says what delimits fields."""
SAMPLE = 1 << 16
"""Characters that are looked at."""


def delimiter_of(lines: Iterable[str]) -> str:
    """What parts the fields of these lines, of which the first few are looked at: a comma, tab, semicolon or bar."""
    sample: list[str] = []
    taken = 0
    for line in lines:
        sample.append(line)
        taken += len(line)
        if taken >= SAMPLE:
            break
    said = SAYS_DELIMITER.match(sample[0]) if sample else None
    return said[1] if said else _delimiter("".join(sample)[:SAMPLE])


def _delimiter(sample: str) -> str:
    """The delimiter that cuts most records into as many fields as the first has, and into the most.

    But first one that follows each closing quote: in `"";",";"0"` the commas are content.
    """

    def sound(delimiter: str) -> bool:
        try:
            return bool(_records(sample, delimiter, strict=True))
        except Unreadable:
            return False

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            records = list(filter(None, _records(sample, delimiter, strict=False)))
        except Unreadable:
            return 0, 0
        if len(sample) == SAMPLE:
            records = records[:-1] or records
        width = len(records[0]) if records else 0
        return (sum(len(record) == width for record in records) / len(records), width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=lambda delimiter: (sound(delimiter) and fit(delimiter)[1] > 1, fit(delimiter)))


def _records(sample: str, delimiter: str, strict: bool) -> list[list[str]]:
    with reading():
        return list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=strict))
