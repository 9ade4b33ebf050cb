"""Compiled encoders beside the cache, and hashes that are remembered by the state of a file."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from curator.store import form_files
from curator.store.derived import Derived
from curator.store.form_files import Measured


@pytest.fixture
def cache(tmp_path):
    derived = Derived(tmp_path)
    yield derived
    derived.close()


def forms(folder):
    return sorted(path.name for path in folder.iterdir() if "form" in path.name)


def test_a_form_is_a_file_for_those_who_read_the_workspace(cache, tmp_path):
    assert cache.forms.of("space", "image") is None
    form = cache.forms.put("space", "image", b"network", b"")
    assert cache.forms.of("space", "image") == form
    path = cache.forms.path(form)
    assert path.read_bytes() == b"network" and path.stat().st_mode & 0o777 == 0o600 | tmp_path.stat().st_mode & 0o044
    assert forms(tmp_path) == [path.name]


def test_what_cannot_be_had_has_no_file(cache, tmp_path):
    form = cache.forms.put("space", "text", b"", b"")
    assert (cache.forms.of("space", "text"), form.digest, cache.forms.path(form), forms(tmp_path)) == (
        form,
        "",
        None,
        [],
    )


def test_another_form_takes_the_place_of_the_first(cache, tmp_path):
    first = cache.forms.put("space", "image", b"one", b"")
    second = cache.forms.put("space", "image", b"two", b"")
    assert cache.forms.path(first) is None and forms(tmp_path) == [cache.forms.path(second).name]
    cache.forms.forget("space", "image")
    assert forms(tmp_path) == [] and cache.forms.all() == []


def test_what_a_kill_or_a_deleted_cache_leaves_goes_with_the_next(cache, tmp_path):
    (tmp_path / f"derived.db.form-{'0' * 32}").write_bytes(b"of a cache that was deleted")
    (tmp_path / f".derived.db.form-{'0' * 16}").write_bytes(b"half writ")
    (tmp_path / "derived.db.form-of-mine").write_bytes(b"somebody's own")
    form = cache.forms.put("space", "image", b"network", b"")
    assert forms(tmp_path) == sorted(["derived.db.form-of-mine", cache.forms.path(form).name])


@pytest.mark.parametrize("digest", ["../../catalogue.db", "", "f" * 64, "0" * 31 + "/" + "0" * 32])
def test_a_row_that_names_no_file_of_its_own_leads_nowhere(cache, digest):
    assert cache.forms.path(form_files.Form("space", "image", digest, "", "", b"")) is None


def test_a_form_behind_a_link_is_not_read_and_gives_way_to_a_new_one(cache, tmp_path):
    form = cache.forms.put("space", "image", b"network", b"")
    path = cache.forms.path(form)
    elsewhere = path.rename(tmp_path / "elsewhere")
    path.symlink_to(elsewhere)
    assert cache.forms.path(form) is None
    again = cache.forms.put("space", "image", b"network", b"")
    assert cache.forms.path(again) == path and not path.is_symlink() and path.read_bytes() == b"network"
    assert elsewhere.read_bytes() == b"network"


def test_a_file_that_is_as_it_was_is_not_read_again(cache, tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    read = []
    real = hashlib.file_digest
    monkeypatch.setattr(form_files.hashlib, "file_digest", lambda *given: read.append(1) or real(*given))
    monkeypatch.setattr(form_files, "FRESH", 0.01)
    time.sleep(0.05)
    digest = hashlib.sha256(b"one").hexdigest()
    assert [cache.hashed.digest(path) for _ in range(3)] == [digest] * 3 and len(read) == 1
    assert cache.hashed.digest(path, remembered=False) == digest and len(read) == 2
    state = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as if nothing had happened
    assert cache.hashed.digest(path) == hashlib.sha256(b"two").hexdigest()


def test_a_file_that_was_just_written_is_read_each_time(cache, tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    cache.hashed.digest(path)
    assert cache.database.value("SELECT count(*) FROM hashed") == 0


def test_what_was_measured_stays_and_what_was_only_looked_at_gives_way(cache):
    cache.forms.put_measured("space", "image", "here", [Measured("a", "float32", None, True)])
    cache.forms.put_measured("space", "image", "here", [Measured("a", "float32", 10.0, True)])
    cache.forms.put_measured("space", "image", "here", [Measured("a", "float32", 99.0, False)])
    cache.forms.put_measured("space", "image", "here", [Measured("b", "float32", 20.0, True)])
    assert cache.forms.measured("space", "image", "here") == [
        Measured("b", "float32", 20.0, True),
        Measured("a", "float32", 10.0, True),
    ]
    assert cache.forms.measured("space", "image", "there") == cache.forms.measured("space", "text", "here") == []


def test_weights_lie_in_a_file_of_their_own(cache, tmp_path):
    def part(form, name, file):
        file.write(form[4:])
        return b"graph of " + name.encode()

    form = cache.forms.put("space", "image", b"netwWEIGHTS", b"", part)
    path = cache.forms.path(form)
    weights = tmp_path / path.read_bytes().decode().removeprefix("graph of ")
    assert weights.read_bytes() == b"WEIGHTS" and forms(tmp_path) == sorted([path.name, weights.name])
    weights.write_bytes(b"WEIGHTs")
    assert cache.forms.path(form) is None
    weights.unlink()
    assert cache.forms.path(form) is None
    cache.forms.forget("space", "image")
    assert forms(tmp_path) == []
