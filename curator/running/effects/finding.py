"""A row to show: passed on as it comes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from curator.api import ActionSpec, Column, Finding
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect

NUMBERS = frozenset(["integer", "score", "percent"])
"""Styles of columns that hold numbers, or None."""


class Findings(Effect[Finding]):
    """Shows them."""

    of = Finding

    @staticmethod
    def check(output: Finding, spec: ActionSpec) -> None:
        """It is of a table of the action, and its numbers are some: whole ones where its column says so."""
        tables = {table.kind: table for table in spec.tables}
        if output.kind not in tables:
            raise Breach(f"gave a finding of kind {output.kind!r}; it declares {list(tables)}")
        for column in tables[output.kind].columns:
            value = output.values.get(column.name)
            if value is not None and (lack := _lack(column, value)):
                raise Breach(f"gave a finding of kind {output.kind!r} whose {column.name} is {value!r:.60}, {lack}")

    def apply(self, output: Finding) -> Iterable[Finding]:
        """There is nothing to do but to show it."""
        return (output,)


def _lack(column: Column, value: Any) -> str:
    """What a value is not that its column wants; '' where it is all of that."""
    if column.style not in NUMBERS:
        return "" if _is_json(value) else "which holds a number that is not finite, and no JSON"
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return "not a number"
    return "not a whole number" if column.style == "integer" and not float(value).is_integer() else ""


def _is_json(value: Any) -> bool:
    """Whether all numbers in a value are finite: JSON has no others, and who reads it chokes on the whole line."""
    value = value.tolist() if hasattr(value, "tolist") else value  # as numpy's numbers and arrays are printed
    if isinstance(value, float):
        return math.isfinite(value)
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return all(map(_is_json, parts))
