"""The old name of `curator.running.dialogue`, which goes on to work for a while."""

from __future__ import annotations

from curator.core.renamed import moved

__getattr__ = moved(__name__, "curator.running.dialogue", "0.3")
