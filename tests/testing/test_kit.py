"""The contract kit: a good plugin passes it, every check can fail, and its doors say what they saw."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import broken
import pytest

from curator.registry.loader import load_plugins
from curator.testing import NotApplicable, checks, examine, parametrize, specimen
from curator.testing.checks import noun


@parametrize(specimen)
def test_a_good_plugin_passes(check):
    check()


# --- every check has a fake that fails it ---


def failing(subject, name, **given):
    """What `check_NAME` saw of a broken subject; it must have failed, and not by accident."""
    (outcome,) = examine(check for check in checks(subject, **given) if check.name == name)
    assert outcome.state == "failed", outcome
    return outcome.seen


def check_of(spec):
    return "check_" + re.sub(r"-\d$", "", spec.name).replace("-", "_")


@pytest.mark.parametrize("spec", broken.SPECS, ids=lambda spec: f"{noun(spec)}-{spec.name}")
def test_a_broken_spec_fails_its_check(spec, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    seen = failing(spec, check_of(spec))
    assert seen and "\n" not in seen


TOLD = {
    "pretraining-leaves-a-model-3": "it told that 1.5 of its work is done: a share is 0 to 1",
    "pretraining-leaves-a-model-4": "it told that less is done than before",
    "pretraining-leaves-a-model-5": "done is nan, not a number",
    "pretraining-leaves-a-model-6": "held_out is nan, not a number",
    "pretraining-leaves-a-model-7": "done is 'half', not a number",
    "pretraining-leaves-a-model-8": "it told 0.5, not a `Look`",
    "pretraining-leaves-a-model-9": "its unit is '', not a few words",
    "fine-tuning-leaves-a-model-6": "it told that 1.01 of its work is done: a share is 0 to 1",
    "fine-tuning-leaves-a-model-7": "accuracy is nan, not a number",
    "fine-tuning-leaves-a-model-8": "it told 0.5, not a `Tried`",
}


@pytest.mark.parametrize("name", TOLD)
def test_an_author_hears_which_figure_of_progress_is_none(name):
    (spec,) = (spec for spec in broken.SPECS if spec.name == name)
    assert failing(spec, check_of(spec)).splitlines()[0].startswith(TOLD[name])


HOOK = """
from curator.api import EncoderSpec, Resolved, hookimpl

def resolve(variant, weights):
    return Resolved(1)

def load(resolved, device):
    raise NotImplementedError

@hookimpl
def register_encoders():
    return [EncoderSpec("mine", ("text",), "s", resolve, load)]
