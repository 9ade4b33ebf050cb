"""Search by codes in a whole workspace, whatever its history: after every step it gives what brute force gives.

`test_shortlist` does the same without a catalogue, in more detail; here items come, go and come back by `add`, `undo`,
redo, `forget` and `encode`, in two spaces of one cache.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from fakes import open_fake, text
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from curator.embedding import shortlist
from curator.embedding.codes import unit
from curator.embedding.shortlist import Shortlist
from curator.errors import BadInput, NotReady
from curator.store.vector_codes import PREFIX

SMALL = {"EXACT_UP_TO": 20, "LEAST": 20, "PAYS": 2, "CHANGED": 10, "CHUNK": 32}
ENOUGH = 100
"""Items of which the codes of a few tell most apart, so that they have to be used."""
searched: Counter[str] = Counter()


class History(RuleBasedStateMachine):
    """A person at work, other processes, and what befalls a disk."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.chance = np.random.default_rng(0)
        self.written = 0
        self.taken_back: list[int] = []
        self.kept: tuple[str, bytes] | None = None
        self.open()
        self.ws.use("numbers")
        self.fingerprint = self.ws.models.find("numbers").fingerprint

    def open(self) -> None:
        self.ws = open_fake(self.folder / "workspace", "numbers", "painted")

    def write(self, count: int) -> Path:
        """A folder of texts of three numbers each."""
        folder = self.folder / f"texts-{self.written}"
        for _ in range(count):
            words = " ".join(f"{value:.6f}" for value in self.chance.standard_normal(3))
            text(folder / f"{self.written}.txt", words)
            self.written += 1
        return folder

    def vectors(self) -> dict[str, bytes]:
        return dict(self.ws.derived.all_vectors(self.fingerprint))

    def coded(self):
        return self.ws.derived.codes.of(self.ws.derived.space(self.fingerprint))

    def file(self) -> Path:
        return self.folder / "workspace" / (PREFIX + self.coded().token)

    # --- what people do ---

    @initialize()
    def many(self) -> None:
        self.ws.add(self.write(150), encode=False)

    @rule(count=st.integers(1, 40), encode=st.booleans())
    def add(self, count: int, encode: bool) -> None:
        self.ws.add(self.write(count), encode=False)
        if encode:
            self.ws.encode("numbers")

    @rule()
    def undo(self) -> None:
        with contextlib.suppress(NotReady, BadInput):  # as for what was forgotten
            self.taken_back.append(self.ws.undo().by)

    @precondition(lambda self: self.taken_back)
    @rule()
    def redo(self) -> None:
        with contextlib.suppress(NotReady, BadInput):
            self.ws.undo(self.taken_back.pop())

    @rule()
    def embed_in_another_space(self) -> None:
        if not self.ws.items.is_empty():
            self.ws.encode("painted")

    @precondition(lambda self: len(self.ws.items.select()) > 3)
    @rule(at=st.floats(0, 0.99), count=st.integers(1, 3))
    def forget(self, at: float, count: int) -> None:
        items = self.ws.items.select()
        self.ws.forget(*[item.id for item in items[int(at * len(items)) :][:count]], yes=True)

    # --- what becomes of the cache ---

    @rule(at=st.floats(0, 0.99), count=st.integers(1, 20))
    def delete_vectors(self, at: float, count: int) -> None:
        there = sorted(self.vectors())
        self.ws.derived.forget_vectors(self.fingerprint, there[int(at * len(there)) :][:count])

    @rule(at=st.floats(0, 0.99), count=st.integers(1, 12))
    def change_vectors(self, at: float, count: int) -> None:
        there = sorted(self.vectors())
        some = there[int(at * len(there)) :][:count]
        rows = self.chance.standard_normal((len(some), 3)).astype("<f4")
        changed = [(hash_, row.tobytes()) for hash_, row in zip(some, rows, strict=True)]
        self.ws.derived.put_vectors(self.fingerprint, changed, "float32")

    @rule()
    def rebuild(self) -> None:
        self.ws.derived.codes.forget()

    @rule()
    def vacuum(self) -> None:
        self.ws.derived.database.connection.execute("VACUUM")

    @rule()
    def killed_while_making_the_file(self) -> None:
        begun = self.ws.derived.codes.begin(self.ws.derived.space(self.fingerprint))
        (self.folder / "workspace" / (PREFIX + begun.token)).write_bytes(b"half")

    @precondition(lambda self: self.coded() is not None and self.coded().depth)
    @rule(harm=st.sampled_from(["grown", "truncated", "one bit", "gone", "empty"]), at=st.floats(0, 0.99))
    def damage(self, harm: str, at: float) -> None:
        path, content = self.file(), bytearray(self.file().read_bytes())
        cut = int(at * len(content))
        if harm == "gone":
            path.unlink()
        elif harm == "one bit":
            content[cut] ^= 16
            path.write_bytes(content)
        else:
            path.write_bytes({"grown": content + b"x" * 99, "truncated": content[:cut], "empty": b""}[harm])

    @precondition(lambda self: self.coded() is not None and self.coded().depth)
    @rule()
    def keep_the_file(self) -> None:
        self.kept = self.file().name, self.file().read_bytes()

    @precondition(lambda self: self.kept is not None)
    @rule()
    def put_an_older_file_back(self) -> None:
        name, content = self.kept
        (self.folder / "workspace" / name).write_bytes(content)

    @rule()
    def another_process(self) -> None:
        self.ws.close()
        self.open()

    # --- what holds ---

    @invariant()
    def as_brute_force(self) -> None:
        words = " ".join(f"{value:.6f}" for value in self.chance.standard_normal(3))
        if self.ws.items.is_empty():
            return
        with mock.patch.object(Shortlist, "_chosen", autospec=True, side_effect=Shortlist._chosen) as chosen:
            rows = self.ws.run("similar", text=words, k=5, copies=True, encoder="numbers")
        items = {item.hash: item.id for item in self.ws.items.select()}
        vectors = self.vectors()
        assert items.keys() <= vectors.keys()
        query = unit(np.array([words.split()], "<f4"))[0]
        stored = np.frombuffer(b"".join(vectors[hash_] for hash_ in items), "<f4").reshape(-1, 3)
        scores = dict(zip(items.values(), np.einsum("ij,j->i", unit(stored), query).tolist(), strict=True))
        best = sorted(scores, key=lambda item: (-scores[item], item))[:5]
        np.testing.assert_allclose([row["score"] for row in rows], [scores[item] for item in best], atol=1e-6)
        np.testing.assert_allclose([row["score"] for row in rows], [scores[row["id"]] for row in rows], atol=1e-6)
        used = chosen.call_count > 0
        searched["by codes" if used else "exactly"] += 1
        if len(items) >= ENOUGH:
            assert used

    def teardown(self) -> None:
        self.ws.close()
        shutil.rmtree(self.folder)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(shortlist, name, value)


History.TestCase.settings = settings(
    max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistory = History.TestCase


def test_codes_were_used_above():
    if searched:  # else it is run by itself
        assert searched["by codes"] > searched["exactly"]
