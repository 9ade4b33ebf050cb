"""CLIP against open_clip's own loop, and every way in which model, weights or preprocessing can be wrong or missing.

The model is a tiny one: 32 pixels, 16 tokens, 32 dimensions.
"""

from __future__ import annotations

import dataclasses
import http.server
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import warnings

import numpy as np
import open_clip
import pytest
import torch
from curator_plugins.encoders import clip
from PIL import Image
from safetensors.torch import load_file, save_file

from curator.api import ImageBatch, Preprocess, TextBatch
from curator.core.images import pixels
from curator.errors import BadInput, NotFound, NotReady

(SPEC,) = clip.register_encoders()

# Patches are dropped in training only.
VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8, "patch_dropout": 0.5}
MODEL = {
    "embed_dim": 32,
    "vision_cfg": VISION,
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}
PREPROCESS = {
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
TEXTS = [
    "a photo of a cat",
    "Ultraman",
    "奥特曼打怪兽",
    "",
    "one two three four five six seven eight nine " * 5,
    "HTTP 404 <b>",
]


def describe(folder, model=MODEL, preprocess=PREPROCESS):
    """Put an open_clip_config.json into a folder."""
    folder.mkdir(exist_ok=True)
    content = {"model_cfg": model} | ({} if preprocess is None else {"preprocess_cfg": preprocess})
    (folder / "open_clip_config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with the tiny model; its weights are random."""
    folder = describe(tmp_path_factory.mktemp("models") / "tiny")
    torch.manual_seed(0)
    save_file(open_clip.create_model(f"local-dir:{folder}").state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def state(tiny):
    return load_file(tiny / "open_clip_model.safetensors")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """PNGs of several shapes with coarse and fine structure."""
    random = np.random.default_rng(0)
    paths = []
    for number, (width, height) in enumerate([(320, 240), (20, 30), (32, 32), (65, 33), (100, 301), (64, 64)]):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((width, height))
        noise = random.integers(-20, 21, (height, width, 3))
        path = tmp_path_factory.mktemp("pictures") / f"图{number}.png"
        Image.fromarray(np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


def seen(pictures, preprocess):
    return ImageBatch(np.stack([pixels(picture, preprocess) for picture in pictures]))


def by_open_clip(pictures, name, **options):
    """What open_clip itself makes of the pictures and TEXTS, and its network."""
    network, _, prepare = open_clip.create_model_and_transforms(name, **options)
    tokenizer = open_clip.get_tokenizer(name)
    with torch.inference_mode():
        images = network.eval().encode_image(torch.stack([prepare(Image.open(picture)) for picture in pictures]))
        texts = network.encode_text(tokenizer(TEXTS))
    return images.numpy(), texts.numpy()


def error_of(given, wanted):
    """Relative error after taking away the mean vector, which all items share."""
    return np.linalg.norm(given - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0))


def refusal(kind, variant, weights, load=False):
    """The one line of an error of the given kind."""
    with pytest.raises(kind) as caught:
        resolved = SPEC.resolve(variant, weights)
        assert load
        SPEC.load(resolved, "cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def offending(tmp_path, name="open_clip_pytorch_model.bin"):
    """Where to put bad weights, in a folder that describes the tiny model."""
    return describe(tmp_path / "bad") / name


# --- vectors ---


def test_images_and_texts_are_those_of_open_clip_in_one_space(tiny, pictures):
    resolved = SPEC.resolve(f"local-dir:{tiny}", None)
    encoder = SPEC.load(resolved, "cpu")
    images, texts = encoder.encode(seen(pictures, resolved.preprocess)), encoder.encode(TextBatch(TEXTS))
    wanted_images, wanted_texts = by_open_clip(pictures, f"local-dir:{tiny}")
    assert images.shape == texts.shape == (6, resolved.dim) == (6, 32)
    assert images.dtype == texts.dtype == np.float32
    assert error_of(images, wanted_images) < 1e-4
    assert error_of(texts, wanted_texts) < 1e-4

    # The measure tells: a mean that is wrong by 0.01 in one channel, or another interpolation, falls outside.
    for wrong in ({"mean": (0.49, 0.46, 0.41)}, {"interpolation": "bilinear"}):
        preprocess = dataclasses.replace(resolved.preprocess, **wrong)
        assert error_of(encoder.encode(seen(pictures, preprocess)), wanted_images) > 1e-2


def test_a_vector_does_not_depend_on_its_neighbours(tiny, pictures):
    resolved = SPEC.resolve(None, tiny)
    encoder = SPEC.load(resolved, "cpu")
    together = encoder.encode(seen(pictures, resolved.preprocess))
    alone = np.concatenate([encoder.encode(seen([picture], resolved.preprocess)) for picture in pictures])
    assert error_of(alone, together) < 1e-4
    together = encoder.encode(TextBatch(TEXTS))
    alone = np.concatenate([encoder.encode(TextBatch([text])) for text in TEXTS])
    assert error_of(alone, together) < 1e-4


@pytest.mark.parametrize("preprocess", [{"resize_mode": "squash"}, {"resize_mode": "longest", "fill_color": 127}])
def test_other_ways_to_resize_are_those_of_open_clip(tiny, state, pictures, tmp_path, preprocess):
    folder = describe(tmp_path / "other", preprocess=PREPROCESS | preprocess)
    save_file(state, folder / "open_clip_model.safetensors")
    resolved = SPEC.resolve(None, folder)
    prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")[2]
    for picture in (pictures[0], pictures[2], pictures[5]):
        np.testing.assert_allclose(
            pixels(picture, resolved.preprocess), prepare(Image.open(picture)).numpy(), atol=1e-5, err_msg=str(picture)
        )


def test_quick_gelu_is_as_the_description_says(tiny, state, pictures, tmp_path):
    folder = describe(tmp_path / "quick", model=MODEL | {"quick_gelu": True})
    save_file(state, folder / "open_clip_model.safetensors")
    resolved = SPEC.resolve(None, folder)
    assert resolved.config["quick_gelu"] is True
    images = SPEC.load(resolved, "cpu").encode(seen(pictures, resolved.preprocess))
    assert error_of(images, by_open_clip(pictures, f"local-dir:{folder}")[0]) < 1e-4
    assert error_of(images, by_open_clip(pictures, f"local-dir:{tiny}")[0]) > 1e-3


def test_every_usual_form_of_the_weights_gives_the_same_vectors(tiny, state, tmp_path):
    parallel = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 3, "name": "tiny", "state_dict": parallel}, tmp_path / "epoch_3.pt")
    torch.save(state, tmp_path / "legacy.bin", _use_new_zipfile_serialization=False)
    # OpenAI's own files hold their sizes as tensors; none hold what belongs to the loss alone.
    sizes = {
        "input_resolution": torch.tensor(32),
        "context_length": torch.tensor(16),
        "vocab_size": torch.tensor(49408),
    }
    torch.save({key: state[key] for key in state if key != "logit_scale"} | sizes, tmp_path / "openai.pth")
    wanted = SPEC.load(SPEC.resolve(None, tiny), "cpu").encode(TextBatch(TEXTS))
    for path in tmp_path.iterdir():
        given = SPEC.load(SPEC.resolve(f"local-dir:{tiny}", path), "cpu").encode(TextBatch(TEXTS))
        np.testing.assert_array_equal(given, wanted, err_msg=path.name)


def test_loading_says_nothing_and_leaves_logging_as_it_was(tiny, caplog, capfd):
    SPEC.load(SPEC.resolve(None, tiny), "cpu").close()
    assert logging.root.manager.disable == logging.NOTSET
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


# --- variants ---


def test_a_folder_can_be_named_in_several_ways(tiny, monkeypatch):
    named = SPEC.resolve(f"local-dir:{tiny}", None)
    assert named.files == (tiny / "open_clip_model.safetensors", tiny / "open_clip_config.json")
    assert named.preprocess == Preprocess(32, 32, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28), "bicubic")
    assert named.config == {"quick_gelu": False, "context_length": 16}
    monkeypatch.chdir(tiny.parent)
    assert SPEC.resolve("local-dir:tiny", None) == named
    given = SPEC.resolve(None, tiny)
    assert given == dataclasses.replace(named, variant="local-dir")
    assert SPEC.resolve(None, tiny / "open_clip_model.safetensors") == given
    # As the workspace does it later: with the variant that was recorded.
    assert SPEC.resolve(given.variant, tiny) == given
    assert SPEC.resolve(named.variant, None) == named


def test_preprocessing_left_out_is_what_open_clip_takes(tmp_path, tiny):
    bare = describe(tmp_path / "bare", preprocess={key: PREPROCESS[key] for key in ("mean", "std")})
    wanted = open_clip.transform.PreprocessCfg()
    told = SPEC.resolve(f"local-dir:{bare}", tiny / "open_clip_model.safetensors").preprocess
    assert (told.interpolation, told.resize_mode, told.fill) == (
        wanted.interpolation,
        wanted.resize_mode,
        wanted.fill_color,
    )


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ("ViT-B-32/laion2b_s34b_b79k", 224),
        ("ViT-L-14-336/openai", 336),
        ("MobileCLIP-S1/datacompdr", 256),
        ("ViT-B-16/dfn2b", 224),
    ],
)
def test_a_tag_brings_its_preprocessing(tiny, variant, size):
    published = open_clip.pretrained.get_pretrained_cfg(*variant.split("/"))
    resolved = SPEC.resolve(variant, tiny / "open_clip_model.safetensors")
    told = resolved.preprocess
    assert (told.resize, told.crop) == (size, size)
    assert (told.mean, told.std) == (published["mean"], published["std"])
    assert (told.interpolation, told.resize_mode) == (published["interpolation"], published["resize_mode"])
    assert resolved.dim == open_clip.get_model_config(variant.split("/")[0])["embed_dim"]
    assert resolved.config["quick_gelu"] == published.get("quick_gelu", False)
    assert resolved.config["context_length"] == 77
    assert resolved == SPEC.resolve(resolved.variant, tiny / "open_clip_model.safetensors")


