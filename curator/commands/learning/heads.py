"""`curator heads`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curator.api import Column, HeadSpec, Table
from curator.commands.spec import Call, CommandSpec, NoParams

if TYPE_CHECKING:
    from curator.api import FittedHead

KINDS = Table(
    "kind",
    "Kinds of head",
    (
        Column("name", "what --head takes"),
        Column("default", "yes for the one that is used if none is named"),
        Column("options", "what -o takes, with the defaults", type="strings"),
        Column("summary", "what it is"),
    ),
    whole=True,
)

FITTED = Table(
    "head",
    "Fitted heads",
    (
        Column("head", "label or group, and version"),
        Column("type", "the kind of head"),
        Column("model", "the encoder it works on"),
        Column("classes", "how many", "integer"),
        Column("items", "how many it was fitted on", "integer"),
        Column("accuracy", "held-out", "score"),
        Column("baseline", "accuracy of always answering the most common class", "score"),
    ),
)


def heads(call: Call, params: NoParams) -> None:
    """The kinds, and those that were fitted."""
    from curator.registry.parameters import parameters

    call.table(
        KINDS,
        (
            {
                "name": spec.name,
                "default": "yes" if spec.default else None,
                "options": [f"{parameter.name}={parameter.default}" for parameter in parameters(spec.params)],
                "summary": spec.summary,
            }
            for spec in call.registry.all(HeadSpec)
        ),
    )
    fitted = call.found.training.heads.all() if call.found else []
    call.table(FITTED, map(_row, fitted))
    if not fitted:
        call.line("no heads fitted yet: curator train --label NAME")


def _row(head: FittedHead) -> dict[str, Any]:
    return {
        "head": f"{head.target}@{head.version}",
        "type": head.head,
        "model": head.model.name,
        "classes": len(head.classes),
        "items": sum(head.counts),
        "accuracy": head.metrics.get("accuracy"),
        "baseline": head.metrics.get("majority baseline"),
    }


COMMAND = CommandSpec(
    name="heads",
    summary="List the kinds of head, and the heads fitted here.",
    run=heads,
    tables=(KINDS, FITTED),
    example="curator heads",
    workspace="optional",
    limited=True,
)
