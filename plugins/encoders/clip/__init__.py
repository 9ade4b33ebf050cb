"""CLIP and its kin through open_clip: an image and a text tower whose vectors lie in one space.

Model: Radford et al. 2021, "Learning transferable visual models from natural language supervision"; code and the
list of published weights: open_clip. A variant says which:

    ARCH/TAG           published weights by open_clip's names; none given means `ViT-B-32/laion2b_s34b_b79k`
    hf-hub:ORG/NAME    a repository of the Hugging Face hub that holds an open_clip_config.json
    local-dir:PATH     a folder with an open_clip_config.json and the weights
    local-dir          the same for `--weights`: a folder, or a file beside which the open_clip_config.json lies
    ARCH               `--weights` as before, checked to be of that architecture

`ARCH/TAG`, `hf-hub:` and `local-dir:` take other weights from `--weights` too. Preprocessing is never guessed: it
is the tag's, or that of the open_clip_config.json.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import Encoder, EncoderSpec, Preprocess, Resolved, hookimpl
from curator.errors import BadInput, NotFound, NotReady
from curator.kit.downloads import from_hub, in_hub_cache
from curator.kit.memory import BUDGET, bounded
from curator.kit.weights import differences, fitting_torch, gist, named_as, read_description, read_tensors, with_shards

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# 151 million parameters: small for its kind, widely used, free to use (MIT); the weights are 600 MB.
DEFAULT, DEFAULT_REPOSITORY = "ViT-B-32/laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"

CONFIG = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # as open_clip publishes them
TOKENIZER = ("*token*.json", "vocab*", "merges.txt", "*.model")  # as transformers saves them
TOKENIZER_OPTIONS = {"clean", "strip_sep_token", "language"}  # others could run code, or drop words at random

# Ends of names of values that shape no vector: scales of the loss, counters, sizes that OpenAI's files hold.
IDLE = re.compile(r"(logit_(scale|bias)|num_batches_tracked|position_ids|input_resolution|context_length|vocab_size)$")


UNKNOWN = (
    "how to prepare pictures for them is unknown: name the model that they belong to (clip:ARCH/TAG --weights FILE), "
    f"or give a folder with an {CONFIG}, whose preprocess_cfg says it"
)


def tokens(tokenizer: bytes, texts: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """What the tower for texts takes, (n, length) int64, and which rows lost their end; without torch and open_clip."""
    from .tokenizing import tokenized

    return tokenized(tokenizer, texts)


# --- which model ---


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """Settle model, preprocessing and weights. Folders and the hub's repositories need no open_clip for it."""
    if weights is not None and not weights.exists():
        raise NotFound(f"no weights at {str(weights)!r}")
    if variant is None:
        variant = DEFAULT if weights is None else "local-dir"
    kind, _, place = variant.partition(":")
    if kind == "hf-hub":
        return _from_hub(place, weights)
    if kind != "local-dir":
        return _from_name(variant, weights)
    if place:
        folder = Path(place).expanduser().absolute()
        return _from_folder(f"local-dir:{folder}", folder, weights or folder)
    if weights is None:
        raise BadInput("clip:local-dir needs --weights with a folder; or write clip:local-dir:PATH")
    return _from_folder("local-dir", _beside(weights), weights)


def _beside(weights: Path) -> Path:
    """The folder that may hold the open_clip_config.json for the given weights."""
    return weights.absolute() if weights.is_dir() else weights.absolute().parent


def _from_folder(variant: str, folder: Path, weights: Path) -> Resolved:
    """A model that the open_clip_config.json in `folder` describes."""
    model, preprocess = _configuration(folder / CONFIG)
    text = model["text_cfg"]
    refused = set(text.get("tokenizer_kwargs") or {}) - TOKENIZER_OPTIONS
    if refused:
        raise BadInput(f"{str(folder / CONFIG)!r} sets tokenizer options that curator does not use: {sorted(refused)}")
    files = [_weights_in(weights), folder / CONFIG]
    if text.get("hf_tokenizer_name"):
        files += sorted({file for pattern in TOKENIZER for file in folder.glob(pattern)})
    return _resolved(variant, model, preprocess, files)


