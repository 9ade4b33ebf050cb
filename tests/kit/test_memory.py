"""The budget of memory: never more at once than it allows, small ones side by side, and no one left waiting."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time

import pytest

from curator.errors import BadInput
from curator.kit import memory
from curator.kit.memory import Budget, size_of
from curator.kit.reading import Unreadable


def test_at_no_time_is_more_taken_than_allowed():
    budget, taken, most, lock = Budget(100), 0, 0, threading.Lock()
    chance = random.Random(1)
    needs = [chance.choice((1, 10, 40, 100)) for _ in range(60)]
    together = set()

    def work():
        nonlocal taken, most
        while True:
            with lock:
                if not needs:
                    return
                need = needs.pop()
            with budget.room(need):
                with lock:
                    taken += need
                    most = max(most, taken)
                    together.add(taken == need)
                time.sleep(0.0005)
                with lock:
                    taken -= need

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most <= 100 and together == {True, False} and not any(thread.is_alive() for thread in threads)


def test_room_is_given_back_whatever_happens():
    budget = Budget(10)
    for _ in range(3):
        with pytest.raises(ValueError), budget.room(10):
            raise ValueError


def test_what_never_fits_names_the_option_that_mends_it_and_that_mends_it():
    budget = Budget(200 << 20)
    said = "takes 301 MB of memory, more than the 200 MB allowed"
    with pytest.raises(Unreadable, match=said) as caught, budget.room((300 << 20) + 1):
        raise AssertionError
    assert isinstance(caught.value.__cause__, MemoryError)
    budget.limit = size_of(str(caught.value).split("--memory ")[1].split()[0])
    with budget.room((300 << 20) + 1):
        pass


def test_the_usual_limit_is_a_quarter_of_what_is_free_and_at_most_a_gigabyte(monkeypatch):
    assert 0 < memory.free() < 1 << 62
    for free, limit in ((100 << 30, 1 << 30), (2 << 30, 512 << 20), (0, 64 << 20)):
        monkeypatch.setattr(memory, "free", lambda free=free: free)
        assert Budget().limit == memory.usual() == limit


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 512 << 20), ("2G", 2 << 30), ("1.5GB", 3 << 29), ("800000000", 800_000_000), ("64 MiB", 64 << 20)],
)
def test_sizes_as_people_write_them(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "1K", "1e9", "2X", "M", "1.G", "٣G", "9" * 40])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadInput, match="write 512M or 2G"):
        size_of(text)


@pytest.mark.skipif(sys.platform != "linux", reason="the system holds nobody to less memory")
def test_a_bounded_block_gets_no_more_and_leaves_all_as_it_was():
    # In a process of its own: what other tests gave back is this one's still, and may be as much.
    subprocess.run([sys.executable, "-c", BOUNDED], check=True)


BOUNDED = """
import resource
import pytest
from curator.kit.memory import bounded
before = resource.getrlimit(resource.RLIMIT_AS)
with pytest.raises(MemoryError), bounded(64 << 20):
    bytearray(128 << 20)
with bounded(64 << 20):
    bytearray(8 << 20)
assert resource.getrlimit(resource.RLIMIT_AS) == before and bytearray(128 << 20)
"""
