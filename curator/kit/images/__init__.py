"""Pictures decoded safely: a decompression bomb, a damaged file or an odd mode never becomes more than a sentence.

The only door to what decodes people's files: nothing else opens one, or asks Pillow of a file what it reads only then
(its frames, its EXIF).

| module | for |
|---|---|
| `formats` | which files are pictures by their names, and which decoder is asked about a file |
| `colours` | from the numbers of a picture to the colours that they mean |
| `decoding` | from a file to its first frame, upright, in sRGB |
| `chunks` | what a PNG holds beside its pixels |
| `depth` | how many bits a picture has in its file, where its decoder gives fewer |
| `metadata` | what a file tells about its picture: camera, time, place, words |
| `raw` | the preview that a camera keeps in a raw photo |

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from curator.kit.images.chunks import chunks
from curator.kit.images.colours import colours
from curator.kit.images.decoding import frames, opened, orientation, plain, room_for, thumbnail, upright, whole
from curator.kit.images.depth import bits, deep
from curator.kit.images.formats import endings
from curator.kit.images.metadata import taken, told_by
from curator.kit.reading import Unreadable

__all__ = [
    "Unreadable",
    "bits",
    "chunks",
    "colours",
    "deep",
    "endings",
    "frames",
    "opened",
    "orientation",
    "plain",
    "room_for",
    "taken",
    "thumbnail",
    "told_by",
    "upright",
    "whole",
]
