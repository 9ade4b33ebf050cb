"""Small fits on one thread: the same numbers every time, and quick where the machine is busy.

Public, like `curator.api`. With several threads sums come in an order that nobody knows. And a step of a fit on some
hundred rows is over before a second thread has started: waiting for that costs many times the work where another
process has the processor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["one_thread"]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """A context, or the decorator of a function, in which numpy, scipy and scikit-learn calculate on one thread.

    Their linear algebra alone: torch, OpenCV and what scikit-learn spreads by OpenMP keep their own number of threads.
    """
    # What is loaded later is not held to it: the library of scipy and scikit-learn comes with this module.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
