"""All that a plugin may use.

A plugin is a module behind an entry point of the group `curator`. It implements hooks (see
`curator.registry.hookspecs`) that return *specs*: frozen descriptions that cost microseconds. Heavy libraries
are imported inside the functions that a spec names (`resolve`, `load`, `plan`, `read`), never at the
top of the module, because every command imports every plugin.

    from curator.api import EncoderSpec, hookimpl

    @hookimpl
    def register_encoders():
        return [EncoderSpec(name="mine", modalities=("image",), summary="...", resolve=..., load=...)]

Arrays: `n` items, `dim` dimensions, `classes` classes; float32 unless said otherwise. Where a docstring
says *unit rows*, each row has Euclidean length 1 (all-zero rows stay zero).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pluggy

from curator.api.actions import ActionSpec, CheckSpec, Context
from curator.api.data import (
    COPY_LEVELS,
    DISTURBED,
    SIDES,
    Comparison,
    FittedHead,
    FittedMetric,
    Flaw,
    HeldOut,
    Item,
    Known,
    Logits,
    MappedPicture,
    Modality,
    Model,
    Neighbours,
    Place,
    Predictions,
    Said,
    Side,
    Signature,
    StoredVectors,
    TargetRef,
    Unseen,
)
from curator.api.encoders import (
    Compilable,
    CompilableText,
    Encoder,
    EncoderSpec,
    FeatureMap,
    ImageBatch,
    Labelled,
    LanguageModel,
    Look,
    Pictures,
    Preprocess,
    ReducedPrecision,
    Resolved,
    TextBatch,
    TextForm,
    Tried,
    Truncating,
)
from curator.api.exporters import FILE_LIST, Dataset, ExporterSpec, Folder, FolderArtifact, Holds, Link, Record
from curator.api.heads import DifferentiableHead, Head, HeadSpec, LinearHead, NoParams
from curator.api.metrics import Metric, MetricSpec
from curator.api.outputs import Artifact, Ask, SetAside, SetLabel, SetRowAside, SetSide
from curator.api.params import (
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
from curator.api.readers import Found, ReaderSpec, ReadOptions, Row, Skipped, SourceTable, TableRow
from curator.api.tables import Column, Finding, Listing, Output, Table

__all__ = [
    "COPY_LEVELS",
    "DISTURBED",
    "FILE_LIST",
    "SIDES",
    "ActionSpec",
    "Argument",
    "Artifact",
    "Ask",
    "ByteCount",
    "CheckName",
    "CheckSpec",
    "Column",
    "CommandName",
    "Comparison",
    "Compilable",
    "CompilableText",
    "Context",
    "Dataset",
    "DifferentiableHead",
    "Encoder",
    "EncoderRef",
    "EncoderSpec",
    "ExporterName",
    "ExporterSpec",
    "FeatureMap",
    "FileName",
    "Finding",
    "FittedHead",
    "FittedMetric",
    "Flaw",
    "Folder",
    "FolderArtifact",
    "FolderName",
    "Found",
    "GroupName",
    "Head",
    "HeadName",
    "HeadSpec",
    "HeldOut",
    "Holds",
    "ImageBatch",
    "Item",
    "ItemRef",
    "ItemSet",
    "Known",
    "LabelName",
    "Labelled",
    "LanguageModel",
    "LinearHead",
    "Link",
    "Listing",
    "Logits",
    "Look",
    "MappedPicture",
    "Metric",
    "MetricName",
    "MetricSpec",
    "Modality",
    "Model",
    "Neighbours",
    "NewFile",
    "NewFolder",
    "NoParams",
    "Option",
    "Output",
    "Pictures",
    "PixelCount",
    "Place",
    "PluginName",
    "Predictions",
    "Preprocess",
    "Query",
    "ReadOptions",
    "ReaderName",
    "ReaderSpec",
    "Record",
    "ReducedPrecision",
    "Resolved",
    "Row",
    "Said",
    "SelectionName",
    "SetAside",
    "SetLabel",
    "SetRowAside",
    "SetSide",
    "Setting",
    "Side",
    "Signature",
    "Skipped",
    "SourceTable",
    "StoredVectors",
    "Table",
    "TableRow",
    "TargetRef",
    "TextBatch",
    "TextForm",
    "Tried",
    "Truncating",
    "Unseen",
    "Where",
    "Word",
    "hookimpl",
]

hookimpl = pluggy.HookimplMarker("curator")
"""Marks a function as the implementation of the hook of its name."""

_RENAMED: dict[str, tuple[str, str]] = {}
"""Names that are to go: the old one, the new one, and the version that no longer has the old one."""

if not TYPE_CHECKING:  # else every misspelt name would be one that a type checker knows

    def __getattr__(name: str) -> Any:
        """What goes by an old name, with a warning that is shown once for each place that uses it."""
        if name not in _RENAMED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        new, version = _RENAMED[name]
        message = f"curator.api.{name} is now {new}, and goes with curator {version}: write {new}"
        warnings.warn(message, FutureWarning, stacklevel=2)
        return globals()[new]
