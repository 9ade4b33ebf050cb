"""From groups of copies to what is shown of them, and to what may go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curator.api import COPY_LEVELS, Finding, SetAside
from curator.kit import sheets

from .finding import COPY, EDITED, EXACT, SAME, SIMILAR, Copy, Group
from .keeping import File, Preference

LOOKED_AT = (EDITED, COPY, SIMILAR, SAME, EXACT)
"""The order in which a person may want to look at the kinds: what was proven by bytes or pixels needs it least."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A group as it is shown: why its file is kept, and for each copy whether it may go."""

    number: int
    group: Group
    reason: str
    copies: list[tuple[Copy, bool]]


def judge_groups(groups: Sequence[Group], preference: Preference, proposed: set[str]) -> list[Judgement]:
    """What is done with each file; what is of a kind in `proposed` may go."""
    return [
        Judgement(
            number,
            group,
            preference.reason(group.kept, [copy.file for copy in group.copies]),
            [(copy, group.kind in proposed and copy.file.may_go) for copy in group.copies],
        )
        for number, group in enumerate(groups, 1)
    ]


def rows(judgements: Sequence[Judgement]) -> Iterator[Finding | SetAside]:
    """Each file with what is done with it; after one that may go, the change."""
    for one in judgements:
        kept = one.group.kept
        yield _row(one, kept, "keep", one.reason, {})
        for copy, goes in one.copies:
            yield _row(one, copy.file, "go" if goes else "stay", copy.words + _apart(copy.file), copy.evidence)
            if goes:
                yield SetAside(copy.file.place.path, kept.place.path, one.group.kind, copy.words)


def _apart(file: File) -> str:
    """What keeps a file from going, whatever is included."""
    return "; below --reference" if file.reference else "" if file.place.whole else "; a row of a table"


def _row(one: Judgement, file: File, do: str, why: str, evidence: dict[str, Any]) -> Finding:
    values = {
        "group": one.number,
        "match": one.group.kind,
        "do": do,
        "path": file.place.path,
        "why": why,
        "row": file.place.row or None,
        "text": file.item.text,
        "id": file.item.id,
        "size": file.place.size,
        "evidence": evidence,
    }
    return Finding("duplicate", values)


def totals(judgements: Sequence[Judgement]) -> Iterator[Finding]:
    """A row for each kind of copies."""
    for kind in COPY_LEVELS:
        of_kind = [one for one in judgements if one.group.kind == kind]
        copies = [copy for one in of_kind for copy in one.copies]
        go = [copy.file.place.size for copy, goes in copies if goes]
        if of_kind:
            values = {"match": kind, "groups": len(of_kind), "copies": len(copies), "go": len(go), "bytes": sum(go)}
            yield Finding("total", values)


def sheet(judgements: Sequence[Judgement]) -> sheets.Sheet:
    """A section for each group: the file that is kept, framed, and its copies. What needs a look comes first."""
    sections = []
    for one in sorted(judgements, key=lambda one: LOOKED_AT.index(one.group.kind)):
        tiles = [_tile(one.group.kept, f"kept: {one.reason}", marked=True)]
        tiles += [_tile(copy.file, "may go" if goes else "stays", *copy.words.split(", ")) for copy, goes in one.copies]
        sections.append(sheets.Section(tuple(tiles), f"{one.number}: {one.group.kind}"))
    return sheets.Sheet("Copies", tuple(sections), "framed: the file that is kept")


def _tile(file: File, *words: str, marked: bool = False) -> sheets.Tile:
    """Copies often share their name; the folder tells them apart."""
    path = file.place.path
    name = f"{path.name} {file.place.row}" if file.place.row else f"{path.parent.name}/{path.name}"
    picture = path if file.item.modality == "image" else None
    return sheets.Tile(picture, file.item.text, (name, *words), marked)
