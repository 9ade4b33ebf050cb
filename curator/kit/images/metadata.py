"""What the file of a picture tells about it, beside its pixels."""

from __future__ import annotations

import contextlib
import datetime
import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curator.kit.reading import Unreadable, reading

if TYPE_CHECKING:
    from PIL import Image
    from PIL.Image import Exif

__all__ = ["taken", "told_by"]

_TOLD = {
    "camera": (0x010F, 0x0110),  # make, model
    "time": (0x9003,),  # when it was taken
    "place": (0x0001, 0x0002, 0x0003, 0x0004),  # of the IFD of GPS: latitude and longitude
    "words": (0x010E, 0x9286, 0x4746, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F),  # description, comments, rating, keywords, title
    "rights": (0x8298, 0x013B),  # copyright, artist
}
"""By what is told of a picture the tags of EXIF that tell it."""

_DETAILS, _GPS = 0x8769, 0x8825
"""IFDs of EXIF below the first."""

_TIMES = (0x9003, 0x9004, 0x0132)
"""When it was taken, when it was made digital, and when it was last changed: the first of these that is told."""

_XMP = {
    "words": "dc:subject dc:description dc:title xmp:Rating lr:hierarchicalSubject photoshop:Headline",
    "rights": "dc:rights dc:creator xmpRights:UsageTerms photoshop:Credit photoshop:Source",
}
_IPTC = {"words": (5, 25, 105, 120), "rights": (80, 110, 115, 116)}
_TEXTS = ("parameters", "prompt", "workflow", "description", "comment", "title", "keywords", "author", "copyright")
"""How XMP, IPTC, and the text chunks of PNG, call what people or the makers of pictures wrote about them."""

_RIGHTS = ("author", "copyright")


def told_by(image: Image.Image) -> dict[str, frozenset[str]]:
    """What an opened picture tells beside its pixels, by its kind: camera, time, place, words, rights.

    What programs add by themselves (a resolution, a colour profile, their own name) counts for nothing. Raises
    `Unreadable`.
    """
    with reading("its metadata cannot be read"):
        told = [*_by_exif(image), *_by_xmp(image), *_by_iptc(image)]
        info = {str(key).lower(): value for key, value in image.info.items()}
        told += [("rights" if name in _RIGHTS else "words", _text(info.get(name))) for name in _TEXTS]
    found: dict[str, set[str]] = {}
    for kind, text in told:
        if text:
            found.setdefault(kind, set()).add(text)
    return {kind: frozenset(texts) for kind, texts in found.items()}


def taken(image: Image.Image) -> str:
    """When an opened picture was taken, by the clock of the camera: `2026-08-01T14:05:00`; '' where it does not tell.

    It has no zone. Pictures that were scanned or drawn tell when that was. Damaged metadata tell nothing.
    """
    with contextlib.suppress(Unreadable), reading("its metadata cannot be read"):
        exif = _exif(image)
        tags = {**exif, **exif.get_ifd(_DETAILS)}
        for tag in _TIMES:
            if moment := _moment(tags.get(tag)):
                return moment
    return ""


def _moment(value: Any) -> str | None:
    match = re.match(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)", _text(value), re.ASCII)
    try:
        return datetime.datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S").isoformat() if match else None
    except ValueError:  # cameras whose clock was never set say 0000:00:00
        return None


def _exif(image: Image.Image) -> Exif:
    from PIL.Image import Exif

    # Of a PNG that has none before its pixels, Pillow would decode all of these to look behind them.
    return image.getexif() if image.format != "PNG" or "exif" in image.info else Exif()


def _by_exif(image: Image.Image) -> Iterator[tuple[str, str]]:
    exif = _exif(image)
    tags = {**exif.get_ifd(_GPS), **exif.get_ifd(_DETAILS), **exif}
    for kind, wanted in _TOLD.items():
        for tag in wanted:
            yield kind, _text(tags.get(tag))


def _by_xmp(image: Image.Image) -> Iterator[tuple[str, str]]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    for kind, names in _XMP.items():
        for name in names.split():
            for value in re.findall(rf"<{name}\b[^>]*>(.*?)</{name}>", packet, re.DOTALL):
                for one in re.split(r"<[^>]*>", value):
                    yield kind, _text(html.unescape(one))
            for _, value in re.findall(rf"\s{name}=([\"'])(.*?)\1", packet, re.DOTALL):
                yield kind, _text(html.unescape(value))


def _by_iptc(image: Image.Image) -> Iterator[tuple[str, str]]:
    from PIL.IptcImagePlugin import getiptcinfo

    file: Any = image
    said = (getiptcinfo(file) or {}) if image.format in ("JPEG", "MPO", "TIFF") else {}
    for kind, wanted in _IPTC.items():
        for number in wanted:
            values: Any = said.get((2, number), [])
            for one in values if isinstance(values, list) else [values]:
                yield kind, _text(one)


def _text(value: Any) -> str:
    """What a tag holds but for blanks: cameras leave empty comments, with eight bytes for their encoding."""
    if isinstance(value, bytes):
        value = value.removeprefix(b"ASCII\0\0\0").removeprefix(b"UNICODE\0").strip(b" \0")
        try:
            value = value.decode()
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    return " ".join(str(value).strip(" \0").split()) if value is not None else ""
