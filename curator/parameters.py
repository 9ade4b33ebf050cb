"""The parameters of actions and heads: from a frozen dataclass of annotated fields to names, types and bounds.

One description serves the command line, keyword arguments and the documentation. Field types: `int`,
`float`, `str`, `bool`, each also `| None`, and the domain types of `curator.api` (`Query`, `ItemSet`,
`LabelName`, `GroupName`, `EncoderRef`, `HeadName`).
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from curator.api import Argument, EncoderRef, GroupName, HeadName, ItemSet, LabelName, Option, Query
from curator.errors import BadInput, NotFound

PLAIN = {int: "a whole number", float: "a number", str: "a text", bool: "yes or no"}
NAMES = (LabelName, GroupName, EncoderRef, HeadName)
SUPPORTED = (*PLAIN, *NAMES, Query, ItemSet)


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One field: `type` is without `| None`; `default` is `dataclasses.MISSING` where a value must be given."""

    name: str
    type: Any
    how: Option | Argument
    default: Any

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING


@functools.cache
def parameters(params: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order; raises `TypeError` for what cannot become one."""
    if not (isinstance(params, type) and dataclasses.is_dataclass(params)):
        raise TypeError(f"params must be a dataclass, not {params!r}")
    hints = typing.get_type_hints(params, include_extras=True)
    return tuple(_parameter(field, hints[field.name]) for field in dataclasses.fields(params))


def _parameter(field: dataclasses.Field[Any], hint: Any) -> Parameter:
    how: Any = Option()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        how = next((extra for extra in extras if isinstance(extra, Option | Argument)), how)
    if get_origin(hint) in (typing.Union, types.UnionType):
        hint, *others = (kind for kind in get_args(hint) if kind is not types.NoneType)
        if others:
            raise TypeError(f"field {field.name!r} has more than one type")
    if hint not in SUPPORTED:
        raise TypeError(f"field {field.name!r} is of type {hint!r}, which cannot become an option")
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return Parameter(field.name, hint, how, default)


def bind(params: type, values: Mapping[str, Any], resolve: Callable[[Parameter, Any], Any] | None = None) -> Any:
    """An instance of `params` from loose values (strings as typed, or Python values).

    `resolve` turns what is given for a domain type into the object. Raises `BadInput` with the name of
    the parameter, and what it takes.
    """
    known = {parameter.name: parameter for parameter in parameters(params)}
    for name in values:
        if name not in known:
            raise BadInput(str(NotFound.named("parameter", name, known)))
    bound: dict[str, Any] = {}
    for name, parameter in known.items():
        value = values.get(name)
        if value is None:
            if parameter.required:
                raise BadInput(f"{name} is missing")
            continue
        if parameter.type in PLAIN:
            bound[name] = _plain(parameter, value)
        else:
            bound[name] = resolve(parameter, value) if resolve else value
    return params(**bound)


def _plain(parameter: Parameter, value: Any) -> Any:
    try:
        converted = _yes_or_no(value) if parameter.type is bool else parameter.type(value)
    except (TypeError, ValueError):
        raise BadInput(f"{parameter.name} takes {PLAIN[parameter.type]}, not {value!r}") from None
    how = parameter.how
    if isinstance(how, Option):
        if how.min is not None and converted < how.min:
            raise BadInput(f"{parameter.name} must be at least {how.min:g}, not {converted}")
        if how.max is not None and converted > how.max:
            raise BadInput(f"{parameter.name} must be at most {how.max:g}, not {converted}")
        if how.choices and converted not in how.choices:
            raise BadInput(f"{parameter.name} must be one of {', '.join(how.choices)}, not {converted!r}")
    return converted


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return words[str(value).lower()]
    except KeyError:
        raise ValueError(value) from None
