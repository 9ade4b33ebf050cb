"""Formats of pictures: which files are some by their names, and which decoders are asked about a file."""

from __future__ import annotations

import functools
import os

from curator.kit.reading import Unreadable

__all__ = ["FOREIGN", "HEAD", "HEIF", "RAW", "asked", "endings", "named", "read_whole"]

FOREIGN = frozenset({"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that Pillow only recognises, or decodes by running another program (EPS: Ghostscript)."""

HEIF = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"})
"""Endings of what phones write."""
RAW = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
"""Endings of what cameras write of their sensors; a phone's is a DNG. `.raw` may be anything."""
JXL = ".jxl"

HEAD = 12
"""Bytes at the start of a file that tell the formats apart which Pillow does not read by itself."""
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
_COMMON = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF"}
"""What no other decoder takes, by how it begins: to load all of them takes as long as to decode a photo."""


@functools.cache
def endings() -> frozenset[str]:
    """The endings of all pictures that somebody may mean, in lower case; what one is told that lacks its decoder."""
    from PIL import Image

    pillow = Image.registered_extensions()
    own = {end for end, format_ in pillow.items() if format_ in Image.OPEN and format_ not in FOREIGN}
    return frozenset(own | HEIF | RAW | {JXL})


def asked(head: bytes) -> tuple[str, ...]:
    """The formats of Pillow's that a file with such a start may be in; raises `Unreadable` where a decoder is lacking.

    A file of any name may hold any format, and the foreign ones are not even asked.
    """
    if head.startswith(_JXL_STARTS):
        raise Unreadable("JPEG XL, which curator does not read: save it in another format")
    for start, name in _COMMON.items():
        if head.startswith(start):
            return (name,)
    if head[4:8] != b"ftyp":
        return _own()
    if head[8:12] in _HEIF_BRANDS:
        _add_heif()
        return ("HEIF", "AVIF")
    return ("AVIF",)


@functools.cache
def _own() -> tuple[str, ...]:
    """Those that Pillow decodes by itself, in the order in which it asks."""
    from PIL import Image

    Image.init()
    return tuple(name for name in Image.ID if name not in FOREIGN and name != "HEIF")


@functools.cache
def _add_heif() -> None:
    """Let Pillow read HEIC, with what phones take photos.

    One thread for each, since several are decoded side by side; and never the small picture that lies in the file
    beside the large one: what an encoder sees is the picture.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise Unreadable("HEIC, which needs pillow-heif: pip install pillow-heif") from error
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def read_whole(head: bytes) -> bool:
    """Whether a decoder reads a file with such a start into memory before it looks at anything."""
    return head[4:8] == b"ftyp" or head[:4] == b"RIFF"


def named(path: str | os.PathLike[str]) -> str:
    """The ending of a path, in lower case."""
    return os.path.splitext(os.fsdecode(path))[1].lower()
