"""For encoder plugins: weights found in the caches of torch and of the Hugging Face hub, else fetched into them.

Public, like `curator.api`. Nothing heavy is imported with it. What cannot be had is said at once, with the file that is
wanted and the option that takes it; a download shows its progress on stderr.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from curator.errors import NotFound
from curator.kit.weights import gist, unreachable

__all__ = ["from_hub", "from_url", "in_hub_cache", "in_torch_cache"]

_STALL = 30.0  # seconds without a byte, after which a download that had begun is given up
_BLOCK = 1 << 20


def in_torch_cache(file: str) -> bool:
    """Whether torch's cache has a file of this name."""
    return (_torch_cache() / file).is_file()


def _torch_cache() -> Path:
    """Where torch keeps checkpoints, as it says itself: `torch.hub.get_dir()`."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = Path(os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")).expanduser()
    return home / "hub" / "checkpoints"


def in_hub_cache(repository: str, names: Sequence[str]) -> bool:
    """Whether the hub's cache has one of `names` of a repository."""
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)


def from_url(model: str, url: str) -> Path:
    """The weights of a model in torch's cache, downloaded if need be; raises `NotFound` saying what else can be done.

    Where the name ends in the first digits of the content's SHA-256 (`resnet18-f37072fd.pth`), it is held to them.
    """
    path = _torch_cache() / url.rpartition("/")[2]
    if path.is_file():
        return path
    problem = unreachable(url) or _try_download(url, path)
    if problem:
        raise NotFound(
            f"no weights for {model}: {str(path)!r} does not exist, and {url} cannot be fetched ({problem}); "
            f"fetch {path.name} from there on a computer that is online and give it with --weights FILE"
        )
    return path


def _try_download(url: str, path: Path) -> str:
    """Download to `path`, with progress on stderr; what arrives whole and with the right hash is put there.

    Returns why that failed, or an empty string.
    """
    import http.client

    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fetch(url, partial, path.name)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return gist(error)
    return ""


def _fetch(url: str, partial: Path, name: str) -> None:
    """Raises `ValueError` for what is cut off, or is not what the name says."""
    from urllib.request import urlopen

    digits, digest, done = re.search(r"-([0-9a-f]{8,})\.\w+$", url), hashlib.sha256(), 0
    with urlopen(url, timeout=_STALL) as answer, partial.open("wb") as file:
        size = int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(_BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            _show(f"{name}: {done / 1e6:,.0f}" + (f" of {size / 1e6:,.0f}" if size else "") + " MB")
    _show("")
    if size and done != size:
        raise ValueError(f"{done:,} of {size:,} bytes arrived")
    if digits and not digest.hexdigest().startswith(digits[1]):
        raise ValueError(f"its hash is {digest.hexdigest()[:8]}, not {digits[1]}")


def _show(words: str) -> None:
    """A line that the next one takes the place of, where somebody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def from_hub(model: str, repository: str, names: Sequence[str]) -> Path:
    """The first of `names` in the hub's cache, else in the repository, from where it is fetched into the cache.

    Raises `NotFound` saying what else can be done for the model.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    # Cache first: asking the hub whether there is something newer takes half a minute when offline.
    for name in names:
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    problem = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else unreachable(constants.ENDPOINT)
    for name in () if problem else names:
        try:
            return Path(hf_hub_download(repository, name))
        except Exception as error:  # those of the hub, of its HTTP library and of the disk, which have no common base
            problem = gist(error)
            if isinstance(error, LocalEntryNotFoundError) or not isinstance(error, EntryNotFoundError):
                break
    url, beside = f"{constants.ENDPOINT}/{repository}", names[0].endswith(".json")
    raise NotFound(
        f"no {names[0]} for {model}: it is not in {constants.HF_HUB_CACHE!r}, and {url} gives none ({problem}); "
        f"fetch {' or '.join(names)} from there on a computer that is online and give it with "
        + ("--weights FOLDER, in one folder with the weights" if beside else "--weights FILE")
    )
