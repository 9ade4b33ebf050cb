"""The hooks. Each returns specs from `curator.api`; a plugin's offer is taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from curator.api import ActionSpec, CheckSpec, EncoderSpec, ExporterSpec, HeadSpec, MetricSpec, ReaderSpec

hookspec = pluggy.HookspecMarker("curator")


@hookspec
def register_encoders() -> Iterable[EncoderSpec]:  # type: ignore[empty-body]
    """Encoders: they turn images or texts into vectors."""


@hookspec
def register_heads() -> Iterable[HeadSpec]:  # type: ignore[empty-body]
    """Heads: small models fitted on stored vectors."""


@hookspec
def register_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Metrics: similarities fitted on pairs that people marked as alike or not."""


@hookspec
def register_actions() -> Iterable[ActionSpec]:  # type: ignore[empty-body]
    """Actions: each becomes a command and a Python call."""


@hookspec
def register_readers() -> Iterable[ReaderSpec]:  # type: ignore[empty-body]
    """Readers: they list what a source (a folder, a file) holds."""


@hookspec
def register_quality_checks() -> Iterable[CheckSpec]:  # type: ignore[empty-body]
    """Quality checks: each finds one kind of flaw in the items of a set."""


@hookspec
def register_exporters() -> Iterable[ExporterSpec]:  # type: ignore[empty-body]
    """Exporters: each writes items as a dataset that other programs open."""
