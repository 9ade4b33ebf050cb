"""What plugins hand over, held to the types that `curator.api` declares."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

T = TypeVar("T")


class Breach(ValueError):
    """Something is not what the contract says; the message says what, to the plugin's author."""


def validate(kind: type[T], value: object) -> T:
    """`value`, if it is a `kind` and each of its fields is what it is declared to be; else raises `Breach`."""
    if not isinstance(value, kind):
        raise Breach(f"gave {_describe_value(value)}, not {kind.__name__}")
    declared: Any = type(value)
    for name, hint in _fields(declared):
        content = getattr(value, name)
        if not _is(content, hint):
            raise Breach(f"{kind.__name__}: {name} is {_describe_value(content)}, not {_type_name(hint)}")
        for part in content if isinstance(content, tuple) else ():
            if dataclasses.is_dataclass(part):
                validate(type(part), part)
    return value


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


def _is(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in arguments
    if origin is Callable:
        return callable(value)
    if origin is tuple:
        wanted = arguments[:1] * len(value) if isinstance(value, tuple) and arguments[-1] is ... else arguments
        return isinstance(value, tuple) and len(value) == len(wanted) and all(map(_is, value, wanted))
    if origin is Iterator:
        return isinstance(value, Iterator)
    if isinstance(origin, type) and issubclass(origin, typing.Mapping):
        return isinstance(value, origin) and all(_is(key, arguments[0]) for key in value)
    if arguments:
        return any(_is(value, option) for option in arguments)
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Callable:
        return "callable"
    text = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    return re.sub(r"\b(typing|collections\.abc|pathlib|curator\.api(\.\w+)?)\.", "", text)


def _describe_value(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}" if value is not None else "None"
