"""Classes by their names alone: the figures against open_clip's own towers, and what is refused."""

from __future__ import annotations

import os
import shlex

import cli_kit
import numpy as np
import open_clip
import pytest
import torch
from clip_kit import by_open_clip, describe
from curator_plugins.actions.classify.words import CHINESE, ENGLISH, names_in
from safetensors.torch import save_file

from curator.errors import BadInput


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace with six pictures and two texts, embedded by a tiny CLIP of random weights."""
    root = tmp_path_factory.mktemp("words")
    torch.manual_seed(0)
    tiny = describe(root / "tiny")
    network = open_clip.create_model(f"local-dir:{tiny}")
    # As initialised, all texts have nearly the same vector, and every class nearly the same probability.
    torch.nn.init.normal_(network.token_embedding.weight)
    save_file(network.state_dict(), tiny / "open_clip_model.safetensors")
    (root / "pictures").mkdir()
    for number in range(6):
        cli_kit.photo(root / "pictures" / f"{number}.jpg", number)
    cli_kit.texts(root / "texts", 2)
    workspace = str(root / "workspace")
    assert cli_kit.curator_here("init", "-w", workspace).code == 0
    assert (
        cli_kit.curator_here("add", str(root / "pictures"), str(root / "texts"), "--no-encode", "-w", workspace).code
        == 0
    )
    assert cli_kit.curator_here("encode", "-e", "clip", "--weights", str(tiny), "-w", workspace).code == 0
    return root


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


def classified(*args: str) -> list[dict]:
    ran = cli_kit.curator_here("classify", "-e", "clip", "--json", *args)
    assert ran.code == 0, ran
    return ran.rows("zero-shot")


def probabilities(rows):
    return {(row["path"] or row["id"]): (row["label"], row["probability"]) for row in rows}


# --- what it says ---


def test_probabilities_are_those_of_the_paper(folder):
    """A softmax of 100 times the cosine with the mean of unit vectors, all of it by open_clip."""
    names, prompts = ("apple", "a pear", "{x}"), ("a photo of a {}", "{} and {}", "一张{}")
    rows = classified("--classes", ", ".join(names), *(word for prompt in prompts for word in ("--prompt", prompt)))
    network = open_clip.create_model(f"local-dir:{folder / 'tiny'}").eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder / 'tiny'}")
    with torch.inference_mode():
        written = [[prompt.replace("{}", name) for prompt in prompts] for name in names]
        towers = [network.encode_text(tokenizer(texts), normalize=True).mean(dim=0) for texts in written]
        classes = torch.nn.functional.normalize(torch.stack(towers), dim=1)
        files = sorted((folder / "pictures").iterdir())
        images = torch.from_numpy(by_open_clip(files, f"local-dir:{folder / 'tiny'}")[0])
        wanted = (100 * torch.nn.functional.normalize(images, dim=1) @ classes.T).softmax(dim=1).numpy()
    assert 0.4 < wanted.max() < 0.97  # else a wrong factor or length would hardly show
    best = {str(file): (names[row.argmax()], row.max()) for file, row in zip(files, wanted, strict=True)}
    told = probabilities(rows)
    assert {path: label for path, (label, _) in told.items()} == {path: label for path, (label, _) in best.items()}
    np.testing.assert_allclose([told[path][1] for path in best], [value for _, value in best.values()], atol=1e-4)
    assert [row["probability"] for row in rows] == sorted((row["probability"] for row in rows), reverse=True)


def test_names_in_chinese_characters_go_into_chinese_prompts():
    given = [classified("--classes", "苹果，香蕉", *(f"--prompt={one}" for one in ours)) for ours in (CHINESE, ENGLISH)]
    assert classified("--classes", "苹果，香蕉") == given[0] != given[1]
    given = [classified("--classes", "apple,pear", *(f"--prompt={one}" for one in ours)) for ours in (CHINESE, ENGLISH)]
    assert classified("--classes", "apple,pear") == given[1] != given[0]


def test_pictures_are_classified_and_texts_only_where_they_are_asked_for(folder):
    assert {row["text"] for row in classified("--classes", "apple,pear")} == {None}
    assert len(classified("--classes", "apple,pear")) == 6
    texts = classified("--classes", "apple,pear", "--media", "text")
    assert {row["text"][:11] for row in texts} == {"text number"} and len(texts) == 2
    assert classified("--classes", "apple,pear", "--media", "text", "--under", "pictures") == []


def test_one_note_says_what_the_figures_are_and_no_table_of_held_out_ones_is_shown():
    ran = cli_kit.curator_here("classify", "--classes", "apple,pear", "-e", "clip", "--json")
    (note,) = (line for line in ran.err.splitlines() if line.startswith("note:"))
    assert "not calibrated" in note and "held-out" in note
    assert ran.rows("held-out") == []
    assert set(ran.rows("zero-shot")[0]) == {"kind", "probability", "label", "id", "path", "text", "row"}


def test_a_sheet_shows_the_most_probable_and_the_least_sure(folder):
    assert cli_kit.curator_here("classify", "--classes", "apple,pear", "-e", "clip", "--sheet", "out.png").code == 0
    assert cli_kit.kind_of(folder / "out.png") == "PNG"
    ran = cli_kit.curator_here(
        "classify", "--classes", "apple,pear", "-e", "clip", "--under", "texts", "--sheet", "none.png"
    )
    assert ran.code == 0 and "nothing to predict" in ran.err


# --- what is refused ---

REFUSED = [
    ("--classes apple -e clip", 2, ["'apple'", "at least two"]),
    ("--classes '' -e clip", 2, ["classes takes a text, and '' is empty"]),
    ("--classes apple,,pear -e clip", 2, ["'apple,,pear'", "empty name"]),
    ("--classes apple,pear, -e clip", 2, ["empty name"]),
    ("--classes 苹果，梨，苹果 -e clip", 2, ["'苹果' twice"]),
    ("--classes 'apple, Apple' -e clip", 2, ["'apple' twice"]),
    ("--classes apple,pear -e clip --prompt 'a photo'", 2, ["'a photo'", "no {}"]),
    ("--classes apple,pear -e clip --prompt 'a {}' --prompt ''", 2, ["prompt takes a text, and '' is empty"]),
    ("--classes apple,pear -e clip --head logistic", 2, ["--classes or --head", "not both"]),
    ("--classes apple,pear -e clip --label x", 2, ["--classes or --label"]),
    ("--classes apple,pear -e clip --group x", 2, ["--classes or --group"]),
    ("--label x --prompt 'a {}'", 2, ["--prompt", "--classes"]),
    ("--classes apple,pear", 2, ["efficientnet-lite0 encodes no texts", "-e clip", "curator encoders"]),
    ("--classes apple,pear -e ngram", 2, ["ngram encodes no images", "-e clip"]),
    ("--classes apple,pear -e clp", 3, ["did you mean 'clip'?"]),
    ("", 2, ["--label NAME or --group NAME", "--classes NAME,NAME"]),
    ("--label x --group y", 2, ["either --label NAME or --group NAME"]),
]


@pytest.mark.parametrize(("options", "code", "words"), REFUSED, ids=[options for options, *_ in REFUSED])
def test_one_line_says_what_is_wrong(options, code, words):
    ran = cli_kit.curator_here("classify", *shlex.split(options))
    ran.assert_failed(code, *words)
    assert ran.out == ""


def test_bytes_that_are_no_text_are_refused(folder):
    name = os.fsdecode(b"\xff")
    cli_kit.curator_here("classify", "--classes", f"apple,{name}", "-e", "clip").assert_failed(2, "not valid UTF-8")


def test_names_are_told_apart_by_commas_chinese_ones_too():
    assert names_in(" red car ,青苹果，梨、桃") == ("red car", "青苹果", "梨", "桃")
    with pytest.raises(BadInput, match="empty name"):
        names_in("a,，b")
