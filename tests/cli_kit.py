"""The real command in processes of its own, and small files to give to it."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import sqlite3
import struct
import subprocess
import sys
import termios
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import described
import pytest
import warm

from curator.store import derived_layouts
from curator.store.migrations import statements

CURATOR = shutil.which("curator", path=os.path.dirname(sys.executable)) or "curator"

PR_CAPBSET_DROP, CAPABILITY_VERSION = 24, 0x20080522
RIGHTS = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    def assert_failed(self, code: int, *words: str) -> str:
        """Hold it to one line that says all of `words`, beside that exit code; returns the line."""
        lines = self.err.splitlines()
        assert (self.code, len(lines)) == (code, 1), self
        return self._error(words)

    def assert_ended(self, code: int, *words: str) -> str:
        """As `assert_failed`, where lines about single files may come before the last one."""
        assert self.code == code, self
        return self._error(words)

    def _error(self, words: tuple[str, ...]) -> str:
        assert "Traceback" not in self.err, self
        line = self.err.splitlines()[-1]
        assert line.startswith("Error: ") and self.err.count("Error: ") == 1, self
        for word in words:
            assert word in line, (word, self)
        return line

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What it printed with `--json`, of one kind."""
        return [row for row in map(json.loads, self.out.splitlines()) if row["kind"] == kind]

    def row(self, kind: str) -> dict[str, Any]:
        """The only one of a kind."""
        (row,) = self.rows(kind)
        return row


def type_checked(*modules: Path) -> None:
    """Hold modules to the types that curator itself is held to, and with the cache of that: it takes half a minute."""
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", *map(str, modules)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what points curator to a workspace."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CURATOR_")}
    return {**kept, **(more or {})}


