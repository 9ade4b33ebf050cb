"""Words find pictures and pictures find words, through the command line, by a CLIP that was trained here.

Measured over five trainings (seeds 0 to 4) on new pictures; the thresholds lie well below the worst of them, as the
same seed trains another network on another processor:

                                                          chance   worst to best   held to
    words to picture, unseen combinations                   0.04    0.97 to 1.00      0.75
    picture to words, unseen combinations                   0.04    0.67 to 0.93      0.40
    colour by name, all pictures / unseen combinations      0.17    0.98 / 0.93      0.85 / 0.70
    shape by name, all pictures / unseen combinations       0.25    0.93 / 0.70      0.75 / 0.45
"""

from __future__ import annotations

import random

import cli_kit
import pytest
import torch
from tiny_clip import ALL, COLOURS, HELD_OUT, SHAPES, picture, train

EACH = 5
"""Pictures of each combination."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace with new pictures of all combinations and a text for each, embedded by the trained model."""
    root = tmp_path_factory.mktemp("trained")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as several tests run at once, and the network is small
    train(root / "model")
    torch.set_num_threads(threads)
    chance = random.Random(1000)
    (root / "pictures").mkdir()
    (root / "texts").mkdir()
    for colour, shape in ALL:
        (root / "texts" / f"{colour}-{shape}.txt").write_text(f"a {colour} {shape}")
        for number in range(EACH):
            picture(colour, shape, chance).save(root / "pictures" / f"{colour}-{shape}-{number}.png")
    for command in (
        ("init",),
        ("add", "pictures", "texts", "--no-encode"),
        ("encode", "-e", "clip", "--weights", "model"),
    ):
        ran = cli_kit.curator(*command, cwd=root)
        assert ran.code == 0, ran
    return root


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


def rows(kind, *args):
    ran = cli_kit.curator_here(*args, "-e", "clip", "--json")
    assert ran.code == 0, ran
    return ran.rows(kind)


def shown(row) -> tuple[str, ...]:
    """The colour and the shape of a picture or text, from the name of its file."""
    return tuple(row["path"].rpartition("/")[2].removesuffix(".txt").split("-")[:2])


@pytest.mark.slow
def test_words_find_pictures_of_what_they_were_never_seen_together_for():
    """Chance is 1 in 24."""
    found = [
        [
            shown(row) == pair
            for row in rows("neighbour", "similar", "--text", "a photo of a {} {}".format(*pair), "-k", "5", "--copies")
        ]
        for pair in HELD_OUT
    ]
    assert all(len(one) == EACH for one in found)
    assert sum(map(sum, found)) / (EACH * len(HELD_OUT)) >= 0.75, found


@pytest.mark.slow
def test_pictures_find_words_that_were_never_seen_together():
    """Chance is 1 in 24."""
    files = [(pair, f"pictures/{'-'.join(pair)}-{number}.png") for pair in HELD_OUT for number in range(EACH)]
    found = [
        (pair, shown(row))
        for pair, file in files
        for row in rows("neighbour", "similar", file, "--media", "text", "-k", "1")
    ]
    assert len(found) == len(files)
    assert sum(pair == text for pair, text in found) / len(found) >= 0.4, found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "part", "least", "unseen"), [(COLOURS, 0, 0.85, 0.7), (SHAPES, 1, 0.75, 0.45)], ids=["colours", "shapes"]
)
def test_names_alone_sort_pictures(names, part, least, unseen):
    """Chance is 1 in 6 for the colours, and 1 in 4 for the shapes."""
    told = rows("zero-shot", "classify", "--classes", ",".join(names))
    assert len(told) == EACH * len(ALL)
    right = [(shown(row) in HELD_OUT, row["label"] == shown(row)[part]) for row in told]
    assert sum(good for _, good in right) / len(right) >= least
    parts = [good for held_out, good in right if held_out]
    assert len(parts) == EACH * len(HELD_OUT) and sum(parts) / len(parts) >= unseen


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same(folder):
    for kind, command in {
        "neighbour": ("similar", "--text", "a red circle", "-k", "3"),
        "zero-shot": ("classify", "--classes", "red,green,blue"),
    }.items():
        ran = cli_kit.curator(*command, "-e", "clip", "--json", cwd=folder)
        assert ran.code == 0, ran
        assert [row["id"] for row in ran.rows(kind)] == [row["id"] for row in rows(kind, *command)] != []


@pytest.mark.slow
def test_captions_of_another_shape_and_colour_fit_badly(folder, tmp_path, monkeypatch):
    """By the networks of seeds 0 and 1 all 21 such were flagged, and none of 548 right ones."""
    chance = random.Random(2000)
    (tmp_path / "pictures").mkdir()
    shown = [(pair, form) for form in ("a photo of a {} {}", "the {} {}.", "a {} {}") for pair in ALL]
    wrong = {3: 8, 8: 3, 17: 46, 46: 17, 50: 31, 31: 50}
    assert all(shown[a][0][part] != shown[b][0][part] for a, b in wrong.items() for part in (0, 1))
    for number, (pair, _) in enumerate(shown):
        picture(*pair, chance).save(tmp_path / f"pictures/{number}.png")
        said, form = shown[wrong.get(number, number)]
        (tmp_path / f"pictures/{number}.txt").write_text(form.format(*said))
    monkeypatch.chdir(tmp_path)
    for command in (
        ("add", "pictures", "--captions", "--no-encode"),
        ("encode", "-e", "clip", "--weights", str(folder / "model")),
    ):
        ran = cli_kit.curator_here(*command)
        assert ran.code == 0, ran
    ran = cli_kit.curator_here("audit", "--check", "odd-caption", "--json", "--limit", "0")
    flagged = {int(row["path"].rpartition("/")[2].removesuffix(".txt")) for row in ran.rows("flaw")}
    assert len(flagged & {*wrong}) >= 5 and len(flagged - {*wrong}) <= 2, ran
