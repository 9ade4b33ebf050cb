"""What the quality checks of plugins have against items: one report, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from curator.api import (
    CheckName,
    CheckSpec,
    Context,
    Finding,
    Flaw,
    Item,
    LabelName,
    Output,
    SetAside,
    SetLabel,
    SetRowAside,
)
from curator.errors import CuratorError, NotFound
from curator.kit import sheets
from curator.kit.listing import of_item
from curator.kit.trust.flaws import FLAGGED

if TYPE_CHECKING:
    from . import AuditParams

AT_ONCE = 2_000
"""Items of which it is looked at together whether their files are there."""
COPIES = "copy"
"""The check of what is there more than once."""


def flawed(
    context: Context, params: AuditParams, checks: Sequence[CheckSpec], tiles: list[sheets.Tile]
) -> Iterator[Output]:
    """How many flaws each check found in the items that are chosen, then each flaw; `tiles` takes them for a sheet."""
    items = context.items(params.items)
    least = FLAGGED if params.min_score is None else params.min_score
    found: list[tuple[float, int, CheckSpec, Flaw]] = []
    labelled: set[int] = set()
    counts: list[tuple[int, Finding]] = []
    for check in checks:
        looked_at = context.items(params.items, check.modalities)
        if not looked_at:
            if params.check:
                context.note(f"{check.name} looks at {' and '.join(check.modalities)}s, and none of these items is one")
            continue
        try:
            flaws, marked = _judged(context, check, context.flaws(CheckName(check.name), looked_at, least))
        except CuratorError as error:
            if len(checks) == 1:
                raise
            context.note(f"{check.name}: {error}")
            continue
        # Of flaws as bad as each other the first of each check come first: a list that is cut shows some of each.
        labelled |= marked
        found += [(-flaw.score, rank, check, flaw) for rank, flaw in enumerate(flaws)]
        counts.append((-len(flaws), _count(check, len(flaws), len(looked_at))))
    yield from (count for _, count in sorted(counts, key=lambda pair: pair[0]))
    found.sort(key=lambda entry: entry[:2])
    for _, _, check, flaw in found:
        yield Finding("flaw", _values(check, flaw))
        tiles.append(sheets.Tile.of(_shown(flaw), f"{check.name} {flaw.score:.2f}", flaw.why))
        if params.mark:
            yield SetLabel(flaw.item.id, _label(check), True, score=flaw.score)
    if params.check:  # nothing goes for a flaw that nobody asked for
        yield from _aside(context, [(check, flaw) for *_, check, flaw in found])
    _note(context, params, items, {flaw.item.id for *_, flaw in found} - labelled)


def _aside(context: Context, found: Sequence[tuple[CheckSpec, Flaw]]) -> Iterator[SetAside | SetRowAside]:
    """The files, and rows of tables, of what was found, each once, for its worst flaw."""
    worst: dict[int, tuple[CheckSpec, Flaw]] = {}
    for check, flaw in found:
        if check.name != COPIES:
            worst.setdefault(flaw.item.id, (check, flaw))
    if any(check.name == COPIES for check, _ in found):
        context.note("of copies `curator dedupe --apply` sets all but one aside")
    places = context.places([flaw.item for _, flaw in worst.values()])
    for (check, flaw), where in zip(worst.values(), places, strict=True):
        for place in where:
            if place.whole:
                yield SetAside(place.path, None, check.name, flaw.why)
            elif place.row.startswith("text "):  # a row that is more than this text stays
                yield SetRowAside(flaw.item.id, place, None, check.name, flaw.why)


def _label(check: CheckSpec) -> str:
    return f"quality:{check.name}"


def _judged(context: Context, check: CheckSpec, flaws: Sequence[Flaw]) -> tuple[list[Flaw], set[int]]:
    """Those that nobody said to be none, and the items of these that have the label already."""
    try:
        target = context.target(LabelName(_label(check)), None)
    except NotFound:
        return list(flaws), set()
    said = context.said(target, [flaw.item for flaw in flaws])
    kept = [(flaw, word) for flaw, word in zip(flaws, said, strict=True) if word != f"not {target.name}"]
    return [flaw for flaw, _ in kept], {flaw.item.id for flaw, word in kept if word}


def _shown(flaw: Flaw) -> Item:
    return flaw.item if flaw.text is None else replace(flaw.item, text=flaw.text)


def _values(check: CheckSpec, flaw: Flaw) -> dict[str, object]:
    return {"score": flaw.score, "check": check.name, "why": flaw.why, **of_item(_shown(flaw))}


def _count(check: CheckSpec, flagged: int, items: int) -> Finding:
    return Finding("quality", {"check": check.name, "flagged": flagged, "items": items, "finds": check.summary})


def _note(context: Context, params: AuditParams, items: Sequence[Item], flawed: set[int]) -> None:
    pages = (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
    unseen = len({hash(one.path) for page in pages for one in context.unseen(page)})  # a table is in several pages
    if unseen:
        many = "1 file is" if unseen == 1 else f"{unseen:,} files are"
        context.note(f"{many} gone or not as when added, and may not have been looked at: curator add them again")
    if flawed and not params.mark:
        one = len(flawed) == 1
        what = "1 item has a flaw" if one else f"{len(flawed):,} items have a flaw"
        context.note(
            f"{what}: --mark labels {'it' if one else 'them'} quality:NAME, and `curator undo` takes that back"
        )
