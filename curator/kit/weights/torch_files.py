"""Files of torch, as zip archives or as they were before torch 1.6, read as arrays without torch.

Numbers stay in the file until they are asked for: what is read of one takes no more memory than the file has bytes.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.errors import BadInput
from curator.kit.reading import reading
from curator.kit.weights.pickled import Storage, Tensor, values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["opened"]

_LONGEST = 8 << 20
"""Bytes of a pickle: it holds no numbers, and that of ten thousand tensors has a fifth of this. What is made of them
may take sixty times as much."""

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""With which a file begins that was written before 1.6, or is as those."""

_HEADER = 30
"""Bytes in front of the name of a file in an archive."""

INSTEAD = "use a .safetensors file or a state dict (torch.save(model.state_dict(), FILE)) instead"


def opened(path: Path) -> tuple[Any, Callable[[Tensor], NDArray[Any]]]:
    """What was saved, with a `Tensor` for each tensor, and the function that gives the array of one.

    Arrays are views of the file, and may be written to: the file stays as it is. Raises `BadInput` for TorchScript and
    `Unreadable` for a damaged file; so may the function, any error.
    """
    import numpy as np

    whole = np.memmap(path, np.uint8, "c")
    zipped = bytes(whole[:2]) == b"PK"
    with reading():
        found, places = _archive(path, whole) if zipped else _legacy(whole)

    def array(tensor: Tensor) -> NDArray[Any]:
        start, length = places[tensor.storage.key]
        return _array(whole[start : start + length], tensor)

    return found, array


def _archive(path: Path, whole: NDArray[np.uint8]) -> tuple[Any, dict[str, tuple[int, int]]]:
    """What was saved, and where in the file the numbers of each storage begin, and how many bytes there are."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if any(name.lower().endswith("constants.pkl") for name in names):
            raise BadInput(f"{str(path)!r} is a TorchScript archive, whose loading runs the code in it: {INSTEAD}")
        (pickled,) = (name for name in names if name.count("/") == 1 and name.endswith("/data.pkl"))
        root = pickled.removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            start, length = _place(archive.getinfo(f"{root}byteorder"), whole)
            if bytes(whole[start : start + min(length, 6)]) != b"little":
                raise ValueError("its numbers are in another order of bytes")
        places = {
            name.removeprefix(f"{root}data/"): _place(archive.getinfo(name), whole)
            for name in names
            if name.startswith(f"{root}data/")
        }
        start, length = _place(archive.getinfo(pickled), whole)
    return values(_bounded(whole[start : start + length])), places


def _place(entry: zipfile.ZipInfo, whole: NDArray[np.uint8]) -> tuple[int, int]:
    """Where a file of an archive begins that is not compressed, as torch writes all: a small one may unfold to any."""
    header = bytes(whole[entry.header_offset : entry.header_offset + _HEADER])
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.header_offset + _HEADER + names
    if entry.compress_type != zipfile.ZIP_STORED or header[:4] != b"PK\3\4" or start + entry.file_size > len(whole):
        raise ValueError(f"{entry.filename} in it is compressed, or not whole")
    return start, entry.file_size


def _legacy(whole: NDArray[np.uint8]) -> tuple[Any, dict[str, tuple[int, int]]]:
    """As `_archive`: five pickles one after the other, then each storage behind how many numbers it has."""
    file = _bounded(whole[:_LONGEST])
    if (values(file), values(file)) != (_MAGIC, _PROTOCOL) or not values(file)["little_endian"]:
        raise ValueError("it is no file of torch")
    found = values(file)
    sizes = {storage.key: storage for storage in _storages(found)}
    places, start = {}, 0
    keys = values(file)
    start = file.tell()
    for key in keys:
        count = int.from_bytes(bytes(whole[start : start + 8]), "little")
        if key not in sizes or count != sizes[key].count:
            raise ValueError("it is cut off, or has numbers of no tensor")
        places[key] = (start + 8, count * _bytes(sizes[key]))
        start = sum(places[key])
    return found, places


def _storages(found: Any) -> list[Storage]:
    """Of all tensors in what was saved, however deep."""
    storages, seen, left = [], set(), [found]
    while left:
        value = left.pop()
        if isinstance(value, Tensor):
            storages.append(value.storage)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            left += value.values() if isinstance(value, dict) else value
    return storages


def _bounded(part: NDArray[np.uint8]) -> io.BytesIO:
    """The bytes of pickles, as a file."""
    if len(part) > _LONGEST:
        raise pickle.UnpicklingError(f"{len(part):,} bytes are too many for the names of tensors")
    return io.BytesIO(part.tobytes())


def _bytes(storage: Storage) -> int:
    return int(_dtype(storage).itemsize)


def _dtype(storage: Storage) -> np.dtype[Any]:
    import ml_dtypes  # noqa: F401  # what numpy knows bfloat16 by
    import numpy as np

    return np.dtype(storage.dtype)


def _array(data: NDArray[np.uint8], tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor among the bytes of its storage; a copy where they lie as no array may."""
    import numpy as np

    dtype = _dtype(tensor.storage)
    if len(data) < tensor.storage.count * dtype.itemsize:
        raise ValueError("it is cut off")
    if not math.prod(tensor.shape):
        return np.empty(tensor.shape, dtype)
    strides = tuple(stride * dtype.itemsize for stride in tensor.strides)
    array: NDArray[Any] = np.ndarray(tensor.shape, dtype, data, tensor.offset * dtype.itemsize, strides)
    return array if array.flags.aligned else array.copy()
