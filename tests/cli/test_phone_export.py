"""What lies in a phone's export: each kind of picture is read, or what reads it is named; none is passed over."""

from __future__ import annotations

import os
import struct
import zlib

import cli_kit
import phone
import pytest
from PIL import Image

from curator.kit.images import thumbnail

needs_heic = pytest.mark.skipif(not phone.HAS_HEIC, reason="pillow-heif is not installed")
needs_raw = pytest.mark.skipif(not phone.HAS_RAW, reason="rawpy is not installed")


def without(tmp_path, *modules):
    """An environment in which these cannot be imported."""
    folder = tmp_path / "hidden"
    folder.mkdir(exist_ok=True)
    for name in modules:
        (folder / f"{name}.py").write_text("raise ImportError('is not installed')\n")
    return {"PYTHONPATH": str(folder)}


def reasons(run):
    return [row["reason"] for row in run("status", "--problems", "--json").rows("problem")]


def formats(run, count):
    """What each item is, in the order in which they were added."""
    facts = [run("show", f"id:{number}", "--json").rows("fact") for number in range(1, count + 1)]
    return [next(row["value"] for row in rows if row["fact"] == "format") for rows in facts]


@needs_heic
def test_heic_and_avif_are_read_and_embedded(run, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    phone.halves().save(photos / "a.avif", exif=phone.turned(6))
    phone.heic(photos / "b.HEIC", exif=phone.turned(6))
    (photos / "c.jpg").write_bytes((photos / "b.HEIC").read_bytes())  # as some exports call it
    done = run("add", "photos", "--json")
    assert done.code == 0 and (done.row("added")["added"], done.row("added")["encoded"]) == (2, 2), done
    assert formats(run, 2) == ["AVIF, 240 x 320 pixels", "HEIF, 240 x 320 pixels"]
    for name in ("a.avif", "b.HEIC"):
        red, blue = (thumbnail(photos / name, 60, 80).getpixel((30, at)) for at in (10, 70))
        assert red[0] > 200 > 60 > red[2] and blue[2] > 200 > 60 > blue[0]


@needs_raw
def test_a_raw_photo_is_its_preview(run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.DNG").write_bytes(phone.dng(phone.halves(), orientation=6))
    (tmp_path / "photos/bare.dng").write_bytes(phone.dng())
    (tmp_path / "photos" / os.fsdecode(b"caf\xe9.dng")).write_bytes(phone.dng(phone.halves(80, 60)))
    done = run("add", "photos", "--json")
    assert done.code == 5 and done.row("added")["encoded"] == 2, done
    assert formats(run, 1) == ["DNG, 240 x 320 pixels"]
    assert reasons(run) == ["a raw photo without a preview that can be read"]
    small = thumbnail(tmp_path / "photos/a.DNG", 60, 80)
    assert small.size == (60, 80) and small.getpixel((30, 10))[0] > 200


def test_what_reads_them_is_named_where_it_is_not_installed(run, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "IMG_1.HEIC").write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(40))
    (photos / "IMG_2.jpg").write_bytes(struct.pack(">I", 24) + b"ftypmif1" + bytes(40))
    (photos / "IMG_3.NEF").write_bytes(b"II*\0" + bytes(40))
    (photos / "IMG_4.jxl").write_bytes(b"\xff\x0a" + bytes(40))
    done = run("add", "photos", env=without(tmp_path, "pillow_heif", "rawpy"))
    done.assert_ended(5, "4 of 4 files could not be used")
    assert "neither an image" not in done.out and "nothing to add" not in done.out
    assert "IMG_1.HEIC: HEIC, which needs pillow-heif: pip install pillow-heif" in done.err
    assert "IMG_2.jpg: HEIC, which needs" in done.err
    assert "IMG_3.NEF: NEF, a raw photo, which needs rawpy: pip install 'curator-agent[raw]'" in done.err
    assert "IMG_4.jxl: JPEG XL, which curator does not read" in done.err


@needs_heic
def test_once_it_is_installed_the_same_command_reads_them(run, tmp_path):
    (tmp_path / "photos").mkdir()
    phone.heic(tmp_path / "photos/a.heic")
    assert run("add", "photos", "--no-encode", env=without(tmp_path, "pillow_heif")).code == 5
    done = run("add", "photos", "--no-encode", "--json")
    assert done.code == 0 and done.row("added")["added"] == 1 and reasons(run) == []


@needs_heic
def test_what_a_heic_says_of_its_size_is_not_believed(run, tmp_path):
    """The container says 64 x 64 pixels, the stream within has many more: none are decoded."""
    (tmp_path / "photos").mkdir()
    data = bytearray(phone.heic(tmp_path / "photos/a.heic", phone.halves(1200, 900)))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 64, 64)
    (tmp_path / "photos/a.heic").write_bytes(data)
    cli_kit.photo(tmp_path / "photos/b.jpg", 1)
    done = run("add", "photos")
    done.assert_ended(5, "1 of 2 files could not be used")
    assert "cannot be decoded" in done.err


