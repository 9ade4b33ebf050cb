"""What lies in the export of a phone or camera: HEIC, AVIF, raw photos, and pictures with a colour profile."""

from __future__ import annotations

import importlib.util
import io
import struct
from collections.abc import Sequence
from pathlib import Path

HAS_HEIC = importlib.util.find_spec("pillow_heif") is not None
HAS_RAW = importlib.util.find_spec("rawpy") is not None


def halves(width: int = 320, height: int = 240, left: str = "red", right: str = "blue"):
    """A picture of two colours, so that one sees how it is turned."""
    from PIL import Image

    made = Image.new("RGB", (width, height), left)
    made.paste(right, (width // 2, 0, width, height))
    return made


def turned(orientation: int) -> bytes:
    """EXIF that says how a picture is to be turned."""
    from PIL import Image

    said = Image.Exif()
    said[0x0112] = orientation
    return said.tobytes()


def heic(path: Path, image=None, **options) -> bytes:
    """As a phone writes it; returns its bytes."""
    from pillow_heif import from_pillow

    from_pillow(image or halves()).save(path, quality=90, **options)
    return path.read_bytes()


ALPHA, DEPTH = b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:hevc:2015:auxid:2"
GAIN, MATTE = b"urn:com:apple:aux:gainmap0", b"urn:com:apple:aux:a_matte0"
"""What a second picture in a HEIC is, of one length."""


def heic_with(path: Path, kind: bytes, image=None) -> bytes:
    """One that holds a second picture of a kind; returns its bytes."""
    image = (image or halves()).convert("RGBA")
    image.putalpha(image.convert("L"))
    path.write_bytes(heic(path, image).replace(ALPHA, kind))
    return path.read_bytes()


def heic_brighter(path: Path, image, gain, told: bytes = b"as bright as it gets") -> bytes:
    """One with a gain map as ISO 21496-1 says: a hidden picture, and an item that makes more of the two of them."""
    from pillow_heif import from_pillow

    both = from_pillow(image)
    both.add_from_pillow(gain)
    both.save(path, quality=90)
    data = path.read_bytes()
    start = data.index(b"meta") - 4
    size = int.from_bytes(data[start : start + 4], "big")
    meta, end, boxes = data[start + 12 : start + size], len(data), []
    while meta:
        length = int.from_bytes(meta[:4], "big")
        boxes.append(_brighter(meta[4:8], meta[8:length], end + 8, len(told)))
        meta = meta[length:]
    boxes.append(_box(b"iref", bytes(4) + _box(b"dimg", struct.pack(">4H", 3, 2, 1, 2))))
    # What is in the file stays where it is, with its old boxes as something free.
    freed = data[: start + 4] + b"free" + data[start + 8 :]
    path.write_bytes(freed + _box(b"mdat", told) + _box(b"meta", bytes(4) + b"".join(boxes)))
    return path.read_bytes()


def _brighter(name: bytes, body: bytes, place: int, length: int) -> bytes:
    """A box of two items as it is with a third, of which so many bytes lie at this place."""
    if name == b"iloc":
        assert body[:6] == b"\0\0\0\0\x44\x40"
        body = body[:6] + struct.pack(">H", 3) + body[8:] + struct.pack(">HHIHII", 3, 0, 0, 1, place, length)
    if name == b"iinf":
        second = body.rindex(b"infe")
        hidden = body[:second] + b"infe\2\0\0\1" + body[second + 8 :]
        body = bytes(4) + struct.pack(">H", 3) + hidden[6:]
        body += _box(b"infe", b"\2\0\0\0" + struct.pack(">HH4sB", 3, 0, b"tmap", 0))
    return _box(name, body)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def jpeg(image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


GAINS = {
    "Adobe": (0xE1, b'http://ns.adobe.com/xap/1.0/\0<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'),
    "ISO": (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(60)),
    "Apple": (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>urn:com:apple:photo:2020:aux:hdrgainmap</x>"),
}
"""How a JPEG says that it is a gain map: a marker, and what stands behind it."""


def gain_map(image, by: str) -> bytes:
    """A JPEG that says so."""
    marker, said = GAINS[by]
    made = jpeg(image)
    return made[:2] + struct.pack(">BBH", 0xFF, marker, 2 + len(said)) + said + made[2:]


# --- a raw photo: a TIFF whose first directory is the preview, and whose second is what the sensor saw ---

_SIZES, _CODES = {1: 1, 2: 1, 3: 2, 4: 4, 10: 8}, {1: "B", 3: "H", 4: "I", 10: "i"}
_MATRIX = [part for value in (1, 0, 0, 0, 1, 0, 0, 0, 1) for part in (value, 1)]


def dng(image=None, orientation: int = 1, side: int = 32) -> bytes:
    """A DNG of a black sensor of `side` pixels, with the picture as its preview (none: without one)."""
    preview = b"" if image is None else jpeg(image)
    width, height = (side, side) if image is None else image.size
    sensor = bytes(2 * side * side)
    of_sensor = [(256, 4, [side]), (257, 4, [side]), (258, 3, [16]), (259, 3, [1]), (262, 3, [32803]), (277, 3, [1])]
    of_sensor += [(278, 4, [side]), (279, 4, [len(sensor)]), (33421, 3, [2, 2]), (33422, 1, [0, 1, 1, 2])]
    of_sensor += [(50714, 3, [0]), (50717, 4, [65535])]
    of_camera = [(271, 2, b"Maker\0"), (272, 2, b"Model\0"), (274, 3, [orientation]), (50706, 1, [1, 4, 0, 0])]
    of_camera += [(50708, 2, b"Maker Model\0"), (50721, 10, _MATRIX), (50778, 3, [21])]
    of_preview = [(254, 4, [1]), (256, 4, [width]), (257, 4, [height]), (258, 3, [8, 8, 8]), (259, 3, [7])]
    of_preview += [(262, 3, [6]), (277, 3, [3]), (278, 4, [height]), (279, 4, [len(preview)]), (284, 3, [1])]
    start = struct.pack("<2sHI", b"II", 42, 8)
    if image is None:
        tags = [(254, 4, [0]), *of_sensor, *of_camera]
        at = 8 + len(_directory([*tags, (273, 4, [0])], 8))
        return start + _directory([*tags, (273, 4, [at])], 8) + sensor
    first, second = [*of_preview, *of_camera], [(254, 4, [0]), *of_sensor]
    below = 8 + len(_directory([*first, (273, 4, [0]), (330, 4, [0])], 8))
    at = below + len(_directory([*second, (273, 4, [0])], below))
    directories = _directory([*first, (273, 4, [at]), (330, 4, [below])], 8)
    directories += _directory([*second, (273, 4, [at + len(preview)])], below)
    return start + directories + preview + sensor


def _directory(entries: Sequence[tuple], at: int) -> bytes:
    """A TIFF's, with what does not fit into its entries behind it."""
    made, behind = struct.pack("<H", len(entries)), b""
    start = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
        data = values if kind == 2 else b"".join(struct.pack("<" + _CODES[kind], value) for value in values)
        made += struct.pack("<HHI", tag, kind, len(data) // _SIZES[kind])
        made += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", start + len(behind))
        behind += data if len(data) > 4 else b""
    return made + bytes(4) + behind


# --- colour profiles, as ICC.1:2001 says ---

SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
"""Where red, green and blue lie, in XYZ under D50."""


def profile(primaries: Sequence[Sequence[float]] = DISPLAY_P3, gamma: float = 2.2) -> bytes:
    """Of a screen: three primaries and a curve."""
    tags = {name: _xyz(*place) for name, place in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256))
    return _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256))})


