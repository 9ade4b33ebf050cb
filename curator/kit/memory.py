"""How much memory the pictures that are being decoded may take, all threads together, and how many pixels one may have.

Small pictures go side by side, large ones wait for each other, and one that would not fit alone is not decoded at all:
that it needs more is its reason.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from curator.errors import BadInput
from curator.kit.reading import Unreadable

__all__ = ["BUDGET", "Budget", "bounded", "free", "pixels_of", "size_of", "too_many", "usual"]

MOST, LEAST = 1 << 30, 64 << 20
"""Bytes: what is taken at most unless somebody says otherwise, and also where hardly anything is free."""

MOST_PIXELS = 178_956_970
"""Pixels: what Pillow takes for a decompression bomb has more, unless somebody says otherwise."""

UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


class Budget:
    """Bytes that may be taken at once, and pixels that a picture may have; both can be set at any time.

    The pixels are looked at when a file is opened, the bytes when it is decoded: raising one does not raise the other.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.pixels = MOST_PIXELS
        self._limit = limit
        self._taken = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many; found out when it is first asked for, unless it was set."""
        if self._limit is None:
            self._limit = usual()
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit

    @contextlib.contextmanager
    def room(self, need: int) -> Iterator[None]:
        """A block that takes so many bytes; waits until others leave them. Raises `Unreadable` where there are less."""
        if need > self.limit:
            raise Unreadable(
                f"decoding it takes {_shown(need)} of memory, more than the {_shown(self.limit)} allowed: "
                f"--memory {_enough(need)} allows it"
            ) from MemoryError()
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + need <= self.limit)
            self._taken += need
        try:
            yield
        finally:
            with self._changed:
                self._taken -= need
                self._changed.notify_all()


BUDGET = Budget()
"""The process's own."""


@contextlib.contextmanager
def bounded(most: int) -> Iterator[None]:
    """A block in which this process gets so many more bytes at most, for a library that cannot be told how many it may
    take: what goes beyond raises `MemoryError` there. Where the system holds nobody to that, it is not bounded.

    For what is done in one go, and quickly: what other threads ask for meanwhile counts, too.
    """
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        before = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError, ValueError, IndexError):
        yield
        return
    wanted = pages * resource.getpagesize() + most
    if before[0] != resource.RLIM_INFINITY:
        wanted = min(wanted, before[0])
    resource.setrlimit(resource.RLIMIT_AS, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def usual() -> int:
    """A gigabyte, or a quarter of what is free where that is less."""
    return max(LEAST, min(MOST, free() // 4))


def free() -> int:
    """The bytes that this process could still have; four gigabytes where the system does not tell."""
    return min(_free_of_system(), _free_of_group())


def _free_of_system() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not all of it is free, but half may well be
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * MOST


def _free_of_group() -> int:
    """As a container allows."""
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max": there is no limit
            group = Path("/sys/fs/cgroup")
            return max(0, int((group / most).read_text()) - int((group / used).read_text()))
    return 1 << 62


def size_of(text: str) -> int:
    """Bytes from `512M`, `2G`, `1.5GB`, `800000000`; raises `BadInput`."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)(i?b)?", text.strip().lower(), re.ASCII)
    found = int(float(match[1]) * (1 << UNITS[match[2]])) if match else 0
    if found < LEAST // 64:
        raise BadInput(f"{text!r} is not a size of memory: write 512M or 2G, and at least 1M")
    return found


def too_many(pixels: int | None) -> Unreadable:
    """What is said of a picture of more pixels than one may have; of how many, where that is known."""
    limit = f"the limit of {BUDGET.pixels // 1_000_000:,} against decompression bombs"
    if pixels is None:
        return Unreadable(f"a picture of more megapixels than {limit}: --max-pixels raises it")
    megapixels = -(-pixels // 1_000_000)
    return Unreadable(f"a picture of {megapixels:,} megapixels, over {limit}: --max-pixels {megapixels}M allows it")


def pixels_of(text: str) -> int:
    """Pixels from `300M`, `1.5G`, `300000000`; raises `BadInput`."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?) ?([kmg]?)(p|px)?", text.strip().lower(), re.ASCII)
    found = int(float(match[1]) * 1000 ** " kmg".index(match[2] or " ")) if match else 0
    if found < 1:
        raise BadInput(f"{text!r} is not a number of pixels: write 300M or 300000000")
    return found


def _shown(number: int) -> str:
    return f"{number / (1 << 30):.1f} GB" if number >= 1 << 30 else f"{-(-number >> 20):,} MB"


def _enough(number: int) -> str:
    """So many bytes or a few more, as it is typed."""
    return f"{-(-number >> 20)}M"
