"""`curator` in processes that are forked from one that has scikit-learn imported: a second less where it is needed.

What is forked is Python with libraries of others (`LIBRARIES`) and nothing of curator, so that every command still
imports curator itself, from the same script, with its own arguments, folder, environment, streams and exit code. What
forking would hide is a module of these libraries that nobody imports, and what hangs on the order of a set: where
`CURATOR_TESTS_FRESH` is set, as in CI, nothing is forked.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
)
GIVEN = ("CURATOR_", "PYTEST_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM")
"""Variables that tests set, by how they begin. Any other could matter while libraries are imported."""

SET_BY_IMPORTS = ("KMP_", "LD_LIBRARY_PATH", "TOKENIZERS_PARALLELISM", "TORCHINDUCTOR_CACHE_DIR")
"""Those that scikit-learn, OpenCV, open_clip and torch set when they are imported, here in a test's own process."""

LONGEST = 100_000
"""Bytes of a request; longer ones do not go through a socket in one piece."""


class Warm:
    """The process that others are forked from; `run` is for one thread."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.environment = dict(os.environ)
        command = [sys.executable, __file__, str(theirs.fileno())]
        # Pipes, as its children get: what Python makes of its streams hangs on what they are when it starts.
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], **pipes)
        theirs.close()
        atexit.register(self.close)

    def takes(self, request: bytes, environment: Mapping[str, str]) -> bool:
        """Whether such a command does here what it would do in a process that is started for it."""
        differ = dict(self.environment.items() ^ environment.items())
        return len(request) < LONGEST and all(name.startswith((*GIVEN, *SET_BY_IMPORTS)) for name in differ)

    def run(self, request: bytes, stdin: bytes, timeout: float) -> tuple[int, bytes, bytes]:
        """The exit code, stdout and stderr, as `subprocess.run` gives them; so does it raise `TimeoutExpired`."""
        (their_in, our_in), (our_out, their_out), (our_err, their_err) = os.pipe(), os.pipe(), os.pipe()
        socket.send_fds(self.channel, [request], [their_in, their_out, their_err])
        for descriptor in (their_in, their_out, their_err):
            os.close(descriptor)
        pid = self._told()
        with ThreadPoolExecutor(3) as pool:
            pool.submit(_write, our_in, stdin)
            said = [pool.submit(_read, descriptor) for descriptor in (our_out, our_err)]
            try:
                out, err = (future.result(timeout) for future in said)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._told()
                raise subprocess.TimeoutExpired(["curator"], timeout) from None
        return self._told(), out, err

    def close(self) -> None:
        """End it."""
        self.channel.close()
        self.process.communicate()

    def _told(self) -> int:
        number = self.channel.recv(32)
        assert number, f"what commands are forked from is gone: {self.process.communicate()}"
        return int(number)


@functools.cache
def warm() -> Warm | None:
    """The one of this test process, started when it is first asked for; None where nothing is to be forked."""
    return None if os.environ.get("CURATOR_TESTS_FRESH") else Warm()


def ran(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], stdin: bytes, timeout: float
) -> tuple[int, bytes, bytes] | None:
    """What a command did, or None where it needs a process that is started for it."""
    told = {"command": command, "cwd": os.fspath(cwd), "environment": dict(environment)}
    request = json.dumps(told).encode()
    found = warm()
    return found.run(request, stdin, timeout) if found and found.takes(request, environment) else None


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as file:
        file.write(data)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


# --- in the process that is forked ---


def serve(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each request and tell the process id, then its exit code. In the child: the request; at the end None."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, LONGEST, 3)
        if not message:
            return None
        pid = os.fork()
        if not pid:
            channel.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            return dict(json.loads(message))
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(str(pid).encode())
        channel.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def become(request: dict[str, Any]) -> None:
    """Be the command, to the end."""
    import numpy as np

    script, *_ = sys.argv = request["command"]
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = os.path.dirname(script)
    np.random.seed()
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # what is there already is not looked through again by any of them
    asked = None
    with contextlib.suppress(KeyboardInterrupt):
        asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked:
        become(asked)
