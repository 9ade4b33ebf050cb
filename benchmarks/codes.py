"""How much of what an exact search finds is found by codes, and how few rows are read for it.

    python benchmarks/codes.py WORKSPACE[:ENCODER] ... [--large 100000]

Each is a workspace with embedded items. 200 items are drawn as queries and left out of what is searched, so that they
are as new ones; all others are searched by codes, however few they are, and exactly. In a space of images and texts
images are searched, by 200 images and by 200 texts. With `--large`, also so many made
of the first space's rows, each a real one moved by half of the spread of the space, and the same with ten times their
mean added to all (a narrow cone).
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np

import curator
from curator.api import Item, Model
from curator.catalog.selection import Selection
from curator.embedding import shortlist
from curator.embedding.codes import Floats, unit
from curator.embedding.search import nearest
from curator.embedding.shortlist import Shortlist
from curator.workspace import Workspace

QUERIES, K = 200, 10


def measured(title: str, ws: Workspace, model: Model) -> Floats:
    """Print a line for each medium of the queries of a space; returns rows of those that are looked for."""
    found = ws.items.select(modalities=model.modalities[:1])
    there, rows = ws.encoding.matrix(model, found[:])
    for medium in model.modalities:
        queries, all_of_them = there, rows
        if medium != model.modalities[0]:
            queries, all_of_them = ws.encoding.matrix(model, ws.items.select(modalities=[medium])[:])
        drawn = np.sort(np.random.default_rng(0).permutation(len(queries))[:QUERIES])
        ids = {queries[at].id for at in drawn}
        others = found.except_for(ids)
        left = rows[[item.id not in ids for item in there]]
        line(
            f"{title}, by {medium}s" if len(model.modalities) > 1 else title,
            ws,
            model,
            all_of_them[drawn],
            others,
            left,
        )
    return rows


def line(title: str, ws: Workspace, model: Model, queries: Floats, items: Selection, rows: Floats) -> None:
    """Search for queries among items with these unit rows."""
    read: list[int] = []
    chosen = Shortlist._chosen

    def counted(*given: object) -> dict[int, int] | None:
        found = chosen(*given)  # type: ignore[arg-type]
        read.append(len(items) if found is None else len(found))
        return found

    hits = 0
    with mock.patch.object(Shortlist, "_chosen", counted):
        for query in queries:
            least = np.sort(rows @ query)[-K] - 1e-6
            hits += sum(score >= least for _, score in by_codes(ws, query, model, items))
    coded = ws.derived.codes.of(ws.derived.space(model.fingerprint))
    depth = f"{coded.depth:,}" if coded else "none"
    share = f"{np.mean(read) / len(items):.4f}" if read else "all"
    recall = hits / (K * len(queries))
    print(f"| {title} | {len(items):,} x {model.dim:,} | {depth} | {share} | {recall:.4f} |", flush=True)


def by_codes(ws: Workspace, query: Floats, model: Model, items: Selection) -> list[tuple[Item, float]]:
    with mock.patch.multiple(shortlist, EXACT_UP_TO=0, PAYS=1, LEAST=20):
        return nearest(ws.encoding, query, model, items, K)


def made_of(title: str, rows: Floats, count: int) -> None:
    """The same for rows that are made of others, in a workspace of their own."""
    chance = np.random.default_rng(1)
    spread = float(np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean()))
    with (
        tempfile.TemporaryDirectory() as folder,
        curator.open_workspace(Path(folder) / "workspace", create=True) as ws,
        ws.begin("add", {}) as journal,
    ):
        model = ws.models.obtain("efficientnet-lite0", journal)
        for start in range(0, count, 10_000):
            hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(start, min(count, start + 10_000))]
            some = rows[chance.integers(len(rows), size=len(hashes))]
            some = unit(some + chance.standard_normal(some.shape, np.float32) * spread / 2 / np.sqrt(some.shape[1]))
            same = {"modality": "image", "size": 1, "width": 1, "height": 1, "format": "JPEG", "text": None}
            journal.insert_many("item", [{"hash": hash_, **same} for hash_ in hashes])
            stored = [(hash_, row.astype("<f4").tobytes()) for hash_, row in zip(hashes, some, strict=True)]
            ws.derived.put_vectors(model.fingerprint, stored, "float32")
        measured(title, ws, model)


def main() -> None:
    parser = argparse.ArgumentParser(description="search by codes against exact search")
    parser.add_argument("workspaces", nargs="+")
    parser.add_argument("--large", type=int, default=0)
    given = parser.parse_args()
    first = None
    print("| space | rows searched | depth | share read | recall at 10 |\n|---|---|---|---|---|")
    for named in given.workspaces:
        path, _, encoder = named.partition(":")
        with curator.open_workspace(path) as ws:
            model = ws.models.find(encoder or ws.models.default_reference("image"))
            if model is None:
                raise SystemExit(f"nothing is embedded in {named}")
            rows = measured(model.name, ws, model)
            first = rows if first is None else first
    if given.large and first is not None:
        made_of("the first, moved", first, given.large)
        made_of("a narrow cone of these", unit(first + 10 * first.mean(axis=0)), given.large)


if __name__ == "__main__":
    main()
