"""From a plugin or a spec to its checks, and the two doors to them: pytest, and one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeAlias

from curator.api import ActionSpec, CheckSpec, EncoderSpec, ExporterSpec, HeadSpec, MetricSpec, ReaderSpec
from curator.errors import absent
from curator.registry.loader import Loaded, Spec
from curator.testing.given import Given, NotApplicable

Subject: TypeAlias = Loaded | ModuleType | Spec
"""What can be checked: an installed plugin, the module of one, or one of the specs that it offers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One property of one thing. Called, it raises where the thing does not have it, `NotApplicable` where it may not.

    `of` is the thing (`encoder my-encoder`), `why` the reason that the property matters.
    """

    of: str
    name: str
    why: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Check it."""
        self.run()

    def __str__(self) -> str:
        return f"{self.name}[{self.of.replace(' ', '-')}]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check; `seen` says in one line what was seen where it did not pass."""

    check: Check
    state: Literal["passed", "failed", "not applicable"]
    seen: str = ""


def checks(subject: Subject, **given: Any) -> Iterator[Check]:
    """Every check of a plugin and of what it offers, or of one spec. `given`: the fields of `Given`."""
    # Late: a process that only looks at what a plugin imports must not have imported it already.
    from curator.testing import actions, encoders, exporters, heads, metrics, networks, plugin, quality_checks, readers

    known = Given(**{name: value for name, value in given.items() if value is not None})
    if isinstance(subject, Loaded | ModuleType):
        of_plugin = plugin.PluginCase.of(subject)
        yield from _module_checks(f"plugin {of_plugin.name}", plugin, of_plugin)
        specs, module = of_plugin.specs, of_plugin.module
    else:
        specs, module = (subject,), plugin.module_of(subject)
    kinds: dict[type, tuple[Any, tuple[ModuleType, ...]]] = {
        EncoderSpec: (encoders.EncoderCase, (encoders, networks)),
        HeadSpec: (heads.HeadCase, (heads,)),
        MetricSpec: (metrics.MetricCase, (metrics,)),
        ActionSpec: (actions.ActionCase, (actions,)),
        ReaderSpec: (readers.ReaderCase, (readers,)),
        CheckSpec: (quality_checks.QualityCase, (quality_checks,)),
        ExporterSpec: (exporters.ExporterCase, (exporters,)),
    }
    for spec in specs:
        kind, homes = kinds[type(spec)]
        case = kind(spec, module, specs, known)
        for home in homes:
            yield from _module_checks(f"{noun(spec)} {spec.name}", home, case)


def noun(spec: Spec) -> str:
    """`encoder`, `head`, `metric`, `action`, `reader`, `check` or `exporter`."""
    return type(spec).__name__.removesuffix("Spec").lower()


def _module_checks(of: str, home: ModuleType, case: Any) -> Iterator[Check]:
    """The checks of a module, in the order in which they are written, each bound to a case."""
    for name, function in vars(home).items():
        if name.startswith("check_") and inspect.isfunction(function) and function.__module__ == home.__name__:
            why = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
            yield Check(of, name, why, lambda function=function: function(case))  # type: ignore[misc]


def examine(some: Iterable[Check]) -> Iterator[Outcome]:
    """Run checks one by one; whatever they raise is an outcome."""
    for check in some:
        try:
            check()
        except NotApplicable as reason:
            yield Outcome(check, "not applicable", str(reason))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may also call sys.exit
            lacks = absent(error)
            yield Outcome(check, "not applicable", lacks) if lacks else Outcome(check, "failed", _line(error))
        else:
            yield Outcome(check, "passed")


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def parametrize(*subjects: Subject, expected_failures: Mapping[str, str] | None = None, **given: Any) -> Any:
    """A mark for a test function that takes `check`: one test for each check of the subjects.

    `expected_failures` gives, by the name of a check, why it is known to fail; the day it passes, the test fails. What
    does not apply is skipped with the reason.
    """
    import pytest

    expected = dict(expected_failures or {})
    found = [check for subject in subjects for check in checks(subject, **given)]
    unknown = sorted(expected.keys() - {check.name for check in found})
    if unknown:
        raise ValueError(f"no such check: {', '.join(unknown)}; there is {', '.join(sorted({c.name for c in found}))}")

    def skipping(check: Check) -> Check:
        def run() -> None:
            try:
                check()
            except NotApplicable as reason:
                pytest.skip(str(reason))

        return Check(check.of, check.name, check.why, run)

    cases = [
        pytest.param(
            skipping(check),
            id=str(check),
            marks=[pytest.mark.xfail(reason=expected[check.name], strict=True)] if check.name in expected else [],
        )
        for check in found
    ]
    return pytest.mark.parametrize("check", cases)
