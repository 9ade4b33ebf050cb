"""CLIP against open_clip's own loop, and every way in which model, weights or preprocessing can be wrong."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pickle
import warnings

import numpy as np
import open_clip
import pytest
import torch
from clip_kit import MODEL, PREPROCESS, SPEC, TEXTS, VISION, by_open_clip, describe, error_of, offending, refusal, seen
from curator_plugins.encoders import clip
from PIL import Image
from safetensors.torch import save_file

from curator.api import Preprocess, TextBatch
from curator.errors import BadInput, NotFound, NotReady
from curator.media.preprocessing import pixels

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
    assert "not a configuration of an open_clip model" in refusal(BadInput, f"local-dir:{tmp_path}", tiny)


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
    assert ("damaged" if part else "is empty") in refusal(BadInput, None, path, load=True)


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
    assert "a page of HTML" in refusal(BadInput, None, tmp_path / "bad", load=True)


def test_it_says_what_it_would_fetch(tiny, tmp_path, monkeypatch):
    import huggingface_hub

    published = open_clip.pretrained.get_pretrained_cfg(*clip.DEFAULT.split("/"))
    assert published["hf_hub"].rstrip("/") == clip.DEFAULT_REPOSITORY
    here = tmp_path / "weights"
    here.touch()
    found = {}
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: found.get(repository))
    assert SPEC.lacking(None) == SPEC.lacking(clip.DEFAULT) == "600 MB to fetch"
    assert SPEC.lacking("hf-hub:somebody/model") == "weights to fetch"
    assert "unless" in SPEC.lacking("ViT-L-14/openai")
    found |= {clip.DEFAULT_REPOSITORY: str(here), "somebody/model": str(here)}
    assert SPEC.lacking(None) == SPEC.lacking("hf-hub:somebody/model") == ""
    assert SPEC.lacking(f"local-dir:{tiny}") == "" and "is gone" in SPEC.lacking(f"local-dir:{tmp_path}/nothing")


def test_the_default_is_as_large_as_it_says():
    """Four bytes a parameter."""
    network = open_clip.create_model(clip.DEFAULT.partition("/")[0])
    assert round(sum(value.numel() for value in network.parameters()) * 4 / 1e6, -1) == pytest.approx(600, abs=10)
