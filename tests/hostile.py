"""Files as a failing disk, a cut-off download or an enemy leaves them: sound ones of every kind, and mutations."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import itertools
import json
import random
import signal
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import phone

TEXT = "A cat sat on the mat; 猫坐在垫子上。 «Кот» naïve\n"
CHINESE = "一只猫坐在垫子上，看着窗外的天空：今天的天气很好。\n"
"""What older encodings are told by: characters that are usual in texts."""
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "latin-1")
ENDINGS = {"HEIF": "heic", "JPEG": "jpg", "JPEG2000": "jp2", "TIFF": "tif"}
WITH_EXIF = ("AVIF", "HEIF", "JPEG", "PNG", "WEBP", "TIFF")


def pictures() -> dict[str, bytes]:
    """A small picture in every format that Pillow writes, reads by itself, and curator takes; by file name."""
    from PIL import Image

    from curator.kit.images.formats import FOREIGN

    Image.init()
    found = {}
    if phone.HAS_HEIC:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if phone.HAS_RAW:
        found["preview.dng"] = phone.dng(phone.halves(40, 24), 6)
    for kind in sorted(Image.SAVE.keys() & Image.OPEN.keys() - FOREIGN):
        for mode in ("RGB", "L", "P", "RGBA", "1", "I;16", "CMYK"):
            for many in (False, True):
                data = _picture(kind, mode, many)
                if data:
                    name = f"{kind}-{mode}{'-film' * many}.{ENDINGS.get(kind, kind.lower())}".replace(";", "")
                    found.setdefault(name, data)
    return found


def _picture(kind: str, mode: str, many: bool) -> bytes:
    """What Pillow writes; nothing where it cannot."""
    from PIL import Image

    chance = random.Random(f"{kind} {mode}")
    first, second = (Image.frombytes("RGB", (40, 24), chance.randbytes(2880)) for _ in range(2))
    said = Image.Exif()
    said[0x0112] = 6
    silent = kind not in WITH_EXIF or (kind == "AVIF" and many)  # where Pillow 13 crashes: it writes, we only read
    options = {"save_all": True, "append_images": [second]} if many else {}
    file = io.BytesIO()
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = first.convert("L").convert(mode) if mode == "I;16" else first.convert(mode)
        if not many or kind in Image.SAVE_ALL:
            image.save(file, kind, exif=b"" if silent else said.tobytes(), **options)
            return file.getvalue()
    return b""


def _text(encoding: str) -> str:
    return CHINESE if encoding == "gb18030" else TEXT


def _rows(text: str) -> list[dict[str, str | int]]:
    return [{"text": f"{text.strip()} {n}", "label": "a,b" if n % 3 else 'c"d', "number": n} for n in range(30)]


def texts() -> dict[str, bytes]:
    return {f"{name}.txt": (_text(name) * 20).encode(name, "replace") for name in ENCODINGS}


def tables() -> dict[str, bytes]:
    """The same rows in every format of tables that can be read here."""
    found = {}
    for name, (ending, delimiter) in itertools.product(ENCODINGS, (("csv", ","), ("tsv", "\t"))):
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, ["text", "label", "number"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(_rows(_text(name)))
        found[f"{name}.{ending}"] = file.getvalue().encode(name, "replace")
    rows = _rows(TEXT)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    found |= {"rows.jsonl": lines.encode(), "deep.jsonl": lines.encode() + b"[" * 3000 + b"]" * 3000 + b"\n"}
    if importlib.util.find_spec("pyarrow"):
        import pyarrow
        from pyarrow import parquet

        for compression in ("snappy", "none", "zstd"):
            written = io.BytesIO()
            parquet.write_table(pyarrow.Table.from_pylist(rows), written, compression=compression)
            found[f"{compression}.parquet"] = written.getvalue()
    return found


def weights() -> dict[str, bytes]:
    """The same tensors as checkpoints come."""
    import torch
    from safetensors.torch import save

    state = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3)}
    found = {"model.safetensors": save(state)}
    for name, zipped in (("zipped.pt", True), ("legacy.pt", False)):
        file = io.BytesIO()
        torch.save({"state_dict": state}, file, _use_new_zipfile_serialization=zipped)
        found[name] = file.getvalue()
    return found


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One of what befalls files: flipped bits, a cut, another's header, chunks again, numbers that are huge."""
    damage = chance.choice((_flipped, _flipped, _cut, _spliced, _repeated, _huge, _huge, _zeroed))
    return damage(bytearray(data), others, chance)


def _flipped(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    near = chance.random() < 0.5  # where headers are
    for _ in range(chance.choice((1, 2, 8, 64))):
        at = chance.randrange(min(len(data), 200) if near else len(data))
        data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def _cut(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(1, len(data))])


def _spliced(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    head = chance.choice(others)
    return head[: chance.randrange(1, min(len(head), 300))] + bytes(data[chance.randrange(len(data)) :])


def _repeated(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    chunk = data[start : start + chance.randrange(1, 200)]
    return bytes(data[:start] + chunk * chance.choice((2, 20, 200)) + data[start:])


def _huge(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    """A number of two, four or eight bytes, of those that make sizes, counts and offsets overflow."""
    size, code = chance.choice(((2, "H"), (4, "I"), (8, "Q")))
    top = (1 << 8 * size) - 1
    value = chance.choice((0, 1, top, top >> 1, (top >> 1) + 1, top >> 4, 10_000 % top))
    at = chance.randrange(min(len(data), 400))
    data[at : at + size] = struct.pack(chance.choice("<>") + code, value)
    return bytes(data)


def _zeroed(data: bytearray, others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = min(chance.choice((16, 512)), len(data) - start)
    data[start : start + length] = bytes(length)
    return bytes(data)


def damaged(sound: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many mutations, of each file the same number; name and bytes."""
    chance, names = random.Random(seed), list(sound)
    for number in range(count):
        name = names[number % len(names)]
        data = sound[name]
        for _ in range(chance.choice((1, 1, 2))):
            data = mutated(data, list(sound.values()), chance)
        yield name, data


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """A KeyboardInterrupt, which no door may keep, comes after so long by the processor, or ten times as long."""

    def ring(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, seconds), signal.SIGALRM: (signal.ITIMER_REAL, 10 * seconds)}
    before = {number: signal.signal(number, ring) for number in timers}
    try:
        for timer, after in timers.values():
            signal.setitimer(timer, after)
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
