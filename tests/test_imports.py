"""What a command imports, in a fresh process. Counts and sets, not seconds: those are in `benchmarks/`."""

from __future__ import annotations

import json
import sys

import pytest
from fakes import picture
from plugin_kit import Site, encoder

LIGHT = {"click", "pluggy", "curator", "curator_plugins"}
NETWORKS = {"torch", "torchvision", "timm", "open_clip", "transformers", "huggingface_hub"}

# Runs a command; then one line more on stderr: the packages that are loaded now and were not before.
SPY = """
import sys
before = set(sys.modules)
from curator.cli import main
try:
    main()
finally:
    import json
    print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})), file=sys.stderr)
"""


def third_party(site: Site, *arguments: str) -> set[str]:
    """The packages that a command imports, without the standard library's."""
    ran = site.run(*arguments, code=SPY)
    assert ran.code == 0, ran.err
    return set(json.loads(ran.err.splitlines()[-1])) - set(sys.stdlib_module_names)


@pytest.fixture
def site(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    return Site(tmp_path / "site", tmp_path / "folder")


FIRST_COMMANDS = [["--help"], ["--version"], ["add", "--help"], ["similar", "--help"], ["plugins", "--json"]]


@pytest.mark.parametrize("arguments", FIRST_COMMANDS, ids=" ".join)
def test_the_way_to_help_is_light(site, arguments):
    site.lay("light", encoder("light"))
    assert third_party(site, *arguments) - {"light"} <= LIGHT


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "--json"]], ids=" ".join)
def test_a_plugin_that_imports_numpy_at_the_top_breaks_the_budget(site, arguments):
    site.lay("heavy", f"import numpy\n{encoder('heavy')}")
    assert "numpy" in third_party(site, *arguments) - LIGHT


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A small catalogue of texts, embedded; with what the command that made it imported."""
    site = Site(tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("folder"))
    (site.folder / "texts").mkdir()
    for number in range(5):
        (site.folder / f"texts/{number}.txt").write_text(f"text number {number}")
    return site, third_party(site, "add", "texts")


def test_embedding_imports_what_it_needs_and_no_network_library(texts):
    _, imported = texts
    assert {"numpy", "sklearn"} <= imported
    assert not imported & NETWORKS


@pytest.mark.parametrize(
    ("arguments", "free_of"),
    [
        (["add", "texts"], NETWORKS | {"sklearn", "scipy", "numpy", "rich", "safetensors"}),
        (["status"], NETWORKS | {"sklearn", "scipy", "numpy", "PIL", "safetensors"}),
        (["ls"], NETWORKS | {"sklearn", "scipy", "numpy", "PIL", "rich", "safetensors"}),
        (["similar", "id:1", "--json"], NETWORKS | {"sklearn", "scipy", "PIL", "rich", "safetensors"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_on_what_is_embedded_imports_no_encoder(texts, arguments, free_of):
    site, _ = texts
    imported = third_party(site, *arguments)
    assert imported & free_of == set()


def test_a_query_that_has_to_be_embedded_imports_its_encoder(texts):
    """The mutant of the test above: it sees what it says that it sees."""
    site, _ = texts
    assert "sklearn" in third_party(site, "similar", "--text", "another text")


@pytest.mark.slow
def test_pictures_are_added_and_found_without_torch(site):
    (site.folder / "photos").mkdir()
    for number in range(3):
        picture(site.folder / "photos" / f"{number}.png", number, (60, 40))
    picture(site.folder / "new.png", 9, (60, 40))
    imported = third_party(site, "add", "photos")
    assert {"onnx", "onnxruntime"} <= imported and not imported & NETWORKS
    assert not third_party(site, "similar", "photos/1.png") & (NETWORKS | {"cv2", "onnx", "onnxruntime", "openvino"})
    imported = third_party(site, "similar", "new.png")
    assert "onnxruntime" in imported and not imported & (NETWORKS | {"cv2", "onnx", "openvino"})
    # The mutant of the above: it sees what it says that it sees.
    (site.folder / "workspace" / "derived.db").unlink()
    assert {"torch", "timm"} <= third_party(site, "encode", "--runtime", "torch")