def ink_profile() -> bytes:
    """Of a printer all of whose inks are grey: what is printed is as dark as there is ink, and has no colour."""
    corners = [(n >> 3 & 1, n >> 2 & 1, n >> 1 & 1, n & 1) for n in range(16)]
    lab = b"".join(struct.pack(">HHH", round(0xFF00 * (1 - sum(inks) / 4)), 0x8000, 0x8000) for inks in corners)
    line = struct.pack(">HH", 0, 0xFFFF)
    head = struct.pack(">4sIBBBB9i", b"mft2", 0, 4, 3, 2, 0, *(65536 * (n % 4 == 0) for n in range(9)))
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": head + struct.pack(">HH", 2, 2) + line * 4 + lab + line * 3})


def _xyz(x: float, y: float, z: float) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(65536 * value) for value in (x, y, z)))


def _profile(kind: bytes, space: bytes, between: bytes, tags: dict[bytes, bytes]) -> bytes:
    words = struct.pack(">4sII", b"desc", 0, 5) + b"made\0" + bytes(4 + 4 + 2 + 1 + 67)
    rights = struct.pack(">4sI", b"text", 0) + b"none\0"
    tags = {b"desc": words, b"cprt": rights, b"wtpt": _xyz(0.9642, 1, 0.8249), **tags}
    table, data, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, at + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    names = (kind, space, between, b"acsp", b"none")
    head = struct.pack(">I4sI4s4s4s12x4s4s", at + len(data), b"none", 0x02100000, *names)
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data
