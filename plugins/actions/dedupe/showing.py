"""From groups of copies to what is shown of them, and to what may go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from curator.api import COPY_LEVELS, Finding, SetAside, SetRowAside
from curator.kit import sheets
from curator.kit.companions import Companion

from .files import File
from .finding import COPY, EDITED, EXACT, RECODED, SAME, SIMILAR
from .judging import Judge, Judgement, Verdict

LOOKED_AT = (EDITED, COPY, SIMILAR, SAME, EXACT)
"""The order in which a person may want to look at the kinds: what was proven by bytes or pixels needs it least."""


def rows(judgements: Sequence[Judgement], judge: Judge) -> Iterator[Finding | SetAside | SetRowAside]:
    """Each file with what is done with it; after one that may go, the change."""
    for one in judgements:
        kept = one.group.kept
        yield _row(one, kept, "keep", one.reason, {}, judge.knowledge.companions(kept).all)
        for verdict in one.copies:
            copy, along = verdict.copy, verdict.along
            if not verdict.goes:
                along = judge.knowledge.companions(copy.file).own
            why = "; ".join(_words(one, verdict, judge))
            yield _row(one, copy.file, "go" if verdict.goes else "stay", why, copy.evidence, along)
            if verdict.goes and not copy.file.place.whole:
                yield SetRowAside(copy.file.item.id, copy.file.place, kept.item.id, one.group.kind, copy.words)
            elif verdict.goes:
                kind = "same text" if one.group.kind == EXACT and copy.words == RECODED else one.group.kind
                yield SetAside(copy.file.place.path, kept.place.path, kind, copy.words)


def _words(one: Judgement, verdict: Verdict, judge: Judge) -> Iterator[str]:
    """Why a copy is one, why it stays, or what goes along with it and what does not."""
    yield verdict.copy.words
    if verdict.why:
        yield verdict.why
    if verdict.along:
        yield "with " + ", ".join(companion.path.name for companion in verdict.along)
    if verdict.goes and (labels := judge.taken_over(one.group, verdict.copy)):
        yield f"{', '.join(labels)} taken over"


def _row(
    one: Judgement, file: File, do: str, why: str, evidence: dict[str, Any], companions: Sequence[Companion]
) -> Finding:
    values = {
        "group": one.number,
        "match": one.group.kind,
        "do": do,
        "path": file.place.path,
        "why": why,
        "row": file.place.row_id,
        "text": file.item.text,
        "id": file.item.id,
        "size": file.place.size,
        "evidence": evidence,
        "companions": [companion.path for companion in companions],
    }
    return Finding("duplicate", values)


def totals(judgements: Sequence[Judgement]) -> Iterator[Finding]:
    """A row for each kind of copies."""
    for kind in COPY_LEVELS:
        of_kind = [one for one in judgements if one.group.kind == kind]
        copies = [copy for one in of_kind for copy in one.copies]
        go = [_bytes(verdict.copy.file) for verdict in copies if verdict.goes]
        if of_kind:
            values = {"match": kind, "groups": len(of_kind), "copies": len(copies), "go": len(go), "bytes": sum(go)}
            yield Finding("total", values)


def _bytes(file: File) -> int:
    """Those of a file, or of a row those of its text."""
    return file.place.size if file.place.whole else len((file.item.text or "").encode())


def sheet(judgements: Sequence[Judgement]) -> sheets.Sheet:
    """A section for each group: the file that is kept, framed, and its copies. What needs a look comes first."""
    sections = []
    for one in sorted(judgements, key=lambda one: LOOKED_AT.index(one.group.kind)):
        tiles = [_tile(one.group.kept, f"kept: {one.reason}", marked=True)]
        for verdict in one.copies:
            words = [*verdict.copy.words.split(", "), *filter(None, [verdict.why.removeprefix("stays: ")])]
            tiles.append(_tile(verdict.copy.file, "may go" if verdict.goes else "stays", *words))
        sections.append(sheets.Section(tuple(tiles), f"{one.number}: {one.group.kind}"))
    return sheets.Sheet("Copies", tuple(sections), "framed: the file that is kept")


def _tile(file: File, *words: str, marked: bool = False) -> sheets.Tile:
    """Copies often share their name; the folder tells them apart."""
    path = file.place.path
    name = f"{path.parent.name}/{path.name}" if file.place.whole else f"{path.name} {file.place.row_id or ''}".rstrip()
    picture = path if file.item.modality == "image" else None
    return sheets.Tile(picture, file.item.text, (name, *words), marked)
