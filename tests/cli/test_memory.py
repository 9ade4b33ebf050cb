"""`--memory`: what does not fit is a reason that names it, and is tried again with more."""

from __future__ import annotations

import pytest
from PIL import Image


def test_a_picture_that_does_not_fit_is_a_reason_and_fits_with_more(run, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (1500, 1500), "red").save(tmp_path / "photos/large.png")
    Image.new("RGB", (100, 100), "blue").save(tmp_path / "photos/small.png")
    done = run("add", "photos", "--memory", "4M")
    done.assert_ended(5, "1 of 2 files could not be used")
    assert "decoding it takes" in done.err and "--memory" in done.err
    assert "--memory" in run("status", "--problems").out
    done = run("encode", "--memory", "1G", "--json")
    assert done.code == 0 and done.row("encoded")["encoded"] == 1


@pytest.mark.parametrize("size", ["much", "-1G", "0", "12", ""])
def test_what_is_no_size_is_said(run, tmp_path, size):
    (tmp_path / "a.txt").write_text("a text")
    run("add", "a.txt", "--memory", size).assert_failed(2, "--memory", "512M")
    assert not (tmp_path / "workspace").exists()
