"""What rows are made of: on a terminal they are tables, with `--json` objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a finding: its name (also the key in JSON), what it means, how it is set in a table.

    Any name but `kind`, which is the key of the table's own in each row.
    `json`: only with `--json`, as for what is the same in every row. `picture`: a path, beside which a terminal
    that can shows the picture that lies there; what is no picture is a path like any other. `type` is that of the value
    in JSON, where `style` does not tell: a text or a path is a string, a number a number, and any of them may be null;
    what is shown `json` alone may be anything.
    """

    name: str
    help: str
    style: Literal["text", "integer", "score", "percent", "path", "picture", "json"] = "text"
    type: Literal["", "string", "integer", "number", "boolean", "object", "strings", "integers", "numbers", "any"] = ""

    @property
    def holds(self) -> str:
        """The type of its values in JSON: `type`, or what `style` tells."""
        of_style = {"integer": "integer", "score": "number", "percent": "number", "json": "any"}
        return self.type or of_style.get(self.style, "string")


@dataclass(frozen=True, slots=True)
class Table:
    """Findings of one kind, shown together. `whole`: never cut to `--limit`. `counted`: an option says how many there
    are, so that only a `--limit` that is given cuts them.
    """

    kind: str
    title: str
    columns: tuple[Column, ...]
    whole: bool = False
    counted: bool = False


class Output:
    """What a plan may yield, of one of several kinds: the core checks it, carries it out and tells of it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Finding(Output):
    """A row to show, of a kind that the action's `tables` declare."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing(Output):
    """So many findings of one kind, whose `values` are made as somebody looks at them: of a million, twenty are shown.

    `values` may be iterated no further than that, and only once.
    """

    kind: str
    count: int
    values: Iterator[Mapping[str, Any]]
