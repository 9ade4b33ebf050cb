"""The runtimes by their names, and which are installed."""

from __future__ import annotations

from importlib import metadata

from curator.errors import NotFound, NotReady
from curator.runtimes.onnxruntime import OnnxRuntime
from curator.runtimes.openvino import OpenVino
from curator.runtimes.runtime import Runtime

REFERENCE = OnnxRuntime()
"""The one that is always there, in whose float32 a form answers for its encoder."""

RUNTIMES: tuple[Runtime, ...] = (REFERENCE, OpenVino())


def version(package: str) -> str | None:
    """Of an installed package, None where it is not; without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def installed() -> list[Runtime]:
    """Those that are there, whether or not they work."""
    return [runtime for runtime in RUNTIMES if version(runtime.package) is not None]


def named(name: str) -> Runtime:
    """A runtime by its name. Raises `NotFound` for another, `NotReady` where it is not installed."""
    for runtime in RUNTIMES:
        if runtime.name == name:
            if version(runtime.package) is None:
                raise NotReady(f"{name} is not installed: {runtime.install}, or leave --runtime out")
            return runtime
    raise NotFound.named("runtime", name, [runtime.name for runtime in RUNTIMES])