def curator(
    *args: str | bytes | Path,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Ran:
    """Run the installed command and wait for it. `before` runs in the child, ahead of it.

    Rows that it prints with `--json` are held to what `curator describe` says of them.
    """
    ran = script(CURATOR, *args, cwd=cwd, stdin=stdin, env=env, before=before)
    described.hold([*map(os.fsdecode, args)], ran.out)
    return ran


def script(
    *command: str | bytes | Path,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Ran:
    """Run a script of Python with its arguments, as `curator`."""
    environ = environment(env)
    found = warm.ran([*map(os.fsdecode, command)], cwd, environ, stdin, 120, before)
    if found is None:
        done = subprocess.run(
            [*([sys.executable] if command[0] != CURATOR else []), *command],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            env=environ,
            preexec_fn=before,
            timeout=120,
        )
        found = done.returncode, done.stdout, done.stderr
    code, out, err = found
    return Ran(code, out.decode(), err.decode())


def started(
    args: Sequence[str], cwd: Path, environ: Mapping[str, str], streams: Sequence[int], terminal: bool = False
) -> subprocess.Popen[bytes] | warm.Started:
    """Run the command with these streams, which are closed here, and do not wait for it.

    `terminal`: the first of them is one, and becomes that of a session of its own, so that Ctrl-C reaches it.
    """
    command = [CURATOR, *args]
    process = warm.start(command, cwd, environ, streams, terminal=terminal) or subprocess.Popen(
        command,
        cwd=cwd,
        **dict(zip(("stdin", "stdout", "stderr"), streams, strict=True)),
        env=environ,
        start_new_session=terminal,
        preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if terminal else None,
    )
    for stream in streams:
        os.close(stream)
    return process


def curator_here(*args: str) -> Ran:
    """Run the command in this process, where what is heavy may be loaded already."""
    from click.testing import CliRunner

    from curator.cli import cli

    result = CliRunner().invoke(cli, args, prog_name="curator")
    described.hold(args, result.stdout)
    return Ran(result.exit_code, result.stdout, result.stderr)


def at_terminal(*args: str, cwd: Path, stdout: Any = None, env: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Run the command at a terminal; its exit code and all that the terminal got. `stdout`: where that goes instead."""
    ours, theirs = pty.openpty()
    environ = environment({"TERM": "xterm-256color", **(env or {})})
    out = theirs if stdout is None else stdout
    process = started(args, cwd, environ, (os.dup(0), os.dup(out if isinstance(out, int) else out.fileno()), theirs))
    shown = b""
    with contextlib.suppress(OSError):  # Linux raises it when the last writer is gone
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    return process.wait(), shown


class AtTerminal:
    """The command at a terminal, with somebody who reads and types; its output is all that the terminal got."""

    def __init__(self, *args: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.shown = ""
        self._seen = 0
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environ = environment({"TERM": "xterm-256color", **(env or {})})
        self.process = started(args, cwd, environ, (theirs, os.dup(theirs), os.dup(theirs)), terminal=True)

    def until(self, text: str) -> str:
        """Read until this is shown, after what was read before; returns what is new."""
        while text not in self.shown[self._seen :]:
            piece = self._read()
            assert piece, f"{text!r} never came: {self.shown[self._seen :]!r}"
            self.shown += piece
        before, self._seen = self._seen, self.shown.index(text, self._seen) + len(text)
        return self.shown[before : self._seen]

    def type(self, line: str, enter: str = "\r") -> None:
        """Type a line, with Enter; `enter=""` for a key such as Ctrl-C alone."""
        os.write(self._ours, f"{line}{enter}".encode())

    def end(self) -> tuple[int, str]:
        """Read to the end; the exit code, and what came since the last `until`."""
        while piece := self._read():
            self.shown += piece
        os.close(self._ours)
        return self.process.wait(60), self.shown[self._seen :]

    def kill(self) -> None:
        """As `kill -9` does."""
        self.process.kill()
        self.end()

    def _read(self) -> str:
        ready, _, _ = select.select([self._ours], [], [], 60)
        assert ready, f"nothing for a minute after {self.shown[self._seen :]!r}"
        try:
            return os.read(self._ours, 65536).decode("utf-8", "replace")
        except OSError:  # Linux raises it when the last writer is gone
            return ""


def obey_permissions() -> None:
    """Take from root, in the child and all that it runs, the right to pass over file permissions."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header = struct.pack("Ii", CAPABILITY_VERSION, 0)
        held = ctypes.create_string_buffer(24)  # effective, permitted and inheritable, the first 32; the others so
        taken = [libc.prctl(PR_CAPBSET_DROP, one, 0, 0, 0) for one in RIGHTS]  # from what it runs
        taken.append(libc.capget(header, held))
        words = list(struct.unpack("6I", held.raw))
        words[:2] = [word & ~sum(1 << one for one in RIGHTS) for word in words[:2]]
        taken.append(libc.capset(header, struct.pack("6I", *words)))  # from itself
        if any(taken):
            raise OSError(ctypes.get_errno(), "prctl or capset")


def permissions_hold(folder: Path) -> bool:
    """Whether `obey_permissions` works here."""
    probe = folder / "probe"
    probe.touch(mode=0)
    command = [sys.executable, "-c", f"open({str(probe)!r})"]
    try:
        return subprocess.run(command, preexec_fn=obey_permissions, capture_output=True).returncode != 0
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        probe.unlink()


def photo(path: str | bytes | Path, seed: int, size: int = 32) -> None:
    """A small JPEG of noise."""
    from PIL import Image

    pixels = random.Random(seed).randbytes(3 * size * size)
    with open(path, "wb") as file:
        Image.frombytes("RGB", (size, size), pixels).save(file, "JPEG")


def truncated_photo(path: Path, seed: int) -> None:
    """A JPEG with a whole header and half of its data."""
    photo(path, seed, 200)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


FILMS = {"TIFF": "tif", "GIF": "gif", "WEBP": "webp", "PNG": "png", "MPO": "mpo"}
"""The formats of several pages or frames that Pillow writes, and their endings."""


def film(path: Path, kind: str, seed: int = 0, pages: int = 3, size: int = 24) -> bytes:
    """A picture of several pages or frames of noise; returns its bytes."""
    from PIL import Image

    chance = random.Random(seed)
    first, *others = [Image.frombytes("RGB", (size, size), chance.randbytes(3 * size * size)) for _ in range(pages)]
    first.save(path, kind, save_all=True, append_images=others)
    return path.read_bytes()


def scan_with_a_damaged_second_page(path: Path, seed: int = 0) -> None:
    """A TIFF of three pages, of whose second the directory (its number of entries, and these) is lost."""
    data = bytearray(film(path, "TIFF", seed))
    order = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, first)
    (second,) = struct.unpack_from(order + "I", data, first + 2 + 12 * entries)
    (entries,) = struct.unpack_from(order + "H", data, second)
    data[second + 2 : second + 2 + 12 * entries] = bytes(12 * entries)
    path.write_bytes(data)


def kind_of(path: Path) -> str:
    """The format of a picture, all of it decoded."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return str(image.format)


def bomb(path: Path) -> None:
    """A PNG of under 100 bytes that says it has ten thousand megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10)))


def texts(folder: Path, count: int, about: str = "cats and dogs") -> Path:
    """A folder of texts, each different."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        (folder / f"{number}.txt").write_text(f"text number {number} is about {about}", encoding="utf-8")
    return folder


def in_a_copy(base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`curator_here` in a folder with a copy of the workspace of another."""
    shutil.copytree(base / "workspace", folder / "workspace")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return curator_here


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def earlier_cache(path: Path, layout: int) -> None:
    """Take from a cache what later layouts made, as an earlier curator left it."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for script in reversed(list(derived_layouts.STEPS.values())[layout:]):
            for kind, name in reversed(re.findall(r"^CREATE (TABLE|TRIGGER) (\w+)", script, re.MULTILINE)):
                database.execute(f"DROP {kind} {name}")
        earlier = [line for script in list(derived_layouts.STEPS.values())[:layout] for line in statements(script)]
        for script in list(derived_layouts.STEPS.values())[layout:]:
            for name in re.findall(r"^DROP TABLE (\w+)", script, re.MULTILINE):  # empty, as after a while nobody knows
                tables = [line for line in earlier if re.search(rf"CREATE TABLE {name}\b", line)]
                indexes = [line for line in earlier if re.search(rf"CREATE INDEX .*? ON {name}\b", line, re.DOTALL)]
                for line in (*tables[-1:], *indexes):  # the last one: a step may have made it anew
                    database.execute(line)
        database.execute("DROP TABLE _sqlite_migrations")
        database.execute(f"PRAGMA user_version = {layout}")


def damage_page(path: Path, table: str) -> None:
    """Write over the first page of a table, as a failing disk would."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(range(256)))
