"""`encode --runtime` and `--exact`, by the real command: what is misspelt, broken, or can run no form of an encoder."""

from __future__ import annotations

import os
import shutil

import pytest
from cli_kit import photo

BROKEN = "raise ImportError('libopenvino.so: cannot open shared object file')\n"


@pytest.fixture
def texts(run, tmp_path):
    (tmp_path / "texts").mkdir()
    for number in range(3):
        (tmp_path / "texts" / f"{number}.txt").write_text(f"text number {number}")
    assert run("add", "texts", "--no-encode").code == 0
    return tmp_path


def broken(folder, package):
    """A folder in which that package is installed and cannot be imported."""
    site = folder / "site"
    (site / package).mkdir(parents=True)
    (site / package / "__init__.py").write_text(BROKEN)
    (site / f"{package}-9.9.dist-info").mkdir()
    (site / f"{package}-9.9.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 9.9\n"
    )
    return {"PYTHONPATH": os.fspath(site)}


def test_a_misspelt_runtime_is_bad_usage(run, texts):
    ran = run("encode", "--runtime", "openvin")
    assert ran.code == 2 and "'openvin' is not one of" in ran.err and "'onnxruntime'" in ran.err
    assert run("ls", "--json").code == 0


def test_a_broken_runtime_by_its_name_stops_with_one_line(run, texts):
    env = broken(texts, "openvino")
    ran = run("encode", "--runtime", "openvino", env=env)
    ran.assert_failed(4, "openvino cannot be used", "libopenvino.so", "leave --runtime out")
    assert run("encode", env=env).code == 0


@pytest.mark.torch
def test_an_encoder_without_a_form_stops_a_runtime_by_its_name(run, texts):
    ran = run("encode", "--runtime", "onnxruntime")
    ran.assert_ended(4, "ngram has no form that onnxruntime could run", "-e", "--runtime")
    (row,) = run("encode", "--runtime", "torch", "--exact", "--json").rows("encoded")
    assert (row["runtime"], row["precision"]) == ("torch", "float32")


@pytest.mark.slow
def test_where_the_runtime_that_comes_with_curator_is_broken_the_encoder_is_loaded(run, tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        photo(tmp_path / "photos" / f"{number}.png", number)
    photo(tmp_path / "new.png", 9)
    assert run("add", "photos").code == 0

    def found(env=None):
        rows = run("similar", "new.png", "--json", env=env).rows("neighbour")
        return [(row["id"], round(row["score"], 4)) for row in rows]

    quick, env = found(), broken(tmp_path, "onnxruntime")
    assert len(quick) == 3 and found(env) == quick
    shutil.copy(tmp_path / "new.png", tmp_path / "photos" / "3.png")
    assert run("add", "photos", env=env).code == 0
    run("encode", "--runtime", "onnxruntime", env=env).assert_failed(4, "onnxruntime cannot be imported")