"""

BROKEN_PLUGINS = {
    "check_loads": (HOOK.replace("return [", "1 / 0\n    return ["), "ZeroDivisionError"),
    "check_names_are_free": (HOOK.replace('"mine"', '"ngram"'), "offers the encoder 'ngram', which plugin 'ngram'"),
    "check_imports_nothing_heavy": ("import numpy\n" + HOOK, "imports numpy"),
    "check_import_is_quiet": ("print('hello from a plugin')\n" + HOOK, "prints 'hello from a plugin'"),
    "check_hooks_repeat": (HOOK.replace("resolve, load)", "lambda *a: 1, load)"), "with another resolve"),
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """`module(source)`: imported under a name of its own."""
    import importlib

    def made(source, name):
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module(name)

    return made


@pytest.mark.parametrize("name", BROKEN_PLUGINS)
def test_a_broken_plugin_fails_its_check(module, name):
    source, words = BROKEN_PLUGINS[name]
    plugin = module(source, f"broken_{name}")
    assert words in failing(plugin, name)
    good = module(HOOK, f"good_{name}")
    states = {outcome.check.name: outcome.state for outcome in examine(checks(good)) if "plugin" in outcome.check.of}
    assert states == dict.fromkeys(BROKEN_PLUGINS, "passed")


def test_a_plugin_that_changes_the_folder_at_import_is_not_quiet(module):
    plugin = module("import os\nos.chdir('/')\n" + HOOK, "broken_leaving")
    assert "current folder" in failing(plugin, "check_import_is_quiet")


def test_every_check_has_such_a_fake():
    of_specs = {(noun(spec), check_of(spec)) for spec in broken.SPECS}
    of_plugins = {("plugin", name) for name in BROKEN_PLUGINS}
    every = {(check.of.split()[0], check.name) for check in checks(specimen)}
    every |= {("action", check.name) for spec in broken.ACTIONS[:1] for check in checks(spec)}
    every |= {("exporter", check.name) for spec in broken.EXPORTERS[:1] for check in checks(spec)}
    assert of_specs | of_plugins == every


def test_every_check_says_why_it_matters():
    for check in [*checks(specimen), *checks(broken.ACTIONS[0])]:
        assert len(check.why) > 40 and check.why.endswith("."), check.name


# --- the doors ---


def test_an_installed_plugin_is_checked_as_it_is_installed():
    loaded = load_plugins()
    (plugin,) = (plugin for plugin in loaded.plugins if plugin.origin.entry_point == "folder")
    outcomes = list(examine(checks(plugin)))
    assert {outcome.state for outcome in outcomes} <= {"passed", "not applicable"}
    assert {outcome.check.of for outcome in outcomes} == {"plugin folder", "reader folder"}


def test_a_plugin_that_exits_is_an_outcome():
    spec = broken.encoder("exits", encode=lambda self, batch: sys.exit("enough"))
    seen = {outcome.check.name: outcome.seen for outcome in examine(checks(spec))}
    assert seen["check_vectors_are_finite_float32"] == "SystemExit: enough"


def test_what_needs_the_module_does_not_apply_to_a_spec_alone():
    spec = broken.encoder("nowhere")
    (check,) = (check for check in checks(spec) if check.name == "check_another_process_agrees")
    with pytest.raises(NotApplicable, match="module"):
        check()


@pytest.mark.slow
def test_weights_that_are_not_here_leave_nothing_to_look_at():
    from curator_plugins.encoders import resnet

    states = {outcome.check.name: outcome for outcome in examine(checks(resnet.SPECS[0]))}
    assert states["check_works_without_network"].state == "passed"
    assert states["check_rows_belong_to_items"].state == "not applicable"
    assert "its weights are not here" in states["check_rows_belong_to_items"].seen


@dataclass(frozen=True)
class Ratio:
    ratio: float


def test_an_action_that_needs_what_nobody_can_think_of_does_not_apply():
    spec = dataclasses.replace(broken.ACTIONS[0], params=Ratio)
    outcomes = list(examine(checks(spec)))
    assert {outcome.state for outcome in outcomes} == {"not applicable"}
    assert all("needs a value for ratio" in outcome.seen for outcome in outcomes)
    assert {o.state for o in examine(checks(spec, arguments={"ratio": 0.5}))} == {"failed"}  # it is a broken one


def pytest_on(folder, source):
    (folder / "test_it.py").write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_door_of_pytest(tmp_path):
    done = pytest_on(
        tmp_path,
        f"""
        import sys
        sys.path.insert(0, {str(broken.__file__.rsplit("/", 1)[0])!r})
        import broken
        from curator.testing import parametrize

        @parametrize(broken.HEADS[5], expected_failures={{"check_refit_forgets": "remembers"}})
        def test_contract(check):
            check()

        @parametrize(broken.HEADS[2])
        def test_other(check):
            check()
        """,
    )
    assert "XFAIL test_it.py::test_contract[check_refit_forgets[head-refit-forgets]] - remembers" in done.stdout
    assert "FAILED test_it.py::test_other[check_classes_keep_their_order" in done.stdout
    assert "PASSED test_it.py::test_contract[check_seed_decides[head-refit-forgets]]" in done.stdout


def test_an_expected_failure_must_fail_and_must_exist(tmp_path):
    done = pytest_on(
        tmp_path,
        """
        from curator.testing import parametrize, specimen

        @parametrize(specimen, expected_failures={"check_loads": "it does"})
        def test_contract(check):
            check()
        """,
    )
    assert "XPASS(strict)" in done.stdout and done.returncode == 1
    with pytest.raises(ValueError, match="no such check: check_nothing"):
        parametrize(specimen, expected_failures={"check_nothing": "why"})
