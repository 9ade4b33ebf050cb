"""`curator forget`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, ItemRef, Option, Table
from curator.commands.spec import Call, CommandSpec

FORGOTTEN = Table(
    "forgotten",
    "Forgotten",
    (
        Column("items", "items that are gone", "integer"),
        Column("rows", "rows of the catalogue that went with them", "integer"),
        Column("cached", "vectors and other results in the cache", "integer"),
        Column("files", "files in quarantine", "integer"),
        Column("runs", "earlier runs that can no longer be undone, a list", "json", "integers"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class ForgetParams:
    """Which items, and whether to ask."""

    items: Annotated[tuple[ItemRef, ...], Argument(metavar="FILE|id:N|-")]
    yes: Annotated[bool, Option(help="Do not ask for confirmation.")] = False


def forget(call: Call, params: ForgetParams) -> None:
    """Forget them, and tell what went with them."""
    from dataclasses import asdict

    from curator.reporter import count, them

    done = call.workspace.forget(*call.names(params.items), yes=params.yes)
    call.record(FORGOTTEN, [{**asdict(done), "runs": list(done.runs)}])
    if not done.items:
        call.line("nothing was forgotten")
        return
    went = f"{count(done.rows, 'row')}, {count(done.cached, 'result')} in the cache"
    went += f", {count(done.files, 'file')} in quarantine" if done.files else ""
    call.line(f"{count(done.items, 'item')} forgotten: {went}; undo of earlier runs leaves {them(done.items)} out")
    if done.runs:
        numbers = ", ".join(map(str, done.runs))
        call.line(f"can no longer be undone, since they linked what stays with what is gone: run {numbers}")


COMMAND = CommandSpec(
    name="forget",
    summary="""Erase everything that is kept about items. It asks first; this cannot be undone.

    Rows, texts, labels, vectors, thumbnails and quarantined files are erased from the catalogue, its history and the
    cache. Other files are not touched; if added again, they are new items. What heads and encoders learnt stays.
    `-` reads the items from standard input, one per line.
    """,
    params=ForgetParams,
    run=forget,
    tables=(FORGOTTEN,),
    example="curator forget photos/passport.jpg\ncurator forget id:17 --yes",
    effects=("writes", "removes", "asks"),
)