def test_tags_are_spelt_in_one_way(tiny):
    assert SPEC.resolve("ViT-B-32/LAION2B-s34b-b79k", tiny).variant == "ViT-B-32/laion2b_s34b_b79k"


@pytest.fixture
def published(tiny, monkeypatch, tmp_path):
    """The tiny model as one of open_clip's own, whose published weights were trained with quick GELU."""
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "tiny.json").write_text(json.dumps(MODEL), encoding="utf-8")
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", [configs])
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    open_clip.add_model_config(configs)
    tag = {**PREPROCESS, "hf_hub": "org/tiny/", "url": "", "quick_gelu": True, "interpolation": "bilinear"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"quick": tag})
    return "tiny/quick"


def test_a_tag_with_ones_own_weights(published, tiny, pictures):
    weights = tiny / "open_clip_model.safetensors"
    resolved = SPEC.resolve(published, weights)
    assert resolved.files == (weights,)
    images = SPEC.load(resolved, "cpu").encode(seen(pictures, resolved.preprocess))
    own = {"pretrained": str(weights), "force_quick_gelu": True, "image_interpolation": "bilinear"}
    wanted, _ = by_open_clip(pictures, "tiny", image_mean=(0.48, 0.46, 0.41), image_std=(0.27, 0.26, 0.28), **own)
    assert error_of(images, wanted) < 1e-4


