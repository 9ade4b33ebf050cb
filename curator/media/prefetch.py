"""Work in threads with bounded read-ahead, in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

WORKERS = min(8, (os.cpu_count() or 1) + 1)
"""Decoding and hashing release the GIL; one more than the cores hides the wait for the disk."""


def ordered_map(function: Callable[[A], B], things: Iterable[A], ahead: int = 4 * WORKERS) -> Iterator[tuple[A, B]]:
    """`(thing, function(thing))` in order, computed by threads at most `ahead` things in advance.

    Memory does not grow with the number of things. `things` is consumed in the caller's thread. An
    exception in `function` is raised where its result would have come.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="curator") as pool:
        waiting: deque[tuple[A, Future[B]]] = deque()
        try:
            for thing in things:
                waiting.append((thing, pool.submit(function, thing)))
                if len(waiting) >= ahead:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
