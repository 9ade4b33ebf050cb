"""CLIP's texts without open_clip: the same tokens, the same vectors, no torch, and word of what is cut."""

from __future__ import annotations

import json
import subprocess
import sys

import cli_kit
import numpy as np
import open_clip
import pytest
from clip_kit import SPEC, TEXTS
from curator_plugins.encoders import clip
from curator_plugins.encoders.clip.tokenizing import serialise_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.api import TextBatch
from curator.errors import BadInput
from curator.testing import samples

pytestmark = pytest.mark.slow

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"

# What byte-pair encodings, their cleaning and their patterns trip over.
TRAPS = (
    "don't|WE'LL|&amp;amp;|&lt;b&gt;|<end_of_text>|<START_OF_TEXT>|Ａ１|“x”|ﬁ|  |\t\n|\u3000|\u200b|İ|ß|e\u0301|🍎|"
    "👩\u200d👩\u200d👧|苹果|schÃ¶n|_|1234|¹²"
)
PIECES = st.text(max_size=12) | st.sampled_from(TRAPS.split("|"))


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
def test_tokens_are_those_of_open_clip(clean):
    tokenizer = open_clip.tokenizer.SimpleTokenizer(context_length=16, clean=clean)
    data = serialise_tokenizer(tokenizer)

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.lists(PIECES, max_size=8).map("".join), min_size=10, max_size=40))
    def same(texts):
        tokens, cut = clip.tokens(data, texts)
        assert tokens.tolist() == tokenizer(texts).tolist()
        assert cut == [row for row, text in enumerate(texts) if len(tokenizer.encode(text)) > 14]

    same()


def test_the_samples_of_the_contract_kit_are_the_same_too():
    tokenizer = open_clip.tokenizer.SimpleTokenizer()
    texts = [*samples.TEXTS, *samples.ODD_TEXTS.values()]
    tokens, _ = clip.tokens(serialise_tokenizer(tokenizer), texts)
    np.testing.assert_array_equal(tokens, tokenizer(texts).numpy())


def test_a_tokenizer_that_draws_is_not_written_down():
    with pytest.raises(BadInput, match="need open_clip"):
        serialise_tokenizer(open_clip.tokenizer.SimpleTokenizer(reduction_mask="random"))
    with pytest.raises(BadInput, match="object with these options"):
        serialise_tokenizer(object())


def test_the_encoder_and_the_tokenizer_agree_on_what_is_cut(tiny):
    encoder = SPEC.load(SPEC.resolve(f"local-dir:{tiny}", None), "cpu")
    texts = [*TEXTS, LONG, " ".join(LONG.split()[:14])]
    assert encoder.truncated(TextBatch(texts)) == clip.tokens(encoder.onnx_text().tokenizer, texts)[1] == [2, 4, 6]


@pytest.fixture
def folder(tiny, tmp_path, monkeypatch):
    """A workspace with three texts, embedded by the tiny model."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"cat": "a photo of a cat", "long": LONG, "奥": "奥特曼"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    assert cli_kit.curator_here("add", ".", "--no-encode").code == 0
    ran = cli_kit.curator_here("encode", "-e", "clip", "--weights", str(tiny))
    assert ran.code == 0, ran
    assert "note: a text is longer than what clip:" in ran.err
    return tmp_path


LOOK = """
import json, sys
from curator.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(set(sys.modules) & {"torch", "open_clip", "timm", "transformers"})), file=sys.stderr)
"""


def asked(folder, text):
    """What is found by a text in a new process, what it says, and which heavy modules it imported."""
    command = [sys.executable, "-c", LOOK, "similar", "--text", text, "-e", "clip", "--media", "text", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    *said, modules = done.stderr.splitlines()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["id"], round(row["score"], 3)) for row in rows], said, json.loads(modules)


def test_a_query_in_words_needs_no_torch_and_finds_the_same(folder):
    quick, said, modules = asked(folder, "a picture of cats")
    assert (len(quick), said, modules) == (3, [], [])
    import sqlite3

    with sqlite3.connect(folder / "workspace" / "derived.db") as database:
        assert database.execute("DELETE FROM form WHERE medium = 'text'").rowcount == 1
    slow, _, modules = asked(folder, "a picture of cats")
    assert slow == quick
    assert {"torch", "open_clip"} <= set(modules)
    assert asked(folder, "a picture of cats") == (quick, [], [])  # that query left a form


def test_a_query_that_is_cut_is_said_to_be(folder):
    found, said, modules = asked(folder, LONG + " sixteen")
    assert (len(found), modules) == (3, [])
    (line,) = [line for line in said if line.startswith("note: ")]
    assert line.startswith("note: a text is longer than what clip") and line.endswith("only the beginning counts")
