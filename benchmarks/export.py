"""What exports cost at size: processor time for each item, memory, and what is done again after a kill.

    python benchmarks/export.py 10000 100000 --home /tmp/export

The pictures are of 8 x 8 pixels, each of its own, in 100 folders that are their classes, with made-up vectors of 64
numbers. Each export is a process of its own, into a new folder on the same disk; "after a kill" is one that is killed
half way through its files (SIGKILL) and begun again, and the seconds are those of the second. A control copies the same
files with shutil. Every folder is held to its list of hashes afterwards (`curator check`).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np

CURATOR = str(Path(sys.executable).with_name("curator"))
FORMATS = ("csv", "jsonl", "coco", "imagefolder", "webdataset", "vectors")
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
COPY = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], copy_function=shutil.copyfile)"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(number: int) -> bytes:
    """A PNG of 8 x 8 pixels, unlike that of any other number."""
    line = b"\0" + number.to_bytes(4, "big") * 6
    size = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(line * 8)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def make(home: Path, count: int) -> None:
    """The workspace, unless it is there."""
    if (home / "made").exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    names = [f"photos/{number % 100:02}/{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        if number < 100:
            (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes(picture(number))
    run(home, "add", "photos", "--labels-from-folders", "--group", "kind", "--no-encode")
    np.save(home / "vectors.npy", np.random.default_rng(0).normal(size=(count, 64)).astype(np.float32))
    with (home / "vectors.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path"], *[[home / name] for name in names]])
    run(home, "import", "--vectors", "vectors.npy", "--ids", "vectors.csv", "--space", "made-up")
    (home / "made").touch()


def run(home: Path, *command: str) -> None:
    done = subprocess.run([CURATOR, *command], cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr}")


def measured(home: Path, *command: str) -> tuple[float, float]:
    """Processor seconds of a command, and the most MB that it held."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], cwd=home, capture_output=True, text=True, check=True
    )
    code, seconds, memory = done.stdout.split()
    if code != "0":
        sys.exit(f"{command}: {done.stderr}")
    return float(seconds), float(memory)


def exporting(name: str) -> list[str]:
    by = ["-e", "imported:made-up"] if name == "vectors" else ["--by", "kind"]
    return [CURATOR, "export", "out", "--format", name, *by]


def files_below(home: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(home)) - 1


def killed_half_way(home: Path, count: int, name: str) -> None:
    """Begin an export, and kill it when half of its files are there."""
    before = files_below(home)
    with subprocess.Popen(exporting(name), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and files_below(home) < before + count // 2:
            time.sleep(0.2)
        if process.poll() is not None:
            sys.exit(f"{name} was done before it could be killed")
        process.send_signal(signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--home", type=Path, required=True, help="a folder for the workspaces, on the disk to try")
    parser.add_argument("--formats", default=",".join(FORMATS))
    given = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()[0]}))
    for count in given.counts:
        home = (given.home / str(count)).absolute()
        make(home, count)
        for name in given.formats.split(","):
            report(name, count, *measured(home, *exporting(name)))
            if name == "imagefolder":
                shutil.rmtree(home / "out")
                killed_half_way(home, count, name)
                report(f"{name}, after a kill", count, *measured(home, *exporting(name)))
            report("  check", count, *measured(home, CURATOR, "check", "out"))
            shutil.rmtree(home / "out")
        report("shutil.copyfile of all", count, *measured(home, sys.executable, "-c", COPY, "photos", "out"))
        shutil.rmtree(home / "out")


def report(what: str, count: int, seconds: float, memory: float) -> None:
    print(
        f"{count:9,} {what:28} {seconds:8.1f} CPU s {seconds / count * 1e6:7.0f} us each {memory:6.0f} MB", flush=True
    )


if __name__ == "__main__":
    main()
