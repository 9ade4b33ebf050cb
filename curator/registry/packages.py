"""Packages that some plugins need and an install may leave out: told before anything is asked for or fetched."""

from __future__ import annotations

from curator.api import EncoderSpec
from curator.errors import NotReady, missing


def missing_to_load(spec: EncoderSpec) -> str:
    """What an encoder cannot be loaded without here, with what installs it; a form that is written down needs none."""
    return "" if spec.form is not None else missing(spec.requires)


def hold_installed(spec: EncoderSpec, doing: str) -> None:
    """Raise `NotReady` where a package is not installed that an encoder needs for this."""
    if lacks := missing(spec.requires):
        raise NotReady(f"{doing} {spec.name}: {lacks}")


def hold_loadable(spec: EncoderSpec) -> None:
    """Raise `NotReady` where an encoder cannot be loaded for want of a package."""
    if spec.form is None:
        hold_installed(spec, "loading")
