"""The parameters of actions and heads: from a frozen dataclass of annotated fields to names, types and bounds.

One description serves the command line, keyword arguments, JSON Schema and the documentation. Field types: `int`,
`float`, `str`, `bool`, each also `| None`, and the domain types of `curator.api.params`, `Query` and `ItemSet`. Of a
text, a name or a query also `tuple[X, ...]` for what may be given several times, of a text or a name `tuple[X, X]` for
an option of two, and `str | bool` for one that may stand alone.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, get_args, get_origin

from curator.api import (
    Argument,
    ByteCount,
    CheckName,
    CommandName,
    EncoderRef,
    ExporterName,
    FileName,
    FolderName,
    GroupName,
    HeadName,
    ItemRef,
    ItemSet,
    LabelName,
    MetricName,
    NewFile,
    NewFolder,
    Option,
    PixelCount,
    PluginName,
    Query,
    ReaderName,
    SelectionName,
    Setting,
    Where,
    Word,
)
from curator.errors import BadInput, NotFound
from curator.registry.validation import validate

PLAIN = {int: "a whole number", float: "a number", str: "a text", bool: "yes or no"}
LARGEST = 2**63 - 1
"""What torch, numpy and SQLite can count to: nothing that they are given may be more."""
NAMES = (
    *(LabelName, GroupName, EncoderRef, HeadName, MetricName),
    *(CheckName, ExporterName, ReaderName, PluginName, CommandName, SelectionName, Word),
)
PATHS = (ItemRef, FileName, FolderName)
COUNTS = (ByteCount, PixelCount)
FLAG = re.compile("-[a-zA-Z]")
OLD = re.compile("-[a-zA-Z]|--[a-z][a-z0-9-]+")
TEXTS = (str, *NAMES, *PATHS, Setting, Where, Query)
"""What there may be several of."""
SUPPORTED = (*PLAIN, *NAMES, *PATHS, *COUNTS, Setting, Where, NewFile, NewFolder, Query, ItemSet)


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One field: `type` is without `| None`; `default` is `dataclasses.MISSING` where a value must be given.

    `many`: the field is a tuple of any number of them; `two`: of just two; `bare`: it may also be True, as where an
    option stands alone. A name may end in `_`, as one that Python keeps to itself: `class_` becomes `--class`.
    """

    name: str
    type: Any
    how: Option | Argument
    default: Any
    many: bool = False
    two: bool = False
    bare: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The options that it becomes on a command line, a short one first; none for an argument."""
        if isinstance(self.how, Argument) or self.type is ItemSet:
            return ()
        long = f"--{self.name.rstrip('_').replace('_', '-')}"
        if not self.how.flag:
            return (long,)
        return (self.how.flag,) if len(self.name) == 1 else (self.how.flag, long)

    @property
    def old_names(self) -> dict[str, str]:
        """The options that it was called by before, by the name of the keyword."""
        was = self.how.was if isinstance(self.how, Option) else ()
        return {flag.lstrip("-").replace("-", "_"): flag for flag in was}

    @property
    def is_question(self) -> bool:
        """Whether it is the query that `--text` may stand for; an option of several adds to that one."""
        return self.type is Query and not (self.many and isinstance(self.how, Option))

    @property
    def instead(self) -> tuple[str, ...]:
        """The fields of which one may be given in its place."""
        return self.how.instead if isinstance(self.how, Argument) else ()

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING


@functools.cache
def parameters(params: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order; raises `TypeError` for what cannot become one."""
    if not (isinstance(params, type) and dataclasses.is_dataclass(params)):
        raise TypeError(f"params must be a dataclass, not {params!r}")
    try:
        hints = typing.get_type_hints(params, include_extras=True)
    except Exception as error:
        raise TypeError(f"the annotations of {params.__name__} cannot be read: {error}") from error
    found = tuple(_parameter(field, hints[field.name]) for field in dataclasses.fields(params))
    for parameter in found:
        for name in {*parameter.instead} - {other.name for other in found}:
            raise TypeError(f"{params.__name__} has no field {name!r}, which may stand for {parameter.name!r}")
    flags = [flag for parameter in found for flag in (*parameter.flags, *parameter.old_names.values())]
    for flag in flags:
        if flags.count(flag) > 1:
            raise TypeError(f"two fields of {params.__name__} become {flag}")
    for kind, there in (("Query", [p.is_question for p in found]), ("ItemSet", [p.type is ItemSet for p in found])):
        if sum(there) > 1:
            raise TypeError(f"{params.__name__} has more than one {kind}")
    return found


def looks_among_items(params: type) -> bool:
    """Whether they choose items or look for one, which takes a catalogue that holds some."""
    return any(parameter.type in (Query, ItemSet) for parameter in parameters(params))


