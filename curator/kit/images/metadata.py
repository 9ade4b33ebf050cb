"""What the file of a picture tells about it, beside its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curator.kit.reading import reading

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["told_by"]

_TOLD = {
    "camera": (0x010F, 0x0110),  # make, model
    "time": (0x9003,),  # when it was taken
    "place": (0x0001, 0x0002),  # of the IFD of GPS: latitude
    "words": (0x010E, 0x9286, 0x4746, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F),  # description, comments, rating, keywords, title
}
"""By what is told of a picture the tags of EXIF that tell it."""

_DETAILS, _GPS = 0x8769, 0x8825
"""IFDs of EXIF below the first."""

_WORDS_XMP = (b"dc:subject", b"dc:description", b"dc:title", b"xmp:Rating", b"lr:hierarchicalSubject")
_WORDS_PNG = ("parameters", "prompt", "workflow", "description", "comment", "title", "keywords")
"""How XMP, and the text chunks of PNG, call what people or the makers of pictures wrote about them."""


def told_by(image: Image.Image) -> frozenset[str]:
    """What is told of an opened picture beside its pixels: its camera, time, place, words; raises `Unreadable`.

    What programs add by themselves (a resolution, a colour profile, their own name) counts for nothing.
    """
    from PIL.Image import Exif

    with reading("its metadata cannot be read"):
        # Of a PNG that has none before its pixels, Pillow would decode all of these to look behind them.
        exif = image.getexif() if image.format != "PNG" or "exif" in image.info else Exif()
        tags = {**exif.get_ifd(_GPS), **exif.get_ifd(_DETAILS), **exif}
        found = {told for told, wanted in _TOLD.items() if any(_says(tags.get(tag)) for tag in wanted)}
        info = {str(key).lower(): value for key, value in image.info.items()}
        packet = info.get("xmp", info.get("xml:com.adobe.xmp", b""))
        packet = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
        if any(word in packet for word in _WORDS_XMP) or any(_says(info.get(word)) for word in _WORDS_PNG):
            found.add("words")
    return frozenset(found)


def _says(value: Any) -> bool:
    """Whether a tag holds more than blanks: cameras leave empty comments, with eight bytes for their encoding."""
    if isinstance(value, bytes):
        value = value.removeprefix(b"ASCII\0\0\0").removeprefix(b"UNICODE\0").strip(b" \0").decode("latin-1")
    return bool(str(value).strip(" \0")) if value is not None else False
