"""What the quality checks of plugins have against items: one report, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from curator.api import CheckName, CheckSpec, Context, Finding, Flaw, Item, Output, SetAside, SetLabel
from curator.errors import CuratorError
from curator.kit import sheets
from curator.kit.listing import of_item
from curator.kit.trust.flaws import FLAGGED

if TYPE_CHECKING:
    from . import AuditParams

COPIES = "copy"
"""The check of what is there more than once."""


def flawed(
    context: Context, params: AuditParams, checks: Sequence[CheckSpec], tiles: list[sheets.Tile]
) -> Iterator[Output]:
    """How many flaws each check found in the items that are chosen, then each flaw; `tiles` takes them for a sheet."""
    items = context.items(params.items)
    least = FLAGGED if params.min_score is None else params.min_score
    found: list[tuple[float, int, CheckSpec, Flaw]] = []
    counts: list[tuple[int, Finding]] = []
    for check in checks:
        looked_at = [item for item in items if item.modality in check.modalities]
        if not looked_at:
            continue
        try:
            flaws = [flaw for flaw in context.flaws(CheckName(check.name), looked_at) if flaw.score >= least]
        except CuratorError as error:
            if len(checks) == 1:
                raise
            context.note(f"{check.name}: {error}")
            continue
        # Of flaws as bad as each other the first of each check come first: a list that is cut shows some of each.
        found += [(-flaw.score, rank, check, flaw) for rank, flaw in enumerate(flaws)]
        counts.append((-len(flaws), _count(check, len(flaws), len(looked_at))))
    yield from (count for _, count in sorted(counts, key=lambda pair: pair[0]))
    found.sort(key=lambda entry: entry[:2])
    for _, _, check, flaw in found:
        yield Finding("flaw", _values(check, flaw))
        tiles.append(sheets.Tile.of(flaw.item, f"{check.name}: {flaw.why}", f"{flaw.score:.2f}"))
        if params.mark:
            yield SetLabel(flaw.item.id, f"quality:{check.name}", True, score=flaw.score)
    if params.check:  # nothing goes for a flaw that nobody asked for
        yield from _aside(context, [(check, flaw) for *_, check, flaw in found])
    _note(context, params, items, {flaw.item.id for *_, flaw in found})


def _aside(context: Context, found: Sequence[tuple[CheckSpec, Flaw]]) -> Iterator[SetAside]:
    """The files of what was found, each once, for its worst flaw."""
    worst: dict[int, tuple[CheckSpec, Flaw]] = {}
    for check, flaw in found:
        if check.name != COPIES:
            worst.setdefault(flaw.item.id, (check, flaw))
    if any(check.name == COPIES for check, _ in found):
        context.note("of copies `curator dedupe --apply` sets all but one aside")
    places = context.places([flaw.item for _, flaw in worst.values()])
    for (check, flaw), where in zip(worst.values(), places, strict=True):
        yield from (SetAside(place.path, None, check.name, flaw.why) for place in where if place.whole)


def _values(check: CheckSpec, flaw: Flaw) -> dict[str, object]:
    return {"score": flaw.score, "check": check.name, "why": flaw.why, **of_item(flaw.item)}


def _count(check: CheckSpec, flagged: int, items: int) -> Finding:
    return Finding("quality", {"check": check.name, "flagged": flagged, "items": items, "finds": check.summary})


def _note(context: Context, params: AuditParams, items: Sequence[Item], flawed: set[int]) -> None:
    unseen = context.unseen(items)
    if unseen:
        many = "1 file is" if len(unseen) == 1 else f"{len(unseen):,} files are"
        context.note(f"{many} gone or not as when added, and may not have been looked at: curator add them again")
    if flawed and not params.mark:
        one = len(flawed) == 1
        what = "1 item has a flaw" if one else f"{len(flawed):,} items have a flaw"
        context.note(
            f"{what}: --mark labels {'it' if one else 'them'} quality:NAME, and `curator undo` takes that back"
        )
