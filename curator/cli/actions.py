"""An action, run at a command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curator.api import ActionSpec, Finding, Table
from curator.cli.asking import asker_for
from curator.cli.call import Call
from curator.commands.common import tables_of
from curator.running.shown import Shown


def run_action(call: Call, spec: ActionSpec, values: dict[str, Any]) -> None:
    """Plan it, carry out what it plans, and show what it found."""
    common = call.common
    options: dict[str, Any] = {"may_encode": common.encode, "apply": common.apply, "force": common.force}
    if spec.asks:
        options |= {"asker": asker_for(spec.name, call), "count": common.count or None}
    shown = Shown(call.limit or None)
    findings = call.workspace.findings(spec.name, text=common.text, shown=shown, **options, **values)
    found = 0
    for table, rows in by_kind(spec, findings):
        found += call.table(table, rows, shown.totals.get(table.kind))
    if not (found or spec.asks):
        call.line("nothing found")


def by_kind(spec: ActionSpec, findings: Iterator[Finding]) -> Iterator[tuple[Table, Iterator[Any]]]:
    """Runs of findings of one kind, each with its table; rows come as the plan yields them."""
    from itertools import groupby

    tables = {table.kind: table for table in tables_of(spec)}
    for kind, run in groupby(findings, key=lambda finding: finding.kind):
        yield tables[kind], (finding.values for finding in run)
