"""A description as JSON Schema (draft 2020-12): what a command takes, and what its rows hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curator.api import Argument, ByteCount, Column, Option, PixelCount, Table
from curator.registry.parameters import PLAIN, Parameter

DRAFT = "https://json-schema.org/draft/2020-12/schema"

NAMES = {int: "integer", float: "number", bool: "boolean", str: "string"}
OF_TYPE: dict[str, dict[str, Any]] = {
    "any": {},
    "strings": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
    "integers": {"type": ["array", "null"], "items": {"type": "integer"}},
    "numbers": {"type": ["array", "null"], "items": {"type": "number"}},
}


def of_parameters(found: Sequence[Parameter]) -> dict[str, Any]:
    """An object with the parameters of a command: each by its name; `flags` or `positional` say how it is typed."""
    properties = {parameter.name: _of(parameter) for parameter in found}
    required = [parameter.name for parameter in found if parameter.required]
    ways: dict[str, Any] = {}
    for query in found:
        others = (*(name for name in ["text"] if query.is_question and name in properties), *query.instead)
        if query.required and others:
            required.remove(query.name)
            ways = {"anyOf": [{"required": [name]} for name in (query.name, *others)]}
    whole = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"$schema": DRAFT, **whole, **ways}


def _of(parameter: Parameter) -> dict[str, Any]:
    of: dict[str, Any] = {"type": type_of(parameter)}
    how = parameter.how
    if isinstance(how, Option):
        bounds = {"enum": list(how.choices) or None, "minimum": how.min, "maximum": how.max}
        of |= {name: bound for name, bound in bounds.items() if bound is not None and parameter.type in PLAIN}
    if parameter.bare:
        of["type"] = ["string", "boolean"]
    if parameter.many or parameter.two:
        of = {"type": "array", "items": of} | ({"minItems": 2, "maxItems": 2} if parameter.two else {})
    if parameter.many and parameter.is_question:  # one by itself, too
        of["type"] = ["string", "array"]
    if not parameter.required and parameter.default is not None:
        of["default"] = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    of |= {"flags": list(parameter.flags)} if parameter.flags else {"positional": True}
    return of | ({"description": how.help} if how.help else {})


def type_of(parameter: Parameter) -> str:
    """The type of one value; a name, a path and a size are texts as a person types them."""
    return "string" if parameter.type in (ByteCount, PixelCount) else NAMES.get(parameter.type, "string")


def of_rows(table: Table) -> dict[str, Any]:
    """A row of a table, as `--json` prints it: every key is there."""
    columns = {column.name: _of_column(column) for column in table.columns}
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"kind": {"const": table.kind}, **columns},
        "required": ["kind", *columns],
        "additionalProperties": False,
    }


def _of_column(column: Column) -> dict[str, Any]:
    return {**OF_TYPE.get(column.holds, {"type": [column.holds, "null"]}), "description": column.help}


def word_of(parameter: Parameter) -> str:
    """How a parameter is called on a command line."""
    if isinstance(parameter.how, Argument):
        return parameter.how.metavar or parameter.name.upper()
    return ", ".join(parameter.flags)
