"""The door to decoders: whatever comes out of one is a reason, but for Ctrl-C and what curator itself says."""

from __future__ import annotations

import struct
import warnings
import zlib

import pytest

from curator.errors import BadInput
from curator.kit.reading import Unreadable, reading


class PanicException(BaseException):
    """As extension modules in Rust raise it."""


class Untellable(Exception):
    def __str__(self):
        raise ValueError


def nested(depth=0):
    nested(depth + 1)


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (struct.error("unpack requires a buffer of 4 bytes"), "unpack requires a buffer of 4 bytes"),
        (SystemError("tile cannot extend"), "tile cannot extend"),
        (zlib.error("Error -3"), "Error -3"),
        (MemoryError(), "there is not enough memory for it"),
        (RecursionError("maximum"), "it is nested too deeply"),
        (PanicException("called `unwrap`\non nothing"), "called `unwrap`"),
        (StopIteration(), "StopIteration"),
        (OSError("\n\n  bad magic"), "bad magic"),
        (Untellable(), "Untellable"),
        (ValueError("x" * 500), "x" * 120),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_is_raised_is_a_reason(raised, reason):
    with pytest.raises(Unreadable) as caught, reading("of a cat"):
        raise raised
    assert str(caught.value) == f"of a cat: {reason}" and caught.value.__cause__ is raised


def test_a_warning_made_an_error_is_one_too():
    with pytest.raises(Unreadable, match="looks odd"), warnings.catch_warnings(), reading():
        warnings.simplefilter("error")
        warnings.warn("looks odd", UserWarning, stacklevel=1)


def test_a_real_recursion_is_a_reason():
    with pytest.raises(Unreadable, match="nested"), reading():
        nested()


@pytest.mark.parametrize("passing", [KeyboardInterrupt(), SystemExit(3), BadInput("a line"), Unreadable("gone")])
def test_what_is_no_damage_passes(passing):
    with pytest.raises(type(passing)) as caught, reading("failed"):
        raise passing
    assert caught.value is passing


def test_ctrl_c_in_the_guise_of_another_error_is_ctrl_c():
    with pytest.raises(KeyboardInterrupt), reading():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ValueError("numpy says so") from None
