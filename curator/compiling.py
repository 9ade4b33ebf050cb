"""The old name of `curator.kit.onnx`, which goes on to work for a while."""

from __future__ import annotations

from curator.core.renamed import moved

__getattr__ = moved(__name__, "curator.kit.onnx", "0.3")
