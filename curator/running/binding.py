"""From loose values to the parameters of an action: paths, names, queries and selections resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    pass


def bind_parameters(
    spec: ActionSpec, values: Mapping[str, Any], items: Items, text: str | None, targets: Targets
) -> Any:
    """An action's parameters, with paths, names and queries resolved. `text` stands in for a `Query`."""

    def resolve(parameter: Parameter, value: Any) -> Any:
        if parameter.type is Query:
            return value if isinstance(value, Query) else items.query(str(value))
        if parameter.type is ItemSet:
            return value if isinstance(value, ItemSet) else item_set(**value)
        if parameter.type is NewFile:
            return targets.checked(value, parameter.how.choices if isinstance(parameter.how, Option) else ())
        if parameter.type is NewFolder:
            return targets.folders.checked(value)
        if not str(value).strip():
            raise BadInput(f"{parameter.name} needs a name, and {value!r} is none")
        return str(value)

    values = dict(values)
    if text is not None:
        query = next((p.name for p in parameters(spec.params) if p.type is Query and _takes_text(p)), None)
        if query is None or values.get(query) is not None:
            raise BadInput(f"{spec.name} takes " + ("no text" if query is None else "a file or --text, not both"))
        values[query] = text_query(text)
    elif any(p.type is Query and p.required and values.get(p.name) is None for p in parameters(spec.params)):
        words = any(p.type is Query and _takes_text(p) for p in parameters(spec.params))
        raise BadInput(f"{spec.name} takes " + ("a file, id:N or --text TEXT" if words else "a file or id:N"))
    return bind(spec.params, values, resolve)


def _takes_text(query: Parameter) -> bool:
    return not isinstance(query.how, Argument) or query.how.text


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
