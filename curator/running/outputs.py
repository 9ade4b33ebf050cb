"""What a plan yields: held to its declaration, and carried out."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from curator.api import (
    ActionSpec,
    Artifact,
    Ask,
    Context,
    Finding,
    Output,
    SetAside,
    SetLabel,
    Table,
    TargetRef,
)
from curator.catalog.labels import Labels, Source
from curator.errors import CuratorError
from curator.history.journal import Journal
from curator.media.files import reason
from curator.registry.validation import Breach, validate
from curator.running.artifacts import Targets

if TYPE_CHECKING:
    from curator.registry.loader import Registry

OUTPUTS = (SetLabel, SetAside, Artifact, Ask)

NUMBERS = frozenset(["integer", "score", "percent"])
"""Styles of columns that hold numbers, or None."""


def outputs(registry: Registry, spec: ActionSpec, context: Context, params: Any) -> Iterator[Output]:
    """What a plan yields, one by one; what the plugin raises names it, what it yields is checked."""
    with registry.guard(spec, "planning"):
        plan = iter(spec.plan(context, params))
    tables = {table.kind: table for table in spec.tables}
    while True:
        with registry.guard(spec, "planning"):
            try:
                output = next(plan)
            except StopIteration:
                return
            validate(next((kind for kind in OUTPUTS if isinstance(output, kind)), Finding), output)
            if isinstance(output, Finding):
                _hold_finding(output, tables)
            if isinstance(output, SetAside) and not spec.moves_files:
                raise Breach("gave a SetAside; its spec does not say moves_files")
            if isinstance(output, SetLabel) and not spec.labels:
                raise Breach("gave a SetLabel; its spec says that it does not label")
            if isinstance(output, Ask):
                _hold_question(output, spec)
        yield output


def _hold_finding(finding: Finding, tables: Mapping[str, Table]) -> None:
    """Raise `Breach` for a row that no table could show."""
    if finding.kind not in tables:
        raise Breach(f"gave a finding of kind {finding.kind!r}; it declares {list(tables)}")
    for column in tables[finding.kind].columns:
        value = finding.values.get(column.name)
        if column.style in NUMBERS and value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            raise Breach(f"gave a finding of kind {finding.kind!r} whose {column.name} is {value!r:.60}, not a number")


def _hold_question(ask: Ask, spec: ActionSpec) -> None:
    """Raise `Breach` for a question that no answer could be kept of."""
    if not spec.asks:
        raise Breach("gave an Ask; its spec does not say asks")
    if bool(ask.choices) != (ask.target.kind == "group"):
        raise Breach(
            f"asks about {str(ask.target)!r:.60} with {len(ask.choices)} choices: a group has some, a label none"
        )
    if ask.probability is not None and not 0 <= ask.probability <= 1:
        raise Breach(f"asks with a probability of {ask.probability!r:.60}")


def apply(journal: Journal, labels: Labels, change: SetLabel, source: Source | None = None) -> None:
    """Carry out a change, on the word of `source` or else of what it says itself."""
    source = Source[change.source.upper()] if source is None else source
    if isinstance(change.label, TargetRef):
        label = labels.require_target(change.label).id
        if label is None or change.label.kind == "group":
            raise Breach(f"gave a SetLabel of {str(change.label)!r:.60}, which is no label")
    elif change.value is None and labels.find_label(change.label, change.group) is None:
        return  # nobody said it, so there is nothing to take back
    else:
        label = labels.ensure(journal, change.label, change.group)
    value = {True: 1, False: -1, None: 0}[change.value]
    labels.say(journal, [change.item], label, value, source, change.score)


def make(registry: Registry, spec: ActionSpec, targets: Targets, artifact: Artifact) -> Path:
    """Make a file; returns where it is. What the disk refuses is not the plugin's fault."""

    def render(file: IO[bytes]) -> None:
        with registry.guard(spec, "drawing the file of"):
            try:
                artifact.render(file)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                raise CuratorError(f"cannot write {str(artifact.path)!r}: {reason(error)}") from error
            if file.closed:  # as an `io.TextIOWrapper` does to what it wraps, when it is gone
                raise Breach("closed the file, which is not its own")

    return targets.write(artifact.path, render)
