"""The old name of `curator.kit.images`, which goes on to work for a while."""

from __future__ import annotations

from curator.core.renamed import moved

__getattr__ = moved(__name__, "curator.kit.images", "0.3")
