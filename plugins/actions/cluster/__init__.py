"""Part items into clusters by their vectors, show what each holds, and turn clusters into labels.

This module only describes the action; the work is done by the others of the package, which are imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    GroupName,
    ItemSet,
    NewFile,
    Option,
    Output,
    Table,
    hookimpl,
)
from curator.errors import BadInput
from curator.kit import sheets
from curator.kit.listing import ITEM


@dataclass(frozen=True)
class ClusterParams:
    """How to part which items, what to show, and which clusters become labels."""

    k: Annotated[
        int | None, Option("-k", min=2, help="The number of clusters. [default: 20, fewer for under 400 items]")
    ] = None
    by: Annotated[
        str,
        Option(
            choices=("kmeans", "density"),
            help="kmeans puts each item in one of k clusters; density (HDBSCAN) finds how many there are, and leaves "
            "outliers in none.",
        ),
    ] = "kmeans"
    min_size: Annotated[
        int | None,
        Option(
            min=2,
            help="With --by density: the size of the smallest cluster. [default: 10, down to 5 for under 200 items]",
        ),
    ] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    items: Annotated[ItemSet, Option()] = ItemSet()
    members: Annotated[bool, Option(help="Also list each item with its cluster.")] = False
    name: Annotated[
        tuple[str, ...],
        Option(help="NUMBER=LABEL: give the items of a cluster this label, where they do not have it yet."),
    ] = ()
    group: Annotated[GroupName | None, Option(help="The group of the labels of --name.")] = None
    expect: Annotated[
        str | None,
        Option(
            help="With --name: do nothing unless the clusters still have this code, which was shown with them.",
            was=("--seen",),
        ),
    ] = None
    sheet: Annotated[
        NewFile | None,
        Option(
            help="Write the typical items of each cluster to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS
        ),
    ] = None


CLUSTERS = Table(
    "cluster",
    "Clusters",
    (
        Column("cluster", "its number, 1 for the largest; null for the items in none", "integer"),
        Column("size", "how many items", "integer"),
        Column("tight", "mean cosine of its items with their mean; 1: all are alike", "score"),
        Column("label", "the most common label of its labelled items"),
        Column("share", "share of its labelled items that have it, 0 to 1", "percent"),
        Column("words", "words, or Chinese characters, that its texts have and others do not, a list", type="strings"),
        Column("id", "the most typical item", "integer"),
        Column("path", "where it is; null if its file is gone", "picture"),
        Column("text", "the body of a text; null for an image"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json", "string"),
        Column("labelled", "how many of its items have a label", "json", "integer"),
        Column("typical", "its most typical items by id, a list", "json", "integers"),
        Column("clusters", "the code of these clusters, for --expect", "json", "string"),
    ),
    whole=True,
)

MEMBERS = Table(
    "member",
    "Items of the clusters",
    (
        Column("cluster", "its number; null for an item in none", "integer"),
        Column("score", "cosine with the mean of its cluster, -1 to 1; null for an item in none", "score"),
        *ITEM,
    ),
)


def plan(context: Context, params: ClusterParams) -> Iterator[Output]:
    """Each cluster, the largest first; its members, a sheet and labels where they are asked for."""
    from . import grouping, labelling, many, showing

    wanted = labelling.parse_names(params.name)
    if params.group is not None and not wanted:
        raise BadInput("--group says where the labels of --name belong: give --name NUMBER=LABEL too")
    how = grouping.Way.of(params.by, params.k, params.min_size)
    model, items = grouping.model_and_items(context, params.encoder, params.items)
    find = many.find_clusters if len(items) > grouping.MANY else grouping.find_clusters
    clusters = find(context, model, items, how)
    labelling.check(wanted, clusters, params.expect)
    described = showing.describe_clusters(context, clusters)
    yield from (one.finding(clusters.code) for one in described)
    if params.members:
        yield showing.members(clusters)
    if params.sheet is not None:
        note = f"{len(clusters.items):,} items by {how.name}, on {model.name}"
        yield sheets.artifact(context, params.sheet, showing.sheet(clusters, described, note))
    yield from labelling.changes(context, clusters, wanted, params.group)
    if not wanted and clusters.count:
        context.note(
            f"these are clusters {clusters.code}: to label the first, add --name 1=LABEL --expect {clusters.code}"
        )


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `cluster`."""
    return [
        ActionSpec(
            "cluster",
            "Cluster similar items, and label whole clusters.",
            ClusterParams,
            plan,
            (CLUSTERS, MEMBERS),
            example="curator cluster -k 20 --sheet clusters.pdf\ncurator cluster -k 20 --name 3=apples --name 7=milk",
        )
    ]