def _from_hub(repository: str, weights: Path | None) -> Resolved:
    """A repository of the Hugging Face hub; a configuration beside the given weights is taken for the repository's."""
    if not re.fullmatch(r"([\w.-]+/)?[\w.-]+", repository):
        raise BadInput(f"{repository!r} is not a repository of the hub: write clip:hf-hub:ORG/NAME")
    variant = f"hf-hub:{repository}"
    if weights and (_beside(weights) / CONFIG).is_file():
        return _from_folder(variant, _beside(weights), weights)
    folder = from_hub(f"clip:{variant}", repository, (CONFIG,)).parent
    if _configuration(folder / CONFIG)[0]["text_cfg"].get("hf_tokenizer_name"):
        for name in ("tokenizer.json", "tokenizer_config.json"):
            from_hub(f"clip:{variant}", repository, (name,))
    return _from_folder(variant, folder, weights or from_hub(f"clip:{variant}", repository, WEIGHTS))


def _from_name(variant: str, weights: Path | None) -> Resolved:
    """An architecture by open_clip's name, mostly with the tag of published weights; raises `NotFound`."""
    if variant == DEFAULT and weights is None:
        # Ahead of open_clip, whose import takes seconds: where the weights cannot be had, that is said at once.
        from_hub(f"clip:{DEFAULT}", DEFAULT_REPOSITORY, WEIGHTS)
    open_clip = _open_clip()
    arch, _, tag = variant.partition("/")
    if arch not in open_clip.list_models():
        raise NotFound.named("clip architecture", arch, open_clip.list_models(), "they are open_clip.list_models()")
    model, tags = open_clip.get_model_config(arch), open_clip.list_pretrained_tags_by_model(arch)
    if tag:
        tag = tag.lower().replace("-", "_")
        if tag not in tags:
            raise NotFound.named(f"tag of {arch}", tag, tags, f"there are {', '.join(tags)}")
        published = open_clip.pretrained.get_pretrained_cfg(arch, tag)
        # Quick GELU has to be as in training. The tag knows; a name without -quickgelu may have weights that need it.
        model["quick_gelu"] = bool(model.get("quick_gelu") or published.get("quick_gelu"))
        repository, _, name = published["hf_hub"].rpartition("/")
        names = (str(Path(name).with_suffix(".safetensors")), name) if name else WEIGHTS
        file = _weights_in(weights) if weights else from_hub(f"clip:{arch}/{tag}", repository, names)
        return _resolved(f"{arch}/{tag}", model, published, [file], arch)
    if weights is None:
        raise BadInput(f"clip:{arch} names no weights: add a tag ({', '.join(tags)}), or give them with --weights")
    config = _beside(weights) / CONFIG
    if _configuration(config)[0] != model:
        raise BadInput(f"{str(config)!r} describes another model than {arch}: clip:local-dir takes it as it is")
    return _from_folder(arch, config.parent, weights)


def _resolved(
    variant: str, model: Mapping[str, Any], preprocess: Mapping[str, Any], files: Sequence[Path], arch: str = ""
) -> Resolved:
    """The parts together; raises `NotReady` for a model that needs transformers where that is missing."""
    text = model["text_cfg"]
    tokenizer = text.get("hf_tokenizer_name") or ""
    if (tokenizer or text.get("hf_model_name")) and importlib.util.find_spec("transformers") is None:
        raise NotReady(f"clip:{variant} reads texts with the help of transformers: `pip install transformers` first")
    # 77 and 224 are the defaults of open_clip's CLIPTextCfg and CLIPVisionCfg.
    config = {"quick_gelu": bool(model.get("quick_gelu")), "context_length": text.get("context_length", 77)}
    config |= {"arch": arch} if arch else {}
    config |= {"tokenizer": tokenizer} if tokenizer else {}
    prepared = _preprocess(variant, model["vision_cfg"].get("image_size", 224), preprocess)
    return Resolved(
        model["embed_dim"], variant, prepared, tuple(part for file in files for part in with_shards(file)), config
    )


