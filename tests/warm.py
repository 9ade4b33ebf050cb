"""`curator` in processes that are forked from one that has all imported: half a second less each, three with torch.

What is forked is Python with the modules of curator, of its plugins and of the libraries that they use (`LIBRARIES`),
and nothing more: every command runs the same script, reads the entry points and the plugins of its environment anew,
and has its own arguments, folder, environment, streams and exit code. What forking would hide is a module that nobody
imports, and what one finds when it is imported late: where `CURATOR_TESTS_FRESH` is set, nothing is forked, and a slow
test of `golden/` runs every command once in a process of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PACKAGES = ("curator", "curator_plugins")
LIBRARIES = (
    "numpy",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
)
OPTIONAL = ("torchvision", "timm", "open_clip")
"""What the light install does without."""
INSTALLED = ("pyarrow", "openvino", "torch", *OPTIONAL)
"""What some of our modules need and people install for themselves."""
GIVEN = ("CURATOR_", "PYTEST_", "PYTHONPATH", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM")
"""Variables that tests set, by how they begin. Any other could matter while libraries are imported."""

SET_BY_IMPORTS = ("KMP_", "LD_LIBRARY_PATH", "TOKENIZERS_PARALLELISM", "TORCHINDUCTOR_CACHE_DIR")
"""Those that scikit-learn, OpenCV, open_clip and torch set when they are imported, here in a test's own process."""

LONGEST = 100_000
"""Bytes of a request; longer ones do not go through a socket in one piece."""


class Started:
    """A forked command that runs: of `subprocess.Popen`, what tests use."""

    def __init__(self, home: Warm, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._home = home

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._home.ask("poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float = 120) -> int:
        """The exit code; raises `TimeoutExpired`."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(["curator"], timeout)
            time.sleep(0.002)
        return code

    def send_signal(self, number: int) -> None:
        """As `kill` does; nothing once it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As `kill -9` does."""
        self.send_signal(signal.SIGKILL)


class Warm:
    """The process that others are forked from; for one thread."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.environment = dict(os.environ)
        command = [sys.executable, __file__, str(theirs.fileno())]
        # Pipes, as its children get: what Python makes of its streams hangs on what they are when it starts.
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], **pipes)
        theirs.close()
        atexit.register(self.close)

    def takes(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether such a command does here what it would do in a process that is started for it."""
        differ = dict(self.environment.items() ^ environment.items())
        return (
            sum(map(len, command)) < LONGEST / 8
            and all(name.startswith((*GIVEN, *SET_BY_IMPORTS)) for name in differ)
            and not ("PYTHONPATH" in differ and hides(environment.get("PYTHONPATH", "")))
        )

    def ask(self, what: str, streams: Sequence[int] = (), **told: Any) -> Any:
        """Its answer to a request."""
        socket.send_fds(self.channel, [json.dumps({"what": what, **told}).encode()], streams)
        answer = self.channel.recv(64)
        assert answer, f"what commands are forked from is gone: {self.process.communicate()}"
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self.channel.close()
        self.process.communicate()


@functools.cache
def warm() -> Warm | None:
    """The one of this test process, started when it is first asked for; None where nothing is to be forked."""
    return None if os.environ.get("CURATOR_TESTS_FRESH") else Warm()


def start(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    streams: Sequence[int],
    before: Callable[[], None] | None = None,
    terminal: bool = False,
) -> Started | None:
    """Fork a command with these streams, or None where it needs a process that is started for it.

    The command is a script of Python and its arguments. `before` runs in the child, ahead of it, if it is a function of
    a module. `terminal`: the first stream is one, and becomes that of a session of its own, so that Ctrl-C reaches it.
    """
    home = warm()
    if not home or not home.takes(command, environment) or (before and is_inner(before)):
        return None
    ahead = [before.__module__, before.__name__] if before else []
    told = {"command": command, "cwd": os.fspath(cwd), "environment": dict(environment), "terminal": terminal}
    return Started(home, home.ask("start", streams, **told, ahead=ahead))


def ran(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float = 120,
    before: Callable[[], None] | None = None,
) -> tuple[int, bytes, bytes] | None:
    """The exit code, stdout and stderr of a command, as `subprocess.run` gives them, or None as `start`."""
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = pipes = os.pipe(), os.pipe(), os.pipe()
    streams = their_in, their_out, their_err
    process = start(command, cwd, environment, streams, before)
    for descriptor in streams if process else sum(pipes, ()):
        os.close(descriptor)
    if not process:
        return None
    with ThreadPoolExecutor(3) as pool:
        pool.submit(_write, our_in, stdin)
        said = [pool.submit(_read, descriptor) for descriptor in (our_out, our_err)]
        try:
            out, err = (future.result(timeout) for future in said)
        except TimeoutError:
            process.kill()
            raise subprocess.TimeoutExpired(["curator"], timeout) from None
    return process.wait(), out, err


def hides(path: str) -> bool:
    """Whether what lies in these folders would be imported in place of a module that is here, or before all others."""
    folders = filter(os.path.isdir, path.split(os.pathsep))
    names = {entry.split(".")[0] for folder in folders for entry in os.listdir(folder)} - {"__pycache__"}
    return any(name in ("sitecustomize", "usercustomize") or is_here(name) for name in names)


@functools.cache
def is_here(module: str) -> bool:
    """Whether there is a module of this name without a `PYTHONPATH`."""
    return module.isidentifier() and importlib.util.find_spec(module) is not None


def is_inner(function: Callable[[], None]) -> bool:
    """Whether it cannot be found by its name in another process."""
    return function.__qualname__ != function.__name__ or not function.__name__.isidentifier()


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as file:
        file.write(data)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


# --- in the process that is forked ---


def serve(channel: socket.socket) -> dict[str, Any] | None:
    """Answer requests: fork and tell the process id, or how one ended. In a child: the request; at the end None."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, LONGEST, 3)
        if not message:
            return None
        request = json.loads(message)
        if request["what"] == "start":
            answer = os.fork()
            if not answer:
                channel.close()
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
                return dict(request)
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            pid, status = os.waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        channel.send(json.dumps(answer).encode())


def become(
    command: Sequence[str], cwd: str, environment: Mapping[str, str], terminal: bool, ahead: Sequence[str]
) -> None:
    """Be the command, to the end."""
    import numpy as np

    if terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    if ahead:
        module, name = ahead
        getattr(importlib.import_module(module), name)()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    script, *_ = sys.argv = list(command)
    sys.path[0:1] = [os.path.dirname(script), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    np.random.seed()
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise  # Python tells it
        # As Python ends, but for taking all modules to pieces, which would copy what is shared until then.
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code or 0)


def warm_up() -> None:
    """Import all that a command may need, so that none of them does."""
    for library in (*LIBRARIES, *filter(is_here, OPTIONAL)):
        importlib.import_module(library)
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if error.name not in INSTALLED:
                    raise
    # What these libraries tidy up at their end is nothing of a command's.
    atexit._clear()
    weakref.finalize._registry.clear()
    weakref.finalize._registered_with_atexit = False
    gc.collect()
    gc.freeze()  # what is there already is not looked through again by any of them


if __name__ == "__main__":
    warm_up()
    asked = None
    with contextlib.suppress(KeyboardInterrupt):
        asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked:
        become(**{name: value for name, value in asked.items() if name != "what"})
