"""Files of torch read without torch: the same numbers as torch reads, or one line; nothing run, no memory taken."""

from __future__ import annotations

import io
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import hostile
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.errors import BadInput
from curator.kit.weights import read_arrays, read_tensors
from curator.kit.weights.pickled import values

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
MOST = 32 << 20
"""Bytes that a small file may cost, whatever it says."""


def saved(path, state, zipped):
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return path


def same(tensor, array):
    array = np.array(array.astype(np.float32)) if array.dtype.name == "bfloat16" else array
    wanted = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
    return np.array_equal(wanted.numpy(), array, equal_nan=True)


# --- what is sound ---

KINDS = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8),
    *(torch.uint8, torch.bool, torch.complex64),
)
WHOLE = torch.arange(24.0).reshape(4, 6)
VIEWS = {
    "transposed": WHOLE.T,
    "a part": WHOLE[1:3, ::2],
    "the whole": WHOLE,
    "a number": torch.tensor(3.5),
    "none": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(torch.ones(2, 3)),
    "not finite": torch.tensor([float("nan"), float("inf")]),
}
"""Some of one storage, as tensors of a state dict may be that share weights."""


@FORMATS
def test_every_kind_of_numbers_and_of_view_is_what_torch_reads(tmp_path, zipped):
    state = OrderedDict({f"{kind}": (torch.arange(-3, 4) * 1.5).to(kind) for kind in KINDS} | VIEWS)
    path = saved(tmp_path / "w.pth", state, zipped)
    found = read_arrays(path)
    assert list(found) == list(state)
    assert all(same(state[name], found[name]) for name in state)
    assert found["torch.bfloat16"].dtype.name == "bfloat16" and found["torch.bool"].dtype == bool
    tensors = read_tensors(path)
    assert all(torch.equal(tensors[name], state[name]) for name in state if name != "not finite")
    assert {name: value.dtype for name, value in tensors.items()} == {name: v.dtype for name, v in state.items()}


@FORMATS
def test_what_is_written_to_an_array_does_not_come_into_the_file(tmp_path, zipped):
    path = saved(tmp_path / "w.pth", {"a": torch.ones(100)}, zipped)
    before = path.read_bytes()
    read_arrays(path)["a"][:] = 5
    read_tensors(path)["a"].zero_()
    assert path.read_bytes() == before


@FORMATS
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(max_size=12).filter(lambda name: not name.startswith("module.") and "_orig_mod." not in name),
        st.tuples(st.lists(st.integers(0, 4), max_size=4), st.sampled_from(KINDS), st.randoms(use_true_random=False)),
        min_size=1,
        max_size=6,
    )
)
def test_any_state_dict_is_read_as_torch_reads_it(tmp_path, zipped, drawn):
    state = {
        name: torch.randn(shape, generator=torch.Generator().manual_seed(chance.getrandbits(30))).to(kind)
        for name, (shape, kind, chance) in drawn.items()
    }
    state = {name: value.transpose(0, -1) if value.ndim > 1 else value for name, value in state.items()}
    found = read_arrays(saved(tmp_path / "w.pth", state, zipped))
    assert found.keys() == state.keys() and all(same(state[name], found[name]) for name in state)