def test_an_architecture_alone_takes_weights_that_are_described(published, tiny, tmp_path):
    resolved = SPEC.resolve("tiny", tiny / "open_clip_model.safetensors")
    assert resolved == dataclasses.replace(SPEC.resolve(None, tiny), variant="tiny")
    assert SPEC.load(resolved, "cpu").encode(TextBatch(TEXTS)).shape == (6, 32)
    assert "another model than ViT-B-32" in refusal(BadInput, "ViT-B-32", tiny)
    assert "add a tag (quick)" in refusal(BadInput, "tiny", None)


def test_unknown_names_are_answered_with_the_nearest():
    assert "did you mean 'ViT-B-32'?" in refusal(NotFound, "ViT-B32/openai", None)
    assert "did you mean 'laion2b_s34b_b79k'?" in refusal(NotFound, "ViT-B-32/laion2b_s34b", None)
    assert "metaclip_400m" in refusal(NotFound, "ViT-B-32/zzz", None)


def test_a_model_that_needs_transformers_says_so(tiny, tmp_path):
    import importlib.util

    if importlib.util.find_spec("transformers"):
        pytest.skip("transformers is installed")
    assert "pip install transformers" in refusal(NotReady, "ViT-B-16-SigLIP/webli", tiny)
    text = MODEL["text_cfg"] | {"hf_tokenizer_name": "some/tokenizer"}
    folder = describe(tmp_path / "foreign", model=MODEL | {"text_cfg": text})
    assert "pip install transformers" in refusal(NotReady, f"local-dir:{folder}", tiny)


# --- descriptions and files that are not what they should be ---


def test_weights_without_a_description_are_not_guessed_at(tiny, state, tmp_path):
    save_file(state, tmp_path / "weights.safetensors")
    for variant, weights in (
        (None, tmp_path),
        (None, tmp_path / "weights.safetensors"),
        (f"local-dir:{tmp_path}", None),
    ):
        message = refusal(BadInput, variant, weights)
        assert "clip:ARCH/TAG --weights FILE" in message
        assert "open_clip_config.json" in message
    for preprocess in (None, {}, {"mean": [0.5] * 3}):
        folder = describe(tmp_path / "half", preprocess=preprocess)
        assert "how to prepare pictures" in refusal(BadInput, f"local-dir:{folder}", tiny)


