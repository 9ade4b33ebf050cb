"""Among which items to ask, of which there may be a million: none is made for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from curator.api import Context, Item, ItemSet, Modality


def with_files(context: Context, chosen: ItemSet, modalities: Sequence[Modality] | None = None) -> Sequence[Item]:
    """Those of a selection that can be shown: whose files are not all gone."""
    where = (chosen.where,) if isinstance(chosen.where, str) else chosen.where or ()
    return context.items(replace(chosen, where=(*where, "-missing")), modalities)
