"""A text beside pictures of its name, through the real command line."""

from __future__ import annotations

import cli_kit


def captions(run, item):
    facts = run("show", item, "--json").rows("fact")
    return [row["value"] for row in facts if row["fact"] == "caption"]


def test_a_text_beside_several_pictures_of_its_name_is_the_caption_of_each(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(("a.jpg", "a.png", "a.webp", "b.png")):
        cli_kit.photo(folder / name, number)
    (folder / "a.txt").write_text("a red square")
    ran = run("add", "pictures", "--captions", "--no-encode", "--json")
    assert ran.row("added")["captions"] == 3
    said = [captions(run, f"pictures/{name}") for name in ("a.jpg", "a.png", "a.webp", "b.png")]
    assert all("a red square" in one for (one,) in said[:3]) and said[3] == []
    assert run("add", "pictures", "--captions", "--no-encode", "--json").row("added")["captions"] == 0