@pytest.mark.parametrize(
    "preprocess",
    [
        {"mean": None},
        {"mean": [0.5]},
        {"std": [0.2, 0.2, 0]},
        {"interpolation": "area"},
        {"resize_mode": "zoom"},
        {"fill_color": [0, 0, 0]},
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(tiny, tmp_path, preprocess):
    folder = describe(tmp_path / "odd", preprocess=PREPROCESS | preprocess)
    assert "in a way that curator does not know" in refusal(BadInput, f"local-dir:{folder}", tiny)


def test_only_square_pictures(tiny, tmp_path):
    model = MODEL | {"vision_cfg": VISION | {"image_size": [32, 64]}}
    folder = describe(tmp_path / "wide", model=model)
    assert "64 x 32 pixels; curator prepares square ones only" in refusal(BadInput, f"local-dir:{folder}", tiny)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"model_cfg": {"embed_dim": 32}}', '{"model_cfg": 3}', "\xff"]
)
def test_a_broken_description_is_refused(tiny, tmp_path, content):
    (tmp_path / "open_clip_config.json").write_text(content, encoding="latin-1")
    assert "no configuration of an open_clip model" in refusal(BadInput, f"local-dir:{tmp_path}", tiny)


def test_a_description_that_open_clip_cannot_build_is_refused(state, tmp_path):
    model = MODEL | {"vision_cfg": VISION | {"wings": 2}}
    save_file(state, describe(tmp_path / "winged", model=model) / "open_clip_model.safetensors")
    assert "wings" in refusal(BadInput, None, tmp_path / "winged", load=True)


def test_a_description_cannot_ask_for_code_or_for_chance(tiny, tmp_path):
    for option in ("trust_remote_code", "reduction_mask"):
        text = MODEL["text_cfg"] | {"tokenizer_kwargs": {option: "random"}}
        folder = describe(tmp_path / "sly", model=MODEL | {"text_cfg": text})
        assert option in refusal(BadInput, f"local-dir:{folder}", tiny)


def test_a_folder_with_no_or_several_weights(tmp_path):
    folder = describe(tmp_path / "empty")
    assert "no weights in" in refusal(NotFound, None, folder)
    (folder / "a.pt").touch()
    (folder / "b.safetensors").touch()
    assert "a.pt and b.safetensors: name one with --weights" in refusal(BadInput, None, folder)
    assert "nowhere" in refusal(NotFound, None, tmp_path / "nowhere")
    assert "nowhere" in refusal(NotFound, f"local-dir:{tmp_path / 'nowhere'}", None)
    assert "--weights" in refusal(BadInput, "local-dir", None)


def test_another_architecture_is_refused_with_the_keys_that_differ(tiny, state, tmp_path):
    deeper = MODEL | {"text_cfg": MODEL["text_cfg"] | {"layers": 2}}
    save_file(state, describe(tmp_path / "deeper", model=deeper) / "open_clip_model.safetensors")
    message = refusal(BadInput, None, tmp_path / "deeper", load=True)
    assert message.count(" is missing") == 2
    assert message.endswith(", and 10 more")
    # open_clip would stretch the position embeddings to the other picture size.
    larger = MODEL | {"vision_cfg": VISION | {"image_size": 64}}
    save_file(state, describe(tmp_path / "larger", model=larger) / "open_clip_model.safetensors")
    message = refusal(BadInput, None, tmp_path / "larger", load=True)
    assert message.endswith("visual.positional_embedding has the shape (17, 64) instead of (65, 64)")
    save_file(state | {"extra": torch.zeros(1)}, offending(tmp_path))
    assert refusal(BadInput, None, tmp_path / "bad", load=True).endswith("extra is unexpected")


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("part", [0.0, 0.0001, 0.5, 0.9999])
def test_a_file_that_is_cut_off_is_refused(state, tmp_path, form, part):
    path = offending(tmp_path)
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    assert "damaged" in refusal(BadInput, None, path, load=True)


def test_a_torchscript_archive_is_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.Linear(2, 2)).save(offending(tmp_path))
    message = refusal(BadInput, None, tmp_path / "bad", load=True)
    assert "TorchScript" in message
    assert ".safetensors" in message


