"""What differs from one run or machine to the next, taken out; and how two such outputs are compared."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

Lines: TypeAlias = list[dict[str, Any]]
"""Of one step: {"$": the command, "exit": its code}, then a line for each of standard output and standard error."""

# By how much a figure may differ, as a part of it and beside it: another processor rounds elsewhere.
TOLERANCE, ROUGH = 0.002, 0.1
DIGITS, FULL, FEW = 6, 5, 3

# Measured on a clock, or told by the machine: whatever the value.
MEASURED = frozenset(["seconds", "import_ms", "started", "taken", "version", "offline", "clusters"])
# Hang on the libraries that write and compare pictures.
NEARLY = frozenset(["size", "bytes", "keypoints"])
WRITTEN = frozenset(["piece", "text", "added", "pieces", "ended"])

PATTERNS = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"(?<=these are clusters )\w+|(?<=--expect )[0-9a-f]+"), "<clusters>"),
    (re.compile(r"(?<=\()\d+(?= bytes not processed)"), "<some>"),
    (re.compile(r"\d+ MB to fetch"), "<offline>"),
    (re.compile(r"(?<=use-multilingual\ttext\t\t0\t)[^\t]+"), "<offline>"),  # its package is in an extra
)
FONTS = "no font here has"
NUMBER = re.compile(r"\d+\.\d+|\d{4,}")


class Normal:
    """Takes out what is not stable, for what was run below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folders = sorted({str(folder), str(folder.resolve())}, key=len, reverse=True)

    def lines(self, lines: Lines) -> Lines:
        return [self._value(line) for line in lines if FONTS not in str(line.get("err"))]

    def _value(self, value: Any, key: str = "") -> Any:
        if key in MEASURED and value is not None:
            return f"<{key}>"
        if isinstance(value, dict):
            told = {name: self._value(inner, name) for name, inner in value.items()}
            if told.get("kind") == "backup":  # as large as the database, which may get further tables
                told["size"] = "<size>"
            return told
        if isinstance(value, list):
            return [self._value(inner) for inner in value]
        if isinstance(value, float):
            return round(value, DIGITS)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for folder in self.folders:
            text = text.replace(folder, "<folder>")
        for pattern, name in PATTERNS:
            text = pattern.sub(name, text)
        return text


def differences(wanted: Lines, given: Lines, rough: bool = False) -> list[str]:
    """What is not the same, each in a line; empty where all is. Keys have an order, too."""
    found = []
    for number, (left, right) in enumerate(zip_longest(wanted, given)):
        if left is None or right is None:
            found.append(f"line {number}: {left or 'nothing'} was wanted, not {right or 'nothing'}")
        else:
            found += [f"line {number}{told}" for told in _differ(left, right, "", rough)]
    return found + _shorter(wanted, given)


def _differ(left: Any, right: Any, where: str, rough: bool) -> Iterator[str]:
    key = where.rpartition(".")[2]
    if isinstance(left, dict) and isinstance(right, dict) and list(left) == list(right):
        for name in left:
            yield from _differ(left[name], right[name], f"{where}.{name}", rough)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from _differ(*pair, f"{where}[{number}]", rough)
    elif not _same(left, right, key, rough):
        yield f"{where}: {left!r} was wanted, not {right!r}"


def _same(left: Any, right: Any, key: str, rough: bool) -> bool:
    if rough and key in WRITTEN:
        return True
    if type(left) is not type(right) or isinstance(left, dict | list):  # these of other keys, or lengths
        return False
    if isinstance(left, float):
        return near(left, right, rough)
    if isinstance(left, int) and key in NEARLY:
        return near(left, right, True)
    if isinstance(left, str):
        numbers = [NUMBER.findall(text) for text in (left, right)]
        return NUMBER.sub("#", left) == NUMBER.sub("#", right) and all(
            near(float(one), float(other), rough) and _decimals(one) == _decimals(other)
            for one, other in zip(*numbers, strict=True)
        )
    return bool(left == right)


def near(left: float, right: float, rough: bool = False) -> bool:
    """The same but for rounding; of counts over a thousand too, such as bytes."""
    tolerance = ROUGH if rough else TOLERANCE
    return abs(left - right) <= tolerance * max(1.0, abs(left))


def _shorter(wanted: Lines, given: Lines) -> list[str]:
    """Keys whose figures had all their digits and now have few, or the other way round: no tolerance shows that."""
    before, after = _longest(wanted), _longest(given)
    return [
        f"{key}: {before[key]} decimals were wanted, not {after[key]}"
        for key in before.keys() & after.keys()
        if min(before[key], after[key]) <= FEW and max(before[key], after[key]) >= FULL
    ]


def _longest(lines: Lines) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for line in lines:
        row = line.get("out")
        for key, value in row.items() if isinstance(row, dict) else ():
            if isinstance(value, float):
                found[f"{row.get('kind')}.{key}"] = max(found[f"{row.get('kind')}.{key}"], _decimals(repr(value)))
    return found


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])
