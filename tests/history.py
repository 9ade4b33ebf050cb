"""Steps of a made-up history of texts, for tests that take any of them back."""

from __future__ import annotations

import shutil

from fakes import text
from hypothesis import strategies as st

from curator.api import ItemSet

STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(["a/1.txt", "a/2.txt", "b/1.txt", "b/c/1.txt"]), st.integers(0, 3)),
    st.tuples(st.just("move"), st.sampled_from(["a/1.txt", "b/1.txt"]), st.sampled_from(["a/3.txt", "b/c/2.txt"])),
    st.tuples(st.just("remove"), st.sampled_from(["a/1.txt", "b/c/1.txt", "a"])),
    st.tuples(st.just("add"), st.sampled_from([".", "a", "b", "b/c"]), st.booleans()),
    st.tuples(st.just("label"), st.integers(1, 4), st.sampled_from(["a", "x"]), st.sampled_from([True, False, None])),
    st.tuples(st.just("pair"), st.integers(1, 2), st.integers(1, 2), st.sampled_from([True, False, None])),
    st.tuples(st.just("save"), st.sampled_from(["s", "t"]), st.sampled_from(["unlabelled", "id:1..3", "missing"])),
)


def act(ws, folder, what, *how):
    if what == "write":
        text(folder / how[0], f"text number {how[1]}")
    elif what == "move":
        (folder / how[1]).parent.mkdir(parents=True, exist_ok=True)
        (folder / how[0]).rename(folder / how[1])
    elif what == "remove":
        path = folder / how[0]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif what == "add":
        ws.add(folder / how[0], labels_from_folders=how[1], group="g" if how[1] else None, encode=False)
    elif what == "pair":
        ws.pair("likeness", how[0], how[0] + how[1], alike=how[2])
    elif what == "save":
        ws.selections.save(how[0], ItemSet(where=how[1]))
    else:
        ws.label(how[1], [how[0]], how[2])
