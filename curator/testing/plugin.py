"""What a plugin as a whole must be."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any

from curator.registry.loader import GROUP, Loaded, Registry, Spec, installed_entry_points, load_plugins
from curator.testing.fresh import folder, run_task

HEAVY = frozenset(
    [
        *("torch", "torchvision", "tensorflow", "keras", "jax", "onnxruntime", "transformers", "timm", "open_clip"),
        *("numpy", "scipy", "sklearn", "skimage", "pandas", "polars", "pyarrow", "matplotlib", "PIL", "cv2"),
        *("huggingface_hub", "tokenizers", "safetensors", "sentence_transformers", "spacy", "nltk", "gensim"),
        *("rich", "sqlite_utils", "requests", "httpx"),
    ]
)
"""Packages that take from 30 milliseconds to several seconds to import."""

MODULES = 400
"""So many modules are too many, whoever's they are."""


@dataclass(frozen=True)
class PluginCase:
    """A plugin under its name; `module` is where its entry point leads: `package.module` or `package.module:object`."""

    name: str
    module: str

    @classmethod
    def of(cls, subject: Loaded | ModuleType) -> PluginCase:
        """An installed plugin, or the module of one that need not be."""
        if isinstance(subject, Loaded):
            return cls(subject.origin.entry_point, subject.origin.module)
        return cls(subject.__name__, subject.__name__)

    @functools.cached_property
    def alone(self) -> Registry:
        """What it gives where nothing else is installed."""
        return load_plugins([self.entry_point])

    @property
    def entry_point(self) -> metadata.EntryPoint:
        """One that leads to it."""
        return metadata.EntryPoint(self.name, self.module, GROUP)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """What it offers; nothing if it does not load."""
        return tuple(spec for plugin in self.alone.plugins for spec in plugin.specs)


def check_loads(case: PluginCase) -> None:
    """A plugin that fails at import or in a hook, or whose specs are not what they should be, is skipped whole."""
    for failure in case.alone.failures:
        raise AssertionError(failure.reason)


def check_names_are_free(case: PluginCase) -> None:
    """Of two plugins that offer one name, the later by name is skipped, with all that it offers."""
    others = [entry for entry in installed_entry_points()[0] if entry.value != case.module]
    loaded = load_plugins([*others, case.entry_point])
    for failure in loaded.failures:
        if failure.origin.module == case.module:
            raise AssertionError(failure.reason)


def check_imports_nothing_heavy(case: PluginCase) -> None:
    """Every command imports every plugin: what one imports at the top, all people wait for at each start."""
    with folder() as here:
        seen = run_task("imports", here, module=case.module)
    heavy = sorted(HEAVY & set(seen["packages"]))
    assert not heavy, f"importing it imports {', '.join(heavy)}: import them in the functions that need them"
    assert seen["modules"] < MODULES, f"importing it imports {seen['modules']:,} modules"


def check_import_is_quiet(case: PluginCase) -> None:
    """What a plugin prints at import lands in everybody's output, and a folder that it changes to is everybody's."""
    with folder() as here:
        seen = run_task("imports", here, module=case.module)
    printed = seen["printed"].strip().splitlines()
    assert not printed, f"importing it prints {printed[0]!r}"
    assert seen["stayed"], "importing it changes the current folder"


def check_hooks_repeat(case: PluginCase) -> None:
    """Hooks are called in each process anew, and specs are compared: a second call must give equal ones.

    Functions that a hook makes anew at each call (a lambda, a partial) are never equal: make them once, in the module.
    """
    check_loads(case)
    again = load_plugins([case.entry_point])
    second = tuple(spec for plugin in again.plugins for spec in plugin.specs)
    assert len(second) == len(case.specs), f"a second call gives {len(second)} specs, the first gave {len(case.specs)}"
    for one, other in zip(case.specs, second, strict=True):
        different = [name for name in one.__slots__ if getattr(one, name) != getattr(other, name)]
        assert not different, f"a second call gives {one.name!r} with another {different[0]}"


def module_of(spec: Spec) -> str:
    """The module that offers a spec, as far as its functions tell; '' where that module does not offer it."""
    function: Any = next(
        getattr(spec, name) for name in ("load", "plan", "read", "look", "write") if hasattr(spec, name)
    )
    name = getattr(getattr(function, "func", function), "__module__", "")
    if name not in sys.modules:
        return ""
    return name if spec in PluginCase(name, name).specs else ""