def test_numbers_stay_in_the_file_until_somebody_wants_them(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.zeros(16 << 20)}, True)  # 64 MB
    tracemalloc.start()
    found = read_arrays(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert found["a"].shape == (16 << 20,)


def test_neither_torch_nor_what_unpickles_is_imported(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.ones(3)}, True)
    code = (
        "import sys; from pathlib import Path; from curator.kit.weights import read_arrays\n"
        "assert read_arrays(Path(sys.argv[1]))['a'].tolist() == [1, 1, 1]\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


# --- what is not ---


def archive(path, pickled, data=b"\0" * 16, **options):
    """A file as torch writes it, with the pickle and the one storage that are given."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x/data.pkl", pickled, **options)
        file.writestr("x/byteorder", "little")
        file.writestr("x/data/0", data, **options)
        file.writestr("x/version", "3")
    return path


def refused(path, says="damaged|no state dict|could run code"):
    """The one line with which it is refused, at small cost."""
    tracemalloc.start()
    try:
        with hostile.within(10), pytest.raises(BadInput, match=says) as caught:
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and repr(str(path)) in str(caught.value)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value) if abs(value) < 1 << 31 else b"\x8a\x08" + struct.pack("<q", value)


def numbers(*of):
    return b"(" + b"".join(map(number, of)) + b"t"


STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(4) + b"tQ"


def tensor(offset=0, shape=(4,), strides=(1,), storage=STORAGE):
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + numbers(*shape) + numbers(*strides)
    return made + b"\x89}tR"


def state(value, *more):
    return b"\x80\x02}" + text("a") + value + b"s" + b"".join(more) + b"."


def test_the_hand_made_file_is_one_that_is_read(tmp_path):
    """Or the refusals below would say nothing."""
    path = archive(tmp_path / "w.pth", state(tensor()), struct.pack("<4f", 1, 2, 3, 4))
    assert read_arrays(path)["a"].tolist() == [1, 2, 3, 4]
    assert torch.load(path, weights_only=True)["a"].tolist() == [1, 2, 3, 4]


LARGE = 1 << 40
SHAPES = {
    "an offset that leads out": tensor(offset=1),
    "an offset far out": tensor(offset=LARGE),
    "a negative offset": tensor(offset=-1),
    "a shape of more numbers": tensor(shape=(5,)),
    "a huge shape": tensor(shape=(LARGE,)),
    "huge shapes whose product is none": tensor(shape=(1 << 32, 1 << 32), strides=(0, 0)),
    "one number as many": tensor(shape=(1 << 20, 1 << 20), strides=(0, 0)),
    "strides that lead out": tensor(shape=(2, 2), strides=(3, 1)),
    "huge strides": tensor(shape=(2,), strides=(LARGE,)),
    "negative strides": tensor(offset=3, shape=(4,), strides=(-1,)),
    "a negative shape": tensor(shape=(-4,)),
    "fewer strides": tensor(shape=(2, 2), strides=(1,)),
    "a storage of more than there is": tensor(storage=STORAGE.replace(number(4), number(400)), shape=(400,)),
    "another storage": tensor(storage=STORAGE.replace(text("0"), text("1"))),
    "a storage of numbers of no kind": tensor(storage=STORAGE.replace(b"FloatStorage", b"FlatStorages")),
    "a storage that is none": tensor(storage=number(1)),
}
CODE = {
    "a call": state(b"cposix\nsystem\n(" + text("true") + b"tR"),
    "a class": state(b"csubprocess\nPopen\n(" + text("true") + b"t\x81"),
    "a call of a call": state(b"cbuiltins\ngetattr\n(cos\nsystem\n" + text("x") + b"tRR"),
    "a class of ours": state(b"ccurator.kit.weights.pickled\n_Machine\n)R"),
    "torch's own": state(b"ctorch._utils\n_rebuild_sparse_tensor\n)R"),
    "within what is wrapped": state(
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\nctorch\nTensor\n(" + text("true") + b"tNtR"
    ),
    "an extension": b"\x80\x02\x82\x01.",
    "a class by old ways": b"(iposix\nsystem\n.",
    "an object that is named": b"P0\n.",
    "a newer pickle": pickle.dumps({"a": Path("x")}, 4),
}
ODD = {
    "nothing": b"",
    "no end": b"\x80\x02}",
    "an empty stack": b"\x80\x02.",
    "no mark": b"\x80\x02t.",
    "more than there is above a mark": b"\x80\x02N(N\x86.",
    "a mark that is cut off": b"\x80\x02N(0.",
    "what was never put aside": b"\x80\x02h\x05.",
    "a place far away": b"\x80\x02}r\xff\xff\xff\x7f.",
    "a text of four gigabytes": b"\x80\x02X\xff\xff\xff\xffabc.",
    "a text that is none": b"\x80\x02}X\x02\0\0\0\xff\xfe.",
    "itself": b"\x80\x02}q\0" + text("model") + b"h\0s.",
    "itself by turns": b"\x80\x02}q\0" + text("model") + b"}q\1" + text("net") + b"h\0ss.",
    "names of which each is twice the last": b"\x80\x02}(Nq\0" + b"h\0h\0\x86q\0" * 5000 + b"Nu.",
    "tensors in tensors": state(
        b"(ctorch._tensor\n_rebuild_from_type_v2\n" * 5000 + b")" + b"ctorch\nTensor\n\x87" * 5000 + b"R"
    ),
    "a list of lists": b"\x80\x02" + b"](" * 5000 + b"e" * 5000 + b".",
    "numbers that are looked up slowly": b"\x80\x02}("
    + b"".join(b"\x8a\x0a" + (k * ((1 << 61) - 1)).to_bytes(10, "little") + b"N" for k in range(20_000))
    + b"u.",
}


@pytest.mark.parametrize("what", SHAPES)
def test_a_tensor_that_is_more_than_its_numbers_is_refused(tmp_path, what):
    refused(archive(tmp_path / "w.pth", state(SHAPES[what])))


@pytest.mark.parametrize("what", CODE)
def test_what_would_run_is_refused(tmp_path, what):
    refused(archive(tmp_path / "w.pth", CODE[what]), "could run code")


@pytest.mark.parametrize("what", ODD)
def test_what_is_no_pickle_of_torch_is_refused(tmp_path, what):
    refused(archive(tmp_path / "w.pth", ODD[what]))


@pytest.mark.parametrize("what", ["pickle", "numbers"])
def test_a_small_file_that_unfolds_to_a_large_one_is_refused(tmp_path, what):
    pickled = state(tensor()) + (b"\0" * (256 << 20) if what == "pickle" else b"")
    data = b"\0" * ((256 << 20) if what == "numbers" else 16)
    path = archive(tmp_path / "w.pth", pickled, data, compress_type=zipfile.ZIP_DEFLATED)
    del pickled, data
    assert path.stat().st_size < 1 << 20
    refused(path)


def test_a_pickle_longer_than_any_network_needs_is_refused(tmp_path):
    refused(archive(tmp_path / "w.pth", b"\x80\x02" + b"}" * (9 << 20) + b"."), "holds more than tensors")


def test_numbers_in_another_order_of_bytes_are_refused(tmp_path):
    path = archive(tmp_path / "w.pth", state(tensor()))
    path.write_bytes(path.read_bytes().replace(b"little", b"biglit"))
    refused(path)


def test_a_storage_of_another_size_in_the_old_format_is_refused(tmp_path):
    whole = saved(tmp_path / "w.pth", {"a": torch.ones(7)}, False).read_bytes()
    at = whole.rindex(struct.pack("<q", 7))
    for count in (8, 6, -1, 1 << 60):
        (tmp_path / "w.pth").write_bytes(whole[:at] + struct.pack("<q", count) + whole[at + 8 :])
        refused(tmp_path / "w.pth")


# --- anything ---


def outcome(path):
    """Arrays that lie in the file, or one line."""
    try:
        with hostile.within(10):
            found = read_arrays(path)
    except BadInput as error:
        assert str(error).strip() and "\n" not in str(error)
        return
    # What is damaged may still be numbers; all of them can be read, and are no more than the file has.
    assert all(array.nbytes <= path.stat().st_size for array in found.values())
    assert all(np.array(array).shape == array.shape for array in found.values())


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    content = {"state_dict": OrderedDict(VIEWS), "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}
    return [saved(folder / f"{zipped}.pth", content, zipped).read_bytes() for zipped in (True, False)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.booleans())
def test_damage_anywhere_is_numbers_or_one_line(tmp_path, sound, chance, zipped):
    path = tmp_path / "w.pth"
    path.write_bytes(hostile.mutated(sound[not zipped], sound, chance))
    outcome(path)


OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
PIECES = st.one_of(
    *(st.sampled_from(OPCODES), st.binary(max_size=4), st.just(STORAGE), st.just(tensor())),
    *(st.text(max_size=4).map(text), st.integers(-5, 1 << 40).map(number)),
    st.sampled_from([b"cos\nsystem\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n"]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40))
def test_any_instructions_make_values_or_are_refused(tmp_path, pieces):
    outcome(archive(tmp_path / "w.pth", b"\x80\x02" + b"".join(pieces) + b"."))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
        max_leaves=20,
    )
)
def test_plain_values_are_what_pickle_reads(value):
    assert values(io.BytesIO(pickle.dumps(value, 2))) == value


@pytest.mark.slow
def test_much_damage(tmp_path, sound):
    chance = random.Random(1)
    for number in range(3000):
        (tmp_path / "w.pth").write_bytes(hostile.mutated(sound[number % 2], sound, chance))
        outcome(tmp_path / "w.pth")
