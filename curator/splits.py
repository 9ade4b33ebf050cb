"""The old name of `curator.kit.splits`, and of `curator.kit.copies.vectors`, which goes on to work for a while."""

from __future__ import annotations

from curator.core.renamed import moved

COPIES = ("MANY", "comparable", "copies", "near_copies")

__getattr__ = moved(__name__, "curator.kit.splits", "0.3", dict.fromkeys(COPIES, "curator.kit.copies.vectors"))
