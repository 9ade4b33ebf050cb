"""Where encoders compute and with which numbers, and heads on how many threads.

Public, like `curator.api`; torch is imported only where needed.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes.util
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curator.errors import BadInput, NotReady, install_command, missing

__all__ = ["choose_device", "has_bfloat16", "lacking_torch", "one_thread", "reduce_precision"]

VARIABLE = "CURATOR_DEVICE"
"""Of the environment: the device that is taken where none is asked for."""

DEVICES = ("cpu", "cuda", "mps")
"""What torch computes on, as far as that can be told without it."""

DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg", "/dev/kfd")
"""Files of the drivers of NVIDIA, of Windows in WSL and of AMD, by which torch reaches a GPU."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """A context, or the decorator of a function, in which numpy, scipy and scikit-learn calculate on one thread.

    For small fits. With several threads sums come in an order that nobody knows. And a step on some hundred rows is
    over before a second thread has started: waiting for that costs many times the work where the machine is busy.
    Their linear algebra alone: torch, OpenCV and what scikit-learn spreads by OpenMP keep their own number of threads.
    """
    # What is loaded later is not held to it: the library of scipy and scikit-learn comes with this module.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def choose_device(asked: str | None = None) -> str:
    """The torch device that is asked for, here or in the environment, else the best there is.

    Raises `BadInput` for one that is not there. Torch, whose import takes seconds, is needed only where there may be a
    GPU, or for one that is asked for: without it, `NotReady` is raised for that.
    """
    if asked is not None and not asked.strip():
        raise BadInput(f"{asked!r} is not a device: it needs a name")
    asked = asked or os.environ.get(VARIABLE)
    if asked:
        return asked if asked == "cpu" else _there(asked)
    if not _may_have_gpu() or lacking_torch():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def reduce_precision(network: Any) -> tuple[str, Any] | None:
    """A copy of a torch network in the precision in which its device is quickest, and the name of that: "bfloat16".

    None where nothing is quicker than float32. Batch normalisation keeps its float32 parameters, as in torch's
    autocast: it costs no time, and a fifth of the error of EfficientNet-Lite0 came from there. What goes into the
    network has to be given the dtype.
    """
    import torch

    dtype = _quickest(next(network.parameters()).device)
    if dtype is None:
        return None
    network = copy.deepcopy(network)
    for module in network.modules():
        if not isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                tensor.data = tensor.data.to(dtype) if tensor.is_floating_point() else tensor.data
    return str(dtype).removeprefix("torch."), network


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; without them it is emulated, which gains nothing."""
    import torch

    # Older versions of torch have no public way to ask.
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("avx512_bf16") or told.get("amx_bf16"))


def lacking_torch() -> str:
    """The command that installs torch, where it is not installed; for `lacking` of a spec. Nothing is imported."""
    return install_command("torch") if missing(["torch"]) else ""


def _there(asked: str) -> str:
    if lacking := lacking_torch():
        if asked.partition(":")[0] not in DEVICES:
            raise BadInput(f"no device {asked!r}: {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
        raise NotReady(f"a device {asked!r} is for torch, which is not installed: {lacking}, or take 'cpu'")
    import torch

    try:
        device = torch.device(asked)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise BadInput(
            f"torch {torch.__version__} has no device {asked!r} here ({why}): take 'cpu', or leave --device and "
            f"${VARIABLE} out to compute where it is quickest"
        ) from error
    return str(device)


def _may_have_gpu() -> bool:
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if os.name == "nt":
        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(driver).exists() for driver in DRIVERS)


def _quickest(device: Any) -> Any:
    """The dtype, or None."""
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if has_bfloat16() else None
