"""`curator import`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Column, FileName, Option, Table, Word
from curator.commands.spec import Call, CommandSpec

IMPORTED = Table(
    "imported",
    "Imported",
    (
        Column("model", "what -e takes"),
        Column("rows", "rows of the file", "integer"),
        Column("new", "vectors that are new", "integer"),
        Column("known", "rows of items that had this very vector, as copies have", "integer"),
        Column("unmatched", "rows of no item", "integer"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class ImportParams:
    """Which vectors, and what they are called from then on."""

    vectors: Annotated[
        FileName | None, Option(help="The file: .npy with a table beside it, .npz or .parquet (docs/vectors.md).")
    ] = None
    space: Annotated[Word | None, Option(metavar="NAME", help="What they are called: -e imported:NAME takes them.")] = (
        None
    )
    ids: Annotated[
        FileName | None,
        Option(help="With .npy: the table (CSV) whose row i names the item of row i. [default: beside it]"),
    ] = None


def import_(call: Call, params: ImportParams) -> None:
    """Keep them, and tell which were of no item."""
    from curator.errors import BadInput, SomeItemsFailed
    from curator.reporter import count

    if params.vectors is None or params.space is None:
        raise BadInput("name what is imported and what it is called: curator import --vectors FILE --space NAME")
    taken = call.workspace.vectors.take(params.vectors, params.space, params.ids)
    call.record(
        IMPORTED,
        [
            {
                **{"model": taken.model, "rows": taken.rows, "new": taken.new},
                **{"known": taken.known, "unmatched": taken.unmatched},
            }
        ],
    )
    known = f", {count(taken.known, 'row')} of what was there" if taken.known else ""
    call.line(f"{taken.model}: {count(taken.new, 'vector')} imported{known}")
    if taken.unmatched:
        more = " …" if taken.unmatched > len(taken.examples) else ""
        raise SomeItemsFailed(
            f"{count(taken.unmatched, 'row')} of {taken.rows:,} of no item here: {', '.join(taken.examples)}{more}"
        )


COMMAND = CommandSpec(
    name="import",
    summary="""Take vectors that were made elsewhere.

    Each row of the file is matched to an item by its hash, path or id. From then on -e imported:NAME takes them, in
    every command with -e. A file of the same NAME adds to them.
    """,
    params=ImportParams,
    run=import_,
    tables=(IMPORTED,),
    example="curator import --vectors embeddings.npy --space dino\ncurator similar id:1 -e imported:dino",
    effects=("writes",),
)
