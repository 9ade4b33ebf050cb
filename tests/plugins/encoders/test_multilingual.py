"""Towers for texts that come from transformers, and so know other languages: through our path as through open_clip's.

transformers is an extra that most people do not need, and slows every import of open_clip; so it is no part of what the
tests install, and these are skipped where it is absent.
"""

from __future__ import annotations

import copy

import numpy as np
import open_clip
import pytest
import torch
from cli_kit import curator_here
from clip_kit import MODEL, PREPROCESS, SPEC, describe, error_of, seen
from PIL import Image
from safetensors.torch import save_file

from curator.api import TextBatch

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

WORDS = ["一只猫", "一只狗", "红色的苹果", "a cat", "ein Hund", "", "a cat " * 30]


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory):
    """A folder as open_clip publishes them: a tiny XLM-RoBERTa with its tokenizer, random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    root = tmp_path_factory.mktemp("multilingual")
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trained.train_from_iterator(WORDS * 3, trainers.BpeTrainer(vocab_size=300, special_tokens=special))
    # As XLM-RoBERTa's: also an empty text has something to take the mean of.
    trained.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    folder = root / "model"
    transformers.PreTrainedTokenizerFast(tokenizer_object=trained, **names).save_pretrained(folder)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.XLMRobertaConfig(vocab_size=300, max_position_embeddings=80, pad_token_id=1, **shape)
    config.save_pretrained(root / "tower")
    model = copy.deepcopy(MODEL)
    tower = {"hf_model_name": str(root / "tower"), "hf_tokenizer_name": str(folder)}
    model["text_cfg"] = {**tower, "hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler", "context_length": 16}
    describe(folder, model, PREPROCESS)
    torch.manual_seed(0)
    network = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False)
    save_file(
        {name: value.contiguous() for name, value in network.state_dict().items()}, folder / "weights.safetensors"
    )
    return folder


def test_texts_and_pictures_are_those_of_open_clip(multilingual, pictures):
    resolved = SPEC.resolve(f"local-dir:{multilingual}", None)
    encoder = SPEC.load(resolved, "cpu")
    network, _, prepare = open_clip.create_model_and_transforms(
        f"local-dir:{multilingual}", pretrained=str(multilingual / "weights.safetensors"), pretrained_text=False
    )
    tokenizer = open_clip.get_tokenizer(f"local-dir:{multilingual}")
    with torch.inference_mode():
        texts = network.eval().encode_text(tokenizer(WORDS)).numpy()
        images = network.encode_image(torch.stack([prepare(Image.open(picture)) for picture in pictures])).numpy()
    assert error_of(encoder.encode(TextBatch(WORDS)), texts) < 1e-4
    assert error_of(encoder.encode(seen(pictures, resolved.preprocess)), images) < 1e-4
    assert encoder.truncated(TextBatch(WORDS)) == [6]
    assert np.isfinite(texts).all()


def test_chinese_names_sort_pictures(multilingual, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert curator_here("add", *map(str, pictures), "--no-encode").code == 0
    ran = curator_here("encode", "-e", "clip", "--weights", str(multilingual))
    assert ran.code == 0, ran
    ran = curator_here("classify", "--classes", "猫,狗", "-e", "clip", "--json")
    assert ran.code == 0 and {row["label"] for row in ran.rows("prediction")} <= {"猫", "狗"}, ran
