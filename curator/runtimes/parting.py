"""A form without its weights, and these in a file of their own, which a runtime maps in place of reading them."""

from __future__ import annotations

from typing import BinaryIO

LARGE = 32 << 20
"""Bytes: a smaller form is read as quickly as it is mapped."""

LEAST = 4096
"""Bytes of a tensor that is put there, and between the places where these begin: as memory is mapped."""


def part(form: bytes, name: str, file: BinaryIO) -> bytes:
    """Write the weights of a form into a file of that name; what is left of it, which names the file.

    Raises whatever `onnx` raises for bytes that are no form.
    """
    import onnx
    from onnx.external_data_helper import set_external_data

    model = onnx.load_from_string(form)
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) >= LEAST:
            file.write(bytes(-file.tell() % LEAST))
            begin = file.tell()
            file.write(tensor.raw_data)
            set_external_data(tensor, name, begin, file.tell() - begin)
            tensor.ClearField("raw_data")
    left: bytes = model.SerializeToString()
    return left


def can_part(form: bytes) -> bool:
    """Whether it is worth it, and there is what can do it: who compiles has it."""
    if len(form) < LARGE:
        return False
    try:
        import onnx  # noqa: F401
    except ImportError:
        return False
    return True
