"""From loose values to the parameters of an action: paths, names, queries and selections resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curator.api import (
    ActionSpec,
    Argument,
    ItemSet,
    Modality,
    NewFile,
    NewFolder,
    Option,
    Query,
)
from curator.catalog.items import Items, text_query
from curator.catalog.places import expand_path
from curator.catalog.where.meaning import many
from curator.errors import BadInput, NotReady
from curator.registry.parameters import Parameter, bind, parameters
from curator.running.artifacts import Targets


def bind_parameters(
    spec: ActionSpec, values: Mapping[str, Any], items: Items, text: str | None, targets: Targets
) -> Any:
    """An action's parameters, with paths, names and queries resolved. `text` stands in for a `Query`."""

    def resolve(parameter: Parameter, value: Any) -> Any:
        if parameter.type is Query:
            return _query(parameter, value, items)
        if parameter.type is ItemSet:
            return value if isinstance(value, ItemSet) else item_set(**value)
        if parameter.type is NewFile:
            return targets.checked(value, parameter.how.choices if isinstance(parameter.how, Option) else ())
        if parameter.type is NewFolder:
            return targets.folders.checked(value)
        if not str(value).strip():
            raise BadInput(f"{parameter.name} needs a name, and {value!r} is none")
        return str(value)

    return bind(spec.params, _with_question(spec, values, text), resolve)


def _query(parameter: Parameter, value: Any, items: Items) -> Query:
    if isinstance(value, Query):
        return value
    in_words = isinstance(parameter.how, Option) and parameter.how.words
    return text_query(str(value), parameter.flags[-1]) if in_words else items.query(str(value))


def _with_question(spec: ActionSpec, values: Mapping[str, Any], text: str | None) -> dict[str, Any]:
    """The values, a text as a query among them; raises `BadInput` where nothing is asked, or too much."""
    known = {parameter.name: parameter for parameter in parameters(spec.params)}
    question = next((parameter for parameter in known.values() if parameter.is_question), None)
    words = question is not None and (not isinstance(question.how, Argument) or question.how.text)
    if text is not None and not words:
        raise BadInput(f"{spec.name} takes no text")
    if question is None:
        return dict(values)
    given = values.get(question.name)
    several = given if isinstance(given, list | tuple) else [] if given is None else [given]
    if text is not None and several and not question.many:
        raise BadInput(f"{spec.name} takes a file or --text, not both")
    if text is not None:
        return {**values, question.name: [*several, text_query(text)] if question.many else text_query(text)}
    if question.required and not several and not any(values.get(name) for name in question.instead):
        others = [known[name].flags[-1] for name in question.instead]
        more = f" (or {', '.join(others)})" if others else ""
        beside = [one.flags[-1] for one in known.values() if one.type is Query and values.get(one.name)]
        more += f", beside {beside[0]}, which does not say what to look for" if beside else ""
        raise BadInput(f"{spec.name} takes " + ("a file, id:N or --text TEXT" if words else "a file or id:N") + more)
    return dict(values)


def item_set(
    media: Modality | Sequence[Modality] | None = None,
    under: str | Path | Sequence[str | Path] | None = None,
    label: str | Sequence[str] | None = None,
    unlabelled: bool = False,
    where: str | Sequence[str] | None = None,
) -> ItemSet:
    """A selection from loose values; one of several stands alone, as plugins know it."""
    below = tuple(expand_path(folder) for folder in many(under))
    return ItemSet(_alone(many(media)), _alone(below), _alone(many(label)), unlabelled, _alone(many(where)))


def _alone(given: tuple[Any, ...]) -> Any:
    return None if not given else given[0] if len(given) == 1 else given


def refuse_empty(items: Items, unless: bool = False) -> None:
    """Raise `NotReady` for a catalogue without any item."""
    if not unless and items.is_empty():
        raise NotReady("the catalogue is empty: curator add FOLDER")
