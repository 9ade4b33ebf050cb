"""Once after an upgrade: what was computed of pictures when their colour profiles did not count yet is made again.

Profiles are no part of a space's fingerprint: then all vectors of a workspace would be made anew, and nearly all
pictures have none, or that of sRGB. So the cache marks what it held then, each mark is looked at once, and only what
was computed of pictures whose colours change is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from curator.api import Item
from curator.catalog.places import Places
from curator.media.decode import has_other_colours
from curator.media.files import BadContent
from curator.media.prefetch import ordered_map
from curator.reporter import Reporter
from curator.store.derived import Derived

AT_ONCE = 500
"""Files of which is kept that they were looked at, so that Ctrl-C costs little."""


def settle(items: Sequence[Item], places: Places, derived: Derived, reporter: Reporter) -> None:
    """Look at the files of these, which are marked; one that is not there stays so, and is looked at another time."""
    located = ((item, "" if item.modality == "text" else places.unchanged_path(item.id)) for item in items)
    looked = ordered_map(_changes, located)
    with reporter.progress("looking for colour profiles", len(items)) as advance:
        while batch := list(islice(looked, AT_ONCE)):
            found = [(item.hash, changes) for (item, _), changes in batch if changes is not None]
            derived.settle_profiles([hash_ for hash_, _ in found], [hash_ for hash_, changes in found if changes])
            advance(len(batch))


def _changes(located: tuple[Item, str | BadContent]) -> bool | None:
    """Whether the picture has other colours than it was taken to have; None where nobody can say."""
    item, path = located
    if isinstance(path, BadContent):
        return None
    try:
        return item.modality == "image" and has_other_colours(path)
    except BadContent:
        return None