def test_a_photo_with_a_gain_map_is_one_picture(run, tmp_path):
    """Phones write HDR photos as an MPO with the ending of a JPEG."""
    (tmp_path / "photos").mkdir()
    main, behind = phone.halves(), phone.halves(80, 60, "white", "black")
    main.save(tmp_path / "photos/hdr.jpg", "MPO", save_all=True, append_images=[behind])
    main.save(tmp_path / "photos/plain.png")
    done = run("add", "photos", "--json")
    assert done.code == 0 and done.row("added")["encoded"] == 2
    assert formats(run, 1) == ["MPO, 320 x 240 pixels"]
    nearest = run("similar", "id:1", "-k", "1", "--json").rows("neighbour")[0]
    assert nearest["score"] > 0.98, nearest  # as near as a film of two would not be


def test_a_file_is_no_program_whatever_its_name(run, tmp_path):
    """Pillow would have Ghostscript run what stands in an EPS, also where it is called a JPEG."""
    (tmp_path / "photos").mkdir()
    phone.halves().save(tmp_path / "photos/a.jpg", "EPS")
    done = run("add", "photos")
    assert done.code == 5 and "not an image that Pillow can read" in done.err, done


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_with_megabytes_of_text_is_read_and_one_with_many_is_not(run, tmp_path):
    (tmp_path / "photos").mkdir()
    phone.halves().save(tmp_path / "plain.png")
    plain = (tmp_path / "plain.png").read_bytes()
    for name, size in (("recipe", 6 << 20), ("bomb", 17 << 20)):
        text = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"{" + b" " * size + b"}", 1))
        (tmp_path / f"photos/{name}.png").write_bytes(plain[:33] + text + plain[33:])
    done = run("add", "photos")
    done.assert_ended(5, "1 of 2 files could not be used")
    assert "bomb.png" in done.err and "recipe.png" not in done.err


def test_a_picture_of_too_many_pixels_names_the_option_and_is_read_with_it(run, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("1", (3000, 1000)).save(tmp_path / "photos/wide.png")
    done = run("add", "photos", "--max-pixels", "2M")
    done.assert_ended(5, "1 of 1 file")
    assert "a picture of 3 megapixels, over the limit of 2" in done.err and "--max-pixels 3M allows it" in done.err
    done = run("add", "photos", "--max-pixels", "3M", "--memory", "1M")
    assert done.code == 5 and "--memory 15M allows it" in done.err  # one limit is not the other
    assert run("encode", "--max-pixels", "3M").code == 0


@pytest.mark.parametrize("number", ["many", "-1M", "0", ""])
def test_what_is_no_number_of_pixels_is_said(run, tmp_path, number):
    (tmp_path / "a.txt").write_text("a text")
    run("add", "a.txt", "--max-pixels", number).assert_failed(2, "--max-pixels", "300M")
    assert not (tmp_path / "workspace").exists()


def test_what_a_disk_station_keeps_is_counted_and_is_no_label(run, tmp_path):
    for number, name in enumerate(("cat/a.jpg", "@eaDir/a.jpg/thumb.jpg", "#recycle/gone.jpg", "cat/@eaDir/a.jpg")):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        cli_kit.photo(tmp_path / "photos" / name, number)
    done = run("add", "photos", "--labels-from-folders", "--no-encode")
    assert done.code == 0 and "1 file: 1 new item" in done.out
    assert "left out: 2 (in @eaDir: --hidden takes them)" in done.out
    assert "left out: 1 (in #recycle: --hidden takes them)" in done.out
    done = run("add", "photos", "--labels-from-folders", "--hidden", "--no-encode")
    assert done.code == 0 and "4 files: 3 new items, 1 unchanged" in done.out and "left out" not in done.out
    labels = {tuple(row["labels"]) for row in run("ls", "--json").rows("item")}
    assert labels == {("cat",), ()}


def test_the_size_is_shown_as_the_picture_is_seen_and_as_it_lies_where_the_file_is_gone(run, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.png", "c.tif", "d.webp"):
        phone.halves().save(tmp_path / "photos" / name, exif=phone.turned(8))
    phone.halves().save(tmp_path / "photos/e.jpg", exif=phone.turned(3))
    assert run("add", "photos", "--no-encode").code == 0
    kinds = ("JPEG", "PNG", "TIFF", "WEBP")
    assert formats(run, 5) == [*(f"{kind}, 240 x 320 pixels" for kind in kinds), "JPEG, 320 x 240 pixels"]
    (tmp_path / "photos/a.jpg").unlink()
    assert formats(run, 1) == ["JPEG, 320 x 240 pixels"]