class Trap:
    """Pickled, it is a call that leaves a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, form):
    path, sprung = offending(tmp_path), tmp_path / "sprung"
    if form == "bare":
        path.write_bytes(pickle.dumps({"state_dict": Trap(sprung)}))
    else:
        torch.save({"state_dict": Trap(sprung)}, path, _use_new_zipfile_serialization=form == "zip")
    assert "could run code" in refusal(BadInput, None, path, load=True)
    assert not sprung.exists()


def test_what_holds_no_tensors_is_refused(tmp_path):
    torch.save({"epoch": 3}, offending(tmp_path))
    assert "no state dict" in refusal(BadInput, None, tmp_path / "bad", load=True)
    offending(tmp_path).write_text("<!doctype html>", encoding="utf-8")
    assert "damaged" in refusal(BadInput, None, tmp_path / "bad", load=True)


# --- the hub ---


RESOLVE = """
import json, sys
from curator.errors import CuratorError
from curator_plugins.encoders import clip
try:
    resolved = clip.resolve(sys.argv[1], None)
    print(json.dumps([[str(file) for file in resolved.files], resolved.dim, "open_clip" in sys.modules]))
except CuratorError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def resolved_apart(variant, **environment):
    """What `resolve` gives in a process of its own: the hub's library reads its environment once."""
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    command = [sys.executable, "-c", RESOLVE, variant]
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture
def closed():
    """An address that takes no connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def hub(tiny):
    """A server in the manner of the hub: the folders of models are the repositories of org; and what was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            asked.append(self.path)
            owner, _, rest = self.path.removeprefix("/").partition("/")
            path = tiny.parent / rest.replace("/resolve/main/", "/")
            known = owner == "org" and path.is_file()
            content = path.read_bytes() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{len(content):040x}"')
            self.send_header("X-Repo-Commit", "1" * 40)
            if not known:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_a_repository_is_fetched_once_and_then_needs_no_network(hub, tiny, closed, tmp_path):
    address, asked = hub
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1"}
    files, dim, imported = resolved_apart("hf-hub:org/tiny", **environment)
    assert (dim, imported) == (32, False)
    for file, wanted in zip(files, ("open_clip_model.safetensors", "open_clip_config.json"), strict=True):
        with open(file, "rb") as given:
            assert given.read() == (tiny / wanted).read_bytes()
    assert asked
    again = resolved_apart("hf-hub:org/tiny", **environment | {"HF_ENDPOINT": closed})
    assert again == [files, dim, imported]
    assert resolved_apart("hf-hub:org/tiny", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1") == again


def test_a_repository_without_safetensors_gives_its_other_weights(hub, tiny, state, tmp_path):
    torch.save(state, describe(tiny.parent / "old") / "open_clip_pytorch_model.bin")
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub[0], "HF_HUB_DISABLE_XET": "1"}
    (weights, _), dim, _ = resolved_apart("hf-hub:org/old", **environment)
    assert weights.endswith("open_clip_pytorch_model.bin")
    assert dim == 32


def test_a_repository_that_does_not_hold_it(hub, tmp_path):
    kind, message = resolved_apart(
        "hf-hub:org/other", HF_HOME=str(tmp_path), HF_ENDPOINT=hub[0], HF_HUB_DISABLE_XET="1"
    )
    assert kind == "NotFound"
    assert "404" in message
    assert "\n" not in message


@pytest.mark.parametrize("flag", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_offline_the_error_says_what_was_tried_and_what_helps(closed, tmp_path, flag):
    kind, message = resolved_apart("hf-hub:org/tiny", HF_HOME=str(tmp_path), HF_ENDPOINT=closed, **flag)
    assert kind == "NotFound"
    for part in (str(tmp_path / "hub"), f"{closed}/org/tiny", "open_clip_config.json", "--weights FOLDER", *flag):
        assert part in message
    assert "\n" not in message


def test_offline_a_tag_names_its_file(monkeypatch, closed, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", closed)
    monkeypatch.delenv("no_proxy", raising=False)
    message = refusal(NotFound, None, None)
    wanted = (
        "ViT-B-32/laion2b_s34b_b79k",
        str(tmp_path),
        "laion/CLIP-ViT-B-32",
        "open_clip_model.safetensors",
        "--weights FILE",
    )
    assert all(part in message for part in wanted)


def test_a_repository_needs_a_sensible_name():
    assert "ORG/NAME" in refusal(BadInput, "hf-hub:../../etc", None)
    assert "ORG/NAME" in refusal(BadInput, "hf-hub:", None)


def test_files_of_a_repository_can_be_given(tiny):
    given = SPEC.resolve("hf-hub:org/tiny", tiny)
    assert given == dataclasses.replace(SPEC.resolve(None, tiny), variant="hf-hub:org/tiny")
