"""What holds for every test: how the processes are set up in which they run, and those that they start."""

from __future__ import annotations

import compileall
import os
import sys

import curator_plugins

import curator

# Each test process has one core to itself. Left alone, the libraries of each start a thread for every core, and on
# small arrays those threads wait for each other longer than they work. Set before anything imports numpy or torch;
# what tests start inherits it. Tests that are about threads set their number themselves.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Test modules are compiled once as well, and not by each worker of each run.
sys.dont_write_bytecode = False


def pytest_configure(config):
    """Byte code of curator itself, once and before the workers start, also where Python is told to write none."""
    if not hasattr(config, "workerinput"):
        for package in (curator, curator_plugins):
            for folder in package.__path__:
                compileall.compile_dir(folder, quiet=2)
