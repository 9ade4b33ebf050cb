"""What in a picture speaks for a label, a heat map and a box around where it is strongest; and what each layer sees.

The other modules of the package are imported when the action runs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import (
    ActionSpec,
    Argument,
    Column,
    Context,
    EncoderRef,
    Finding,
    FittedHead,
    GroupName,
    HeadName,
    Item,
    ItemSet,
    LabelName,
    MappedPicture,
    Model,
    NewFile,
    Option,
    Output,
    Query,
    Table,
    TargetRef,
    hookimpl,
)
from curator.errors import BadInput, NotFound, NotReady
from curator.kit import sheets

if TYPE_CHECKING:
    from .drawing import Explained


@dataclass(frozen=True)
class ExplainParams:
    """One picture, or the pictures of a label, and the label or the class of a group that is to be explained."""

    picture: Annotated[
        Query | None, Argument(help="a picture, or id:N; without one, the pictures of the label together", text=False)
    ] = None
    label: Annotated[LabelName | None, Option(help="Explain this label.")] = None
    group: Annotated[
        GroupName | None, Option(help="Explain a label of this group: what decides between it and the others.")
    ] = None
    class_: Annotated[
        str | None, Option(help="With --group: the label to explain. [default: the most probable one]")
    ] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder; it must have feature maps.")] = None
    head: Annotated[HeadName | None, Option(help="The kind of head to fit (`curator heads` lists them).")] = None
    layers: Annotated[
        bool,
        Option(
            help="Show instead what each layer of the encoder sees in the picture: the channels that it excites most, "
            "and which other pictures do."
        ),
    ] = False
    top: Annotated[
        int, Option(min=1, max=200, help="Without a picture: explain the N most probable pictures.", was=("-k",))
    ] = 24
    items: Annotated[ItemSet, Option()] = ItemSet()
    heatmap: Annotated[
        NewFile | None,
        Option(help="Write the picture with its heat map to FILE.", choices=sheets.ENDINGS, was=("--out",)),
    ] = None
    sheet: Annotated[
        NewFile | None,
        Option(
            help="Without a picture, or with --layers: write all heat maps to FILE (PNG, JPEG, WebP or PDF).",
            choices=sheets.ENDINGS,
        ),
    ] = None


EXPLANATIONS = Table(
    "explanation",
    "Evidence for it",
    (
        Column("probability", "the head's probability for the label, 0 to 1", "percent"),
        Column("label", "the label or class that is explained"),
        Column("logit", "before calibration, over the mean of the other classes; of a label, the log-odds", "score"),
        Column(
            "box",
            "the strongest region: left, top, right, bottom, in pixels of the upright picture; or null",
            type="integers",
        ),
        Column("place", "the ninth of what the encoder sees in which the box lies; null without one"),
        Column("share", "the part of all positive evidence that lies in the box, 0 to 1; null without one", "percent"),
        Column("id", "the item; null if it is not in the catalogue", "integer"),
        Column("path", "where it is", "picture"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json", "string"),
        Column("map", "what each cell contributes, a list of rows; its mean plus the bias is the logit", "json"),
        Column("bias", "what no part of the picture contributes, in the unit of the logit", "json", "number"),
        Column(
            "frame", "what of the picture the map covers, as the box; beyond it where it is padded", "json", "numbers"
        ),
        Column("size", "width and height of the upright picture, in pixels", "json", "integers"),
        Column("head", "the head's target and version", "json", "string"),
        Column("model", "the encoder it works on", "json", "string"),
    ),
)

CHANNELS = Table(
    "channel",
    "What each layer sees",
    (
        Column("layer", "the layer of the encoder, the first first"),
        Column("channel", "the number of the channel in it, from 0", "integer"),
        Column("score", "how far the picture excites it above what is usual, in standard deviations", "score"),
        Column(
            "box", "where it does most: left, top, right, bottom, in pixels of the upright picture", type="integers"
        ),
        Column("like", "the items that excite it most, the strongest first", type="strings"),
        Column("of", "how many channels the layer has", "json", "integer"),
        Column("patches", "those items: the id of each, and the box of where it does", "json"),
        Column("id", "the item; null if it is not in the catalogue", "json", "integer"),
        Column("path", "where it is", "json", "string"),
        Column("model", "the encoder", "json", "string"),
    ),
    whole=True,
)

ABLE = "explain needs an encoder whose vector is the mean of a feature map: -e efficientnet-lite0, or -e resnet50"


def plan(context: Context, params: ExplainParams) -> Iterator[Output]:
    """One picture, or the most probable of a label; or the layers of an encoder."""
    if params.layers:
        yield from of_layers(context, params)
        return
    target = context.target(params.label, params.group)
    if params.class_ is not None and params.group is None:
        raise BadInput("--class names a label of a group: give --group NAME too")
    if params.picture is not None:
        yield from of_one(context, params, params.picture, target)
    else:
        yield from of_many(context, params, target)


def of_one(context: Context, params: ExplainParams, picture: Query, target: TargetRef) -> Iterator[Output]:
    """The row of one picture, and its heat map if one is wanted."""
    from . import drawing

    if params.sheet is not None:
        raise BadInput("--sheet shows the pictures of a label together: leave the picture out, or take --heatmap")
    if params.items != ItemSet():
        raise BadInput("you named one picture, so there is nothing to select: leave out the picture, or the selection")
    if picture.modality != "image":
        raise BadInput("a text has no parts that a heat map could show: name a picture")
    model = context.model(params.encoder, "image", maps=True)
    ((_, mapped),) = _maps(context, [picture], model)
    if isinstance(mapped, str):
        path = picture.item.path if picture.item else picture.path
        raise NotReady(f"{str(path)!r} cannot be explained: {mapped}")
    head = context.head(target, model, params.head)
    explained = _explain_picture(context, head, picture, mapped, _column(params, head))
    yield _finding(head, explained)
    if explained.region is None:
        context.note(f"there is no evidence for {explained.name} in it: no part of it contributes anything")
    if params.heatmap is not None:
        yield sheets.artifact(context, params.heatmap, drawing.alone(explained, f"by {_by(head)}; {drawing.LEGEND}"))


def of_layers(context: Context, params: ExplainParams) -> Iterator[Output]:
    """The rows of what each layer of the encoder sees in a picture, and a sheet of them if one is wanted."""
    from . import layers

    named = {"--label": params.label, "--group": params.group, "--class": params.class_, "--head": params.head}
    given = [option for option, value in {**named, "--heatmap": params.heatmap}.items() if value is not None]
    if given:
        raise BadInput(f"--layers shows what the encoder sees, whatever the label: leave out {', '.join(given)}")
    if params.picture is None:
        raise BadInput("--layers shows what is seen in a picture: name one")
    if params.picture.modality != "image":
        raise BadInput("--layers shows what is seen in a picture, and this is a text: name a picture")
    model = context.model(params.encoder, "image", maps=True)
    if not context.layers(model):
        raise BadInput(f"{model.name} names no layers: take -e efficientnet-lite0, or -e resnet50")
    found = list(layers.channels(context, params.picture, model, params.items))
    yield from (layers.finding(channel, model) for channel in found)
    if params.sheet is not None:
        yield sheets.artifact(context, params.sheet, layers.sheet(found, model))


def of_many(context: Context, params: ExplainParams, target: TargetRef) -> Iterator[Output]:
    """The rows of the most probable pictures of a label, or of those that were chosen, and a sheet of their maps."""
    from . import drawing, regions

    if params.heatmap is not None:
        raise BadInput("--heatmap draws one picture: name it, or take --sheet for those of the label together")
    if params.group is not None and params.class_ is None:
        raise BadInput("without a picture, name the label of the group that is to be explained: --class NAME")
    head = context.head(target, context.model(params.encoder, "image", maps=True), params.head)
    column = _column(params, head)
    assert column is not None
    found = []
    for picture, mapped in _maps(context, _most_probable(context, params, head, column), head.model):
        if isinstance(mapped, str):
            context.note(f"left out: {picture}: {mapped}")
        else:
            found.append(_explain_picture(context, head, picture, mapped, column))
    found.sort(key=lambda explained: -explained.evidence.probability)
    yield from (_finding(head, explained) for explained in found)
    common = regions.common_place([explained.region for explained in found if explained.region is not None])
    if common is not None:
        context.note(
            f"in {common[1]} of {len(found)} pictures the strongest region lies at the {common[0]}: "
            "is it the thing itself, or a watermark, a logo or a date there?"
        )
    if params.sheet is not None and found:
        note = f"{len(found)} pictures, the most probable first, by {_by(head)}; {drawing.LEGEND}"
        yield sheets.artifact(context, params.sheet, drawing.together(found, head.classes[column], note))
    elif params.sheet is not None:
        context.note("no sheet was made: there is no picture to show")


def _by(head: FittedHead) -> str:
    return f"{head.target}@{head.version} on {head.model.name}"


def _column(params: ExplainParams, head: FittedHead) -> int | None:
    """The column of what is to be explained; None for the most probable one of a group."""
    if params.label is not None:
        return len(head.classes) - 1
    if params.class_ is None:
        return None
    name = unicodedata.normalize("NFC", params.class_).strip()
    if name not in head.classes:
        raise NotFound.named("class", params.class_, head.classes)
    return head.classes.index(name)


def _most_probable(context: Context, params: ExplainParams, head: FittedHead, column: int) -> list[Item]:
    """Of the items chosen, or else of those that are said to be it, the `top` most probable by the head."""
    items = params.items
    if items == ItemSet():
        group = GroupName(head.target.name)
        label = head.target if params.group is None else context.label_in(group, head.classes[column])
        items = ItemSet(label=label)
    said = context.predict(head, context.items(items, modalities=["image"]))
    order = (-said.probabilities[:, column]).argsort(kind="stable")[: params.top]
    return [said.items[index] for index in order]


def _maps(
    context: Context, pictures: Sequence[Item | Query], model: Model
) -> Iterator[tuple[Item | Query, MappedPicture | str]]:
    """The feature map of each; where the encoder has none, the message says which have."""
    try:
        yield from context.feature_maps(pictures, model)
    except BadInput as error:
        raise BadInput(f"{error}: {ABLE}") from error


def _explain_picture(
    context: Context, head: FittedHead, picture: Item | Query, mapped: MappedPicture, column: int | None
) -> Explained:
    from . import drawing, regions
    from .evidence import evidence

    found = evidence(context, head, mapped, column)
    return drawing.Explained(picture, head.classes[found.column], found, regions.strongest(found))


def _finding(head: FittedHead, explained: Explained) -> Finding:
    picture, found, region = explained.picture, explained.evidence, explained.region
    item = picture.item if isinstance(picture, Query) else picture
    values = {
        "probability": found.probability,
        "label": explained.name,
        "logit": found.logit,
        "box": list(region.box) if region else None,
        "place": region.place if region else None,
        "share": region.share if region else None,
        "id": item.id if item else None,
        "path": picture.path,
        "row": item.row if item else None,
        "map": found.cells.tolist(),
        "bias": found.bias,
        "frame": list(found.frame),
        "size": list(found.size),
        "head": f"{head.target}@{head.version}",
        "model": head.model.name,
    }
    return Finding("explanation", values)


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `explain`."""
    return [
        ActionSpec(
            "explain",
            "Show evidence for a label in a picture, or what layers see.",
            ExplainParams,
            plan,
            (EXPLANATIONS, CHANNELS),
            example="curator explain img.jpg --label ultraman --heatmap why.png",
            labels=False,
        )
    ]
