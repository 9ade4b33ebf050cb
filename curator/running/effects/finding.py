"""A row to show: passed on as it comes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from curator.api import ActionSpec, Column, Finding
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect

KINDS: dict[str, tuple[Any, str]] = {
    "string": (str | os.PathLike, "a text"),
    "boolean": (bool, "true or false"),
    "object": (Mapping, "an object"),
    "any": (object, "anything"),
}
LISTS = {"strings": "texts", "integers": "whole numbers", "numbers": "numbers"}


class Findings(Effect[Finding]):
    """Shows them."""

    of = Finding

    @staticmethod
    def check(output: Finding, spec: ActionSpec) -> None:
        """It is of a table of the action, and its values are what their columns are said to hold."""
        tables = {table.kind: table for table in spec.tables}
        if output.kind not in tables:
            raise Breach(f"gave a finding of kind {output.kind!r}; it declares {list(tables)}")
        for column in tables[output.kind].columns:
            value = output.values.get(column.name)
            if found := lack(column, value):
                raise Breach(f"gave a finding of kind {output.kind!r} whose {column.name} is {value!r:.60}, {found}")

    def apply(self, output: Finding) -> Iterable[Finding]:
        """There is nothing to do but to show it."""
        return (output,)


def lack(column: Column, value: Any) -> str:
    """What a value is not that its column is said to hold; '' where it is all of that, or None."""
    value = _plain(value)
    if value is None or (found := _lack(value, column.holds)) == "":
        return "" if _is_json(value) else "which holds a number that is not finite, and no JSON"
    return found


def _lack(value: Any, holds: str) -> str:
    if holds in LISTS:
        parts = [_plain(part) for part in value if part is not None] if isinstance(value, list | tuple) else None
        fits = parts is not None and not any(_lack(part, holds[:-1]) for part in parts)
        return "" if fits else f"not a list of {LISTS[holds]}"
    if holds in ("integer", "number"):
        if type(value) is bool or not isinstance(value, Real) or not math.isfinite(value):
            return "not a number"
        return "not a whole number" if holds == "integer" and not float(value).is_integer() else ""
    kind, words = KINDS[holds]
    return "" if isinstance(value, kind) else f"not {words}"


def _plain(value: Any) -> Any:
    """Python's own for numpy's numbers and arrays, as they are printed."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_json(value: Any) -> bool:
    """Whether all numbers in a value are finite: JSON has no others, and who reads it chokes on the whole line."""
    value = _plain(value)
    if isinstance(value, float):
        return math.isfinite(value)
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return all(map(_is_json, parts))
