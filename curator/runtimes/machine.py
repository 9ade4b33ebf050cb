"""What stands for a machine: what is quickest on one is not on another, nor with other versions of the runtimes."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path

from curator.runtimes.known import RUNTIMES, version


@functools.cache
def machine(device: str = "cpu") -> str:
    """Processor and its abilities, cores, device of torch, and versions, as one line."""
    packages = ("torch", *(runtime.package for runtime in RUNTIMES))
    versions = [f"{package} {found}" for package in packages if (found := version(package))]
    return ", ".join([_processor(), f"{_cores()} cores", device, *versions])


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """Its name, and a digest of what it can do: a virtual one may lack what its name promises."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(part for line in lines if len(part := [half.strip() for half in line.split(":", 1)]) == 2)
    able = hashlib.sha256(told.get("flags", told.get("Features", "")).encode()).hexdigest()[:8]
    return f"{told.get('model name', platform.machine())} {able}"