def _configuration(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Model and preprocessing of an open_clip_config.json; raises `BadInput` where either is not said."""
    if not path.parent.is_dir():
        raise NotFound(f"no folder {str(path.parent)!r}")
    if not path.is_file():
        raise BadInput(f"no {CONFIG} is with the weights in {str(path.parent)!r}, so {UNKNOWN}")
    try:
        content = read_description(path)
        model, preprocess = content["model_cfg"], dict(content.get("preprocess_cfg") or {})
        kinds = {"embed_dim": int, "vision_cfg": dict, "text_cfg": dict}
        if not all(isinstance(model[key], kind) for key, kind in kinds.items()):
            raise ValueError(f"{', '.join(kinds)} are not what they should be")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{str(path)!r} is not a configuration of an open_clip model: {gist(error)}") from error
    if not {"mean", "std"} <= preprocess.keys():
        raise BadInput(f"{str(path)!r} gives no mean and std, so {UNKNOWN}")
    return model, preprocess


def _preprocess(variant: str, size: Any, given: Mapping[str, Any]) -> Preprocess:
    """open_clip's description as curator's; what it leaves out has the defaults of open_clip's `PreprocessCfg`."""
    interpolation: Any = given.get("interpolation") or "bicubic"
    mode: Any = given.get("resize_mode") or "shortest"
    fill = given.get("fill_color") or 0
    try:
        height, width = (size, size) if isinstance(size, int) else size
        mean, std = ((float(r), float(g), float(b)) for r, g, b in (given["mean"], given["std"]))
        known = isinstance(fill, int) and 0 not in std
    except (TypeError, ValueError):
        known = False
    if not known or interpolation not in ("bicubic", "bilinear") or mode not in ("shortest", "longest", "squash"):
        raise BadInput(f"clip:{variant} prepares pictures in a way that curator does not know: {size=}, {dict(given)}")
    if height != width:
        raise BadInput(f"clip:{variant} takes pictures of {width} x {height} pixels; curator prepares square ones only")
    return Preprocess(width, width, mean, std, interpolation, mode, fill)


# --- where the weights are ---


def _weights_in(place: Path) -> Path:
    """The weights: a file as it is; in a folder the one that open_clip would take, or the only one."""
    if place.is_file():
        return place
    found = [place / name for name in WEIGHTS if (place / name).is_file()][:1]
    found = found or sorted(file for file in place.iterdir() if file.suffix in {".safetensors", ".bin", ".pt", ".pth"})
    if not found:
        raise NotFound(f"no weights in {str(place)!r}: put {WEIGHTS[0]} there, or name a file with --weights")
    if len(found) > 1:
        raise BadInput(f"{str(place)!r} holds {' and '.join(file.name for file in found)}: name one with --weights")
    return found[0]


def lacking(variant: str | None) -> str:
    """What has to be fetched first, as far as it can be told without open_clip, whose import takes seconds."""
    kind, _, place = (variant or DEFAULT).partition(":")
    if kind == "local-dir":
        return "" if not place or Path(place).expanduser().is_dir() else f"{place!r} is gone"
    repository = {DEFAULT: DEFAULT_REPOSITORY}.get(kind, place)
    if not repository:
        return "weights to fetch, unless they are in the cache"
    if in_hub_cache(repository, WEIGHTS):
        return ""
    return "600 MB to fetch" if repository == DEFAULT_REPOSITORY else "weights to fetch"


# --- loading ---


def load(resolved: Resolved, device: str) -> Encoder:
    """Build both towers and give them the weights; raises `BadInput` for a file that does not hold them."""
    given = read_tensors(resolved.files[0])
    open_clip = _open_clip()
    quick, arch = bool(resolved.config["quick_gelu"]), resolved.config.get("arch")
    name = next((f"local-dir:{file.parent}" for file in resolved.files if file.name == CONFIG), arch)
    # Tokenizers of transformers could be asked to run code from their folder.
    safely = {"trust_remote_code": False} if "tokenizer" in resolved.config else {}
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # open_clip would warn that the network has no weights: they come next
    build = functools.partial(
        open_clip.create_model, name, load_weights=False, pretrained_text=False, force_quick_gelu=quick
    )
    try:
        _hold_sizes(build, given, resolved)
        network = build()
        tokenizer = open_clip.get_tokenizer(name, **safely)
    except (OSError, ImportError) as error:
        raise NotFound(f"clip:{resolved.variant} needs more than its weights: {gist(error)}") from error
    except (TypeError, ValueError, KeyError, AttributeError, AssertionError, RuntimeError) as error:
        raise BadInput(f"open_clip cannot build the model that {name!r} describes: {gist(error)}") from error
    finally:
        logging.disable(before)
    _fill(network, given, resolved)
    assert resolved.preprocess is not None
    from .towers import Clip

    return Clip(network.eval().to(device), tokenizer, resolved.preprocess.crop)


def _hold_sizes(build: Callable[..., Any], given: Mapping[str, Any], resolved: Resolved) -> None:
    """Raise `BadInput` where a configuration says other sizes than the weights have, before any is made so large."""
    import torch

    config = next((file for file in resolved.files if file.name == CONFIG), None)
    if config is None:
        return
    model, _ = _configuration(config)
    layers = sum(_total(model[tower].get("layers")) for tower in ("vision_cfg", "text_cfg"))
    if layers > len(given):
        raise BadInput(f"{str(config)!r} says that it has {layers:,} layers, of which the weights hold {len(given):,}")
    try:
        with torch.device("meta"), bounded(BUDGET.limit):  # of shapes alone
            network = build(device="meta")
    except NotImplementedError:  # as of a part that computes while it is made
        return
    _convert(network, given, resolved)


def _total(layers: Any) -> int:
    numbers = layers if isinstance(layers, list) else [layers]
    return sum(number for number in numbers if isinstance(number, int))


def _open_clip() -> Any:
    """open_clip."""
    with fitting_torch():
        import open_clip
    return open_clip


def _fill(network: Any, given: Mapping[str, Any], resolved: Resolved) -> None:
    """Give the network the weights."""
    network.load_state_dict(_convert(network, given, resolved), strict=False)


def _convert(network: Any, given: Mapping[str, Any], resolved: Resolved) -> dict[str, Any]:
    """The weights, converted from other layouts as open_clip does; raises `BadInput` unless they are the network's.

    Unlike there, position embeddings of another picture size are not stretched to fit: that is another model.
    """
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    given = convert_state_dict(network, dict(named_as(network.state_dict(), given, resolved.files[0])))
    if "positional_embedding" in given and not hasattr(network, "positional_embedding"):
        given = convert_to_custom_text_state_dict(given)
    given = _shaping(given)
    different = differences(_shaping(network.state_dict()), given)
    if different:
        raise BadInput(f"{str(resolved.files[0])!r} does not hold the weights of clip:{resolved.variant}: {different}")
    return given


def _shaping(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not IDLE.search(key)}


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """CLIP, for images and texts."""
    summary = "open_clip; images and texts in one space, fetched on first use or from a file or folder"
    return [
        EncoderSpec(
            "clip",
            ("image", "text"),
            summary,
            resolve,
            load,
            lacking=lacking,
            tokens=tokens,
            requires=("torch", "open_clip"),
            maps=False,
        )
    ]
