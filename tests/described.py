"""What `curator describe` says of rows, held against the rows that commands print."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from jsonschema import Draft202012Validator

from curator.api import ActionSpec
from curator.cli.plugins import Known
from curator.commands import core, schema
from curator.commands.common import tables_of
from curator.commands.spec import CommandSpec


@functools.cache
def validators(words: tuple[str, ...]) -> dict[str, Draft202012Validator] | None:
    """One for each kind of row of the command that these words begin with; None for one that is not installed here."""
    known = Known(core())
    name, *below = [*words, ""]
    spec = known.get(name)
    if isinstance(spec, CommandSpec):
        spec = next((inner for inner in spec.commands if inner.name == below[0]), spec)
    if spec is None or (isinstance(spec, ActionSpec) and not spec.plan.__module__.startswith("curator_plugins.")):
        return None
    return {table.kind: Draft202012Validator(schema.of_rows(table)) for table in tables_of(spec)}


def hold(arguments: Sequence[str], out: str) -> None:
    """Hold what a command printed with `--json` to its description; what is cut off at the end is left out."""
    if "--json" not in arguments or {"-h", "--help"} & {*arguments}:
        return
    words = tuple(word for word in arguments[:2] if not word.startswith("-"))
    of_kind = validators(words)
    for line in out.splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # as of a command that was killed; tests read the lines that they need
            continue
        assert isinstance(row, dict) and isinstance(row["kind"], str), (arguments, line)
        if of_kind is not None:
            assert row["kind"] in of_kind, f"{words} gives a row of kind {row['kind']!r}, which it does not declare"
            error = next(of_kind[row["kind"]].iter_errors(row), None)
            assert error is None, f"{words}, {error.json_path} of {line:.500}: {error.message:.300}"
