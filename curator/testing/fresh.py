"""What has to be seen in a process of its own: what an import pulls in, and that vectors and states are the same there.

The process is told what to do in a JSON file, and answers in another.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curator.testing.given import NotApplicable

SECONDS = 300
"""So long a plugin may take; loading a large network from a slow disk can take minutes."""

START = "import sys; from curator.testing.fresh import work; work(sys.argv[1])"


def run_task(task: str, folder: Path, **told: Any) -> dict[str, Any]:
    """What a fresh process answers to a task, a function of this module; with what it printed as `printed`.

    Raises `AssertionError` where the process failed.
    """
    (folder / "told.json").write_text(json.dumps({"task": task, **told}))
    # The hash seed is another one: what hangs on the order of a set shows.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "11"}
    done = subprocess.run(
        [sys.executable, "-c", START, str(folder)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
        cwd=folder,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise AssertionError(f"in a new process: {said[-1] if said else f'exit code {done.returncode}'}")
    return {**json.loads((folder / "answer.json").read_text()), "printed": done.stdout + done.stderr}


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """An empty folder for a while."""
    with tempfile.TemporaryDirectory(prefix="curator-check-") as name:
        yield Path(name).resolve()


def require_module(module: str) -> str:
    """The module of a plugin, for a new process; raises `NotApplicable` where only a spec is known."""
    if not module:
        raise NotApplicable("needs the plugin's module, to find it in a new process: check the module, not the spec")
    return module


# --- in the other process ---


def work(name: str) -> None:
    """Do what the folder says."""
    here = Path(name)
    told = json.loads((here / "told.json").read_text())
    answer = TASKS[told["task"]](here, told)
    (here / "answer.json").write_text(json.dumps(answer))


def imports(here: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """The packages that come with a plugin, how many modules, and whether the current folder stayed."""
    import importlib
    import warnings

    importlib.import_module("curator.api")  # what every plugin imports is not its doing
    # An old name of curator's own goes on to work until it goes: its warning is no fault of the plugin's.
    warnings.filterwarnings("ignore", r"curator\.\S+ is now ", FutureWarning)
    before = set(sys.modules)
    importlib.import_module(told["module"].partition(":")[0])
    new = set(sys.modules) - before
    return {
        "packages": sorted({name.partition(".")[0] for name in new}),
        "modules": len(new),
        "stayed": Path.cwd() == here,
    }


def vectors(here: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """Load an encoder and keep what it makes of `pixels.npy`, else of the texts."""
    import numpy as np

    from curator.api import EncoderSpec, ImageBatch, TextBatch

    spec = _spec(EncoderSpec, told)
    weights = told["weights"]
    resolved = spec.resolve(told["variant"], Path(weights) if weights else None)
    encoder = spec.load(resolved, "cpu")
    batch = ImageBatch(np.load(here / "pixels.npy")) if told["texts"] is None else TextBatch(told["texts"])
    np.save(here / "vectors.npy", encoder.encode(batch))
    return {}


def probabilities(here: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """Restore a head and keep what it says of `rows.npy`."""
    import numpy as np

    from curator.api import HeadSpec
    from curator.registry.parameters import bind

    spec = _spec(HeadSpec, told)
    head = spec.load(bind(spec.params, told["options"]))
    with np.load(here / "state.npz", allow_pickle=False) as state:
        head.restore(dict(state))
    np.save(here / "probabilities.npy", head.predict(np.load(here / "rows.npy")))
    return {}


def transformed(here: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """Restore a metric and keep what it makes of `rows.npy`."""
    import numpy as np

    from curator.api import MetricSpec

    metric = _spec(MetricSpec, told).load()
    with np.load(here / "state.npz", allow_pickle=False) as state:
        metric.restore(dict(state))
    np.save(here / "transformed.npy", metric.transform(np.load(here / "rows.npy")))
    return {}


def _spec(kind: Any, told: Mapping[str, Any]) -> Any:
    from importlib import metadata

    from curator.registry.loader import load_plugins

    loaded = load_plugins([metadata.EntryPoint("checked", told["module"], "curator")])
    for failure in loaded.failures:
        raise RuntimeError(failure.reason)
    return loaded.get(kind, told["name"])


TASKS = {"imports": imports, "vectors": vectors, "probabilities": probabilities, "transformed": transformed}
