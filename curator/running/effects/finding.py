"""A row to show: passed on as it comes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

from curator.api import ActionSpec, Finding
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect

NUMBERS = frozenset(["integer", "score", "percent"])
"""Styles of columns that hold numbers, or None."""


class Findings(Effect[Finding]):
    """Shows them."""

    of = Finding

    @staticmethod
    def check(output: Finding, spec: ActionSpec) -> None:
        """It is of a table of the action, and its numbers are some."""
        tables = {table.kind: table for table in spec.tables}
        if output.kind not in tables:
            raise Breach(f"gave a finding of kind {output.kind!r}; it declares {list(tables)}")
        for column in tables[output.kind].columns:
            value = output.values.get(column.name)
            if column.style in NUMBERS and value is not None and not (isinstance(value, Real) and math.isfinite(value)):
                raise Breach(
                    f"gave a finding of kind {output.kind!r} whose {column.name} is {value!r:.60}, not a number"
                )

    def apply(self, output: Finding) -> Iterable[Finding]:
        """There is nothing to do but to show it."""
        return (output,)