def _parameter(field: dataclasses.Field[Any], hint: Any) -> Parameter:
    how: Any = Option()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        how = next((extra for extra in extras if isinstance(extra, Option | Argument)), how)
    many = two = bare = False
    if get_origin(hint) in (typing.Union, types.UnionType):
        hint, *others = (kind for kind in get_args(hint) if kind is not types.NoneType)
        bare = hint is str and others == [bool]
        if others and not bare:
            raise TypeError(f"field {field.name!r} has more than one type")
    if get_origin(hint) is tuple and get_args(hint)[0] in TEXTS:
        of, *rest = get_args(hint)
        many, two = rest == [...], rest == [of]
        hint = of if many or two else hint
    if hint not in SUPPORTED:
        raise TypeError(f"field {field.name!r} is of type {hint!r}, which cannot become an option")
    if field.name != field.name.lower() or field.name.startswith("_"):
        raise TypeError(f"field {field.name!r} cannot become an option: write it in lower case, without '_' in front")
    validate(type(how), how)
    if isinstance(how, Option) and how.flag and not FLAG.fullmatch(how.flag):
        raise TypeError(
            f"field {field.name!r}: {how.flag!r} is not a short option: one dash and one letter, such as '-k'"
        )
    if isinstance(how, Option) and (wrong := [old for old in how.was if not OLD.fullmatch(old)]):
        raise TypeError(f"field {field.name!r}: {wrong[0]!r} was no option: write it with its dashes, as '--out'")
    if isinstance(how, Option) and (how.min, how.max) != (None, None) and hint not in (int, float):
        raise TypeError(f"field {field.name!r} is not a number, so it has no min and max")
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    if default not in (dataclasses.MISSING, None, *[False] * bare) and not _suits(default, hint, many):
        wanted = "a tuple of texts" if many else PLAIN[hint]
        raise TypeError(f"field {field.name!r}: the default {default!r} is not {wanted}")
    return Parameter(field.name, hint, how, default, many, two, bare)


def _suits(default: object, kind: Any, many: bool) -> bool:
    """Whether a default is of the type of its field; those of domain types are not looked at."""
    if many:
        return isinstance(default, tuple) and all(isinstance(one, str) for one in default)
    if kind not in PLAIN:
        return True
    return isinstance(default, int | float if kind is float else kind)


def bind(params: type, values: Mapping[str, Any], resolve: Callable[[Parameter, Any], Any] | None = None) -> Any:
    """An instance of `params` from loose values (strings as typed, or Python values).

    `resolve` turns what is given for a domain type into the object. Raises `BadInput` with the name of
    the parameter, and what it takes.
    """
    known = {parameter.name: parameter for parameter in parameters(params)}
    values = _by_new_names(known.values(), values)
    for name in values:
        if name not in known:
            raise BadInput(str(NotFound.named("parameter", name, known)))
    bound: dict[str, Any] = {}
    for name, parameter in known.items():
        value = values.get(name)
        if value is None or (parameter.many and not value and value != ""):
            if parameter.required:
                if not any(values.get(other) for other in parameter.instead):
                    raise BadInput(f"{name} is missing")
                bound[name] = () if parameter.many else None
            continue
        if parameter.many:
            given = value if isinstance(value, list | tuple) else (value,)
            bound[name] = tuple(_bound(parameter, one, resolve) for one in given)
        elif parameter.two:
            bound[name] = tuple(value)
        else:
            bound[name] = value if parameter.bare and value is True else _bound(parameter, value, resolve)
    return params(**bound)


def _by_new_names(known: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is given under an old name stands under the one of today; raises `BadInput` where both are given."""
    renamed = dict(values)
    for parameter in known:
        for old in parameter.old_names.keys() & values.keys():
            if (value := renamed.pop(old)) is None:
                continue
            if renamed.get(parameter.name) not in (None, ()):
                raise BadInput(f"{old} is called {parameter.name} now: give one of the two")
            renamed[parameter.name] = value
    return renamed


def _bound(parameter: Parameter, value: Any, resolve: Callable[[Parameter, Any], Any] | None) -> Any:
    if parameter.type in PLAIN:
        return _plain(parameter, value)
    return resolve(parameter, value) if resolve else value


def _plain(parameter: Parameter, value: Any) -> Any:
    try:
        converted = CONVERSIONS[parameter.type](value)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"{parameter.name} takes {PLAIN[parameter.type]}, not {value!r}") from None
    if parameter.type is int and abs(converted) > LARGEST:
        raise BadInput(f"{parameter.name} takes a whole number of 64 bits, not {value!r}")
    how = parameter.how
    if isinstance(how, Option):
        if converted == "" and parameter.default != "":
            raise BadInput(f"{parameter.name} takes a text, and '' is empty")
        if how.min is not None and converted < how.min:
            raise BadInput(f"{parameter.name} must be at least {how.min:g}, not {converted}")
        if how.max is not None and converted > how.max:
            raise BadInput(f"{parameter.name} must be at most {how.max:g}, not {converted}")
        if how.choices and converted not in how.choices:
            raise BadInput(f"{parameter.name} must be one of {', '.join(how.choices)}, not {converted!r}")
    return converted


def _whole(value: Any) -> int:
    whole = int(value)
    if not isinstance(value, str) and (isinstance(value, bool) or whole != value):
        raise ValueError(value)
    return whole


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return words[str(value).lower()]
    except KeyError:
        raise ValueError(value) from None


CONVERSIONS: dict[Any, Callable[[Any], Any]] = {int: _whole, float: _number, str: str, bool: _yes_or_no}
