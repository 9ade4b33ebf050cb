"""An expression: what somebody typed, understood, but with names that may mean nothing yet; as text, typed again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from curator.api import TargetRef

_PLAIN = re.compile(r"[\w./*?+%#,][\w./*?+%#,:@~-]*")
"""Values that need no quotation marks. A few more would do without."""
_NEGATIVE = re.compile(r"-\d[\w.]*")


@dataclass(frozen=True, slots=True)
class Term:
    """A field, one of the signs `: ~ > >= < <=`, and a value; what stands alone, as `unlabelled`, has neither.

    A value is what was typed, or for a label or group what `Context.target` gave, which need not be looked up by name.
    """

    field: str
    sign: str = ""
    value: str | TargetRef = ""

    def __str__(self) -> str:
        value = self.value.full_name if isinstance(self.value, TargetRef) else self.value
        return self.field + (self.sign + quoted(value) if self.sign else "")


@dataclass(frozen=True, slots=True)
class Kept:
    """A selection that was saved by a name."""

    name: str

    def __str__(self) -> str:
        return f"@{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    of: Expression

    def __str__(self) -> str:
        return f"-{_inner(self.of)}"


@dataclass(frozen=True, slots=True)
class All:
    """All of them, two at least; none: everything."""

    of: tuple[Expression, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(_inner, self.of))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them, which are two at least."""

    of: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(f"({one})" if isinstance(one, AnyOf) else str(one) for one in self.of)


Expression: TypeAlias = Term | Kept | Not | All | AnyOf


def _inner(expression: Expression) -> str:
    return f"({expression})" if isinstance(expression, All | AnyOf) else str(expression)


def quoted(value: str) -> str:
    """A value as it is typed: in quotation marks where it has to be."""
    if _PLAIN.fullmatch(value) or _NEGATIVE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def all_of(*expressions: Expression) -> Expression:
    """All of these, or the one that there is."""
    return expressions[0] if len(expressions) == 1 else All(expressions)


def any_of(*expressions: Expression) -> Expression:
    """Any of these, of which there is one at least."""
    return expressions[0] if len(expressions) == 1 else AnyOf(expressions)


def parts_of(expression: Expression) -> Iterator[tuple[Expression, int]]:
    """An expression and all that is in it, each with how deep it lies there."""
    left = [(expression, 1)]
    while left:
        one, depth = left.pop()
        yield one, depth
        inside = one.of if isinstance(one, All | AnyOf) else (one.of,) if isinstance(one, Not) else ()
        left += [(each, depth + 1) for each in inside]


def changed(expression: Expression, change: Callable[[Term], Expression]) -> Expression:
    """The same with other terms."""
    if isinstance(expression, Not):
        return Not(changed(expression.of, change))
    if isinstance(expression, All | AnyOf):
        return type(expression)(tuple(changed(one, change) for one in expression.of))
    return change(expression) if isinstance(expression, Term) else expression
