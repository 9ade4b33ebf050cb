"""What a pickle of torch says, without unpickling it: tensors and plain values can come of it, and nothing else.

Python's unpickler calls what a pickle names, and takes memory as it says. Here nothing is called: of each instruction
that torch writes, the list below says what becomes of a stack of values. What it builds of other things than tensors
(options of a training script, paths, counters) is one value that stands for nothing.
"""

from __future__ import annotations

import math
import pickle
import pickletools
from dataclasses import dataclass
from typing import Any, BinaryIO

__all__ = ["DTYPES", "Storage", "Tensor", "values"]

DTYPES = {
    **{"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "bfloat16"},
    **{"LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1"},
    **{"BoolStorage": "?", "ComplexFloatStorage": "<c8", "ComplexDoubleStorage": "<c16"},
}
"""What numpy calls the numbers of torch's storages."""

REBUILT = ("_rebuild_tensor", "_rebuild_tensor_v2")
WRAPPED = ("_rebuild_parameter", "_rebuild_parameter_with_state")
"""Functions of `torch._utils` by which a tensor is made: of a storage, and of a tensor."""

NOTHING = frozenset(
    [
        *("argparse Namespace", "pathlib PosixPath", "pathlib PurePosixPath", "collections Counter", "_codecs encode"),
        *("torch device", "torch Size", "torch.serialization _get_layout"),
        *(f"{module} {name}" for module in ("builtins", "__builtin__") for name in ("set", "bytearray", "complex")),
    ]
)
"""What only holds values. What else is called could run code where somebody trusts it: such a file is refused."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers of one kind in a row: `count` of a dtype, found by `key`."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage; offset and strides in numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Name(str):
    """What a pickle would import."""


class _Nothing:
    """What stands for all that is no tensor and no plain value."""


def values(file: BinaryIO) -> Any:
    """What the pickle says that begins where a file is read; it is read up to its end.

    Raises `pickle.UnpicklingError` where it says more than torch's tensors need, `ValueError`, `LookupError`,
    `TypeError` or `AttributeError` where it is damaged. Only for a file whose length is bounded: text takes as much.
    """
    machine = _Machine()
    for instruction, argument, _ in pickletools.genops(file):
        if instruction.name == "STOP":
            return machine.stack.pop()
        machine.follow(instruction.name, argument)
    raise ValueError("it has no end")


class _Machine:
    """The stack, the places on it where a sequence begins, and what was put aside by a number."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """One instruction."""
        stack = self.stack
        match name:
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINSTRING":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(self.since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self.taken(int(name[-1]))))
            case "APPEND" | "APPENDS":
                items = self.taken(1) if name == "APPEND" else self.since_mark()
                if isinstance(stack[-1], list):
                    stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                _set(stack, self.taken(2) if name == "SETITEM" else self.since_mark())
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "GLOBAL":
                stack.append(_Name(argument))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE" | "NEWOBJ":
                stack.append(_made(*self.taken(2)))
            case "BUILD":  # attributes of what was made: of no use here
                self.taken(1)
            case "PROTO":
                pass
            case _:
                raise pickle.UnpicklingError(f"{name} is no instruction that torch writes")

    def taken(self, number: int) -> list[Any]:
        """So many from the top of the stack, where they are above the last mark."""
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < number:
            raise ValueError("it takes more than it has")
        items = self.stack[-number:]
        del self.stack[-number:]
        return items

    def since_mark(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def _set(stack: list[Any], items: list[Any]) -> None:
    """Keys and values in turn into the dictionary on the top.

    Under keys that are texts or small numbers: tensors have names. Others are left out: to look up tuples of tuples of
    the same, or numbers that are chosen for it, takes as long as a file wants.
    """
    if isinstance(stack[-1], dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        stack[-1].update((key, value) for key, value in pairs if type(key) is str or _is_small(key))


def _storage(told: Any) -> Storage:
    """Of what a pickle says in place of a storage: ("storage", its type, its key, where it was, how many numbers)."""
    word, kind, key, _, count, *view = told
    if word != "storage" or not isinstance(kind, _Name) or not isinstance(key, str) or any(view):
        raise ValueError("it names what is no storage")
    module, _, name = kind.partition(" ")
    if module not in ("torch", "torch.storage") or name not in DTYPES:
        raise pickle.UnpicklingError(f"{kind} holds no plain numbers")
    return Storage(DTYPES[name], key, _natural(count))


def _made(function: Any, arguments: Any) -> Any:
    """What would come of a call: a tensor, a dictionary, or nothing. Raises `UnpicklingError` for any other."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise ValueError("it calls what is no function")
    module, _, name = function.partition(" ")
    if module == "torch._utils" and name in REBUILT:
        return _tensor(*arguments[:4])
    if module == "torch._utils" and name in WRAPPED:
        return arguments[0] if isinstance(arguments[0], Tensor) else _Nothing()
    if function == "torch._tensor _rebuild_from_type_v2":  # of a tensor that had attributes
        return _made(arguments[0], arguments[2])
    if function == "collections OrderedDict":
        made: list[Any] = [{}]
        _set(made, [part for pair in (arguments[0] if arguments else ()) for part in pair])
        return made[0]
    if function in NOTHING:
        return _Nothing()
    raise pickle.UnpicklingError(f"{function} would be called")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    """A tensor that lies within its storage; of one number it is not made to be many."""
    if not isinstance(storage, Storage) or len(shape) != len(strides):
        raise ValueError("it has a tensor without numbers")
    tensor = Tensor(storage, _natural(offset), tuple(map(_natural, shape)), tuple(map(_natural, strides)))
    last = sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    numbers = math.prod(tensor.shape)
    if numbers and (tensor.offset + last >= storage.count or numbers > storage.count):
        raise ValueError("it has a tensor of more numbers than there are")
    return tensor


def _is_small(key: Any) -> bool:
    return type(key) is int and 0 <= key < 1 << 32


def _natural(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise ValueError("it has a size that is none")
    return value
