"""`curator encoders`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Column, EncoderRef, EncoderSpec, Option, Table
from curator.commands.spec import Call, CommandSpec

if TYPE_CHECKING:
    from curator.api import Modality, Model

ENCODERS = Table(
    "encoder",
    "Encoders",
    (
        Column("name", "what -e takes"),
        Column("media", "what it embeds", type="strings"),
        Column("default", "for which media it is this workspace's default", type="strings"),
        Column("embedded", "how many contents have a vector here", "integer"),
        Column("offline", "yes, if it can be loaded without a network; else what is missing"),
        Column("summary", "what it is"),
        Column(
            "quickest",
            "by medium, what was measured to embed it quickest on this processor: runtime, precision, items per second",
            style="json",
            type="object",
        ),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class EncodersParams:
    """Which becomes the default."""

    use: Annotated[EncoderRef | None, Option(help="Make it the default encoder for its media.")] = None


def encoders(call: Call, params: EncodersParams) -> None:
    """Make one the default, and list them."""
    if params.use is not None:
        model = call.workspace.use(params.use)
        media = " and ".join(model.modalities)
        call.say(f"{model.name} is now the default for {media}s: `curator encode` embeds with it")
    call.table(ENCODERS, _rows(call))


def _rows(call: Call) -> Iterator[dict[str, Any]]:
    workspace = call.found
    models = workspace.models.all() if workspace else []
    defaults = _defaults(call)
    for spec in call.registry.all(EncoderSpec):
        used: list[Model | None] = [model for model in models if model.encoder == spec.name]
        if not used or spec.name in defaults.values():  # the default of a medium may be none that was used yet
            used.append(None)
        for model in used:
            name = model.name if model else spec.name
            yield {
                "name": name,
                "media": list(model.modalities if model else spec.modalities),
                "default": [medium for medium, default in defaults.items() if default == (model.id if model else name)],
                "embedded": workspace.derived.count(model.fingerprint) if workspace and model else 0,
                "offline": _lacking(call, spec, model) or "yes",
                "summary": spec.summary,
                "quickest": workspace.coverage.quickest(model) if workspace and model else {},
            }


def _defaults(call: Call) -> dict[Modality, int | str]:
    """By medium the id of its default model, or the name of its encoder where that was not used here yet."""
    from curator.catalog.items import MODALITIES
    from curator.errors import CuratorError

    workspace = call.found
    found: dict[Modality, int | str] = {}
    for medium in MODALITIES:
        if workspace is None:
            spec = call.registry.default(EncoderSpec, lambda spec, medium=medium: medium in spec.modalities)  # type: ignore[misc]
            found |= {medium: spec.name} if spec else {}
            continue
        with contextlib.suppress(CuratorError):  # one that is gone, or of a plugin that is
            reference = workspace.models.default_reference(medium)
            model = workspace.models.find(reference)
            found[medium] = model.id if model else reference
    return found


def _lacking(call: Call, spec: EncoderSpec, model: Model | None) -> str:
    """What stands in the way of loading an encoder without a network."""
    from curator.errors import PluginError
    from curator.registry.packages import missing_to_load
    from curator.reporter import short_path

    workspace = call.found
    if (missing := missing_to_load(spec)) and not (workspace and model and workspace.coverage.has_forms(model)):
        return missing
    weights = workspace.models.weights(model) if workspace and model else None
    if weights is not None:
        return "" if weights.exists() else f"{short_path(weights)} is gone"
    if spec.lacking is None:
        return ""
    try:
        with call.registry.guard(spec, "looking for the weights of"):
            return str(spec.lacking(model.variant or None if model else None))
    except PluginError as error:  # which the list of all others must not suffer for
        return str(error)


COMMAND = CommandSpec(
    name="encoders",
    summary="List encoders and models, or set a default.",
    params=EncodersParams,
    run=encoders,
    tables=(ENCODERS,),
    example="curator encoders\ncurator encoders --use resnet50",
    effects=("writes", "network"),
    workspace="optional",
)
