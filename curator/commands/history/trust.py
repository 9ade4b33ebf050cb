"""`curator trust`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Column, Option, Table
from curator.commands.spec import Call, CommandSpec

OUTSIDE = Table(
    "outside",
    "Outside of the workspace",
    (
        Column("what", "folder (files below it may be moved), cut short (a move to be taken back), in quarantine"),
        Column("from", "the folder, or where the file is", "path"),
        Column("to", "where it would go", "path"),
    ),
)


@dataclass(frozen=True, slots=True)
class TrustParams:
    """Whether to ask, or to trust it no more."""

    yes: Annotated[bool, Option(help="Do not ask for confirmation.")] = False
    forget: Annotated[bool, Option(help="Withdraw the trust.")] = False


def trust(call: Call, params: TrustParams) -> None:
    """Show what it could touch, and ask."""
    from curator.errors import BadInput

    if params.yes and params.forget:
        raise BadInput("--yes or --forget, not both")
    workspace = call.workspace
    if params.forget:
        workspace.moves.trust.take()
        call.line(f"{workspace.folder} is not trusted")
        return
    names = ("what", "from", "to")
    call.table(OUTSIDE, (dict(zip(names, row, strict=True)) for row in workspace.outside()))
    said = "is trusted" if workspace.trust(params.yes) else "is not trusted; nothing was changed"
    call.line(f"{workspace.folder} {said}")


COMMAND = CommandSpec(
    name="trust",
    summary="""Let a copied workspace move files outside its folder.

    It shows the folders whose files the workspace could move and the moves that are pending, then asks. Reading, and
    writing inside the workspace, needs no trust. A workspace that `add` or `init` made here is trusted; one that was
    copied or moved is asked about once.
    """,
    params=TrustParams,
    run=trust,
    tables=(OUTSIDE,),
    example="curator trust -w ../from-a-colleague",
    effects=("writes", "moves files", "asks"),
    limited=True,
)
