"""Where encoders compute, and with which numbers."""

from __future__ import annotations

import cli_kit
import pytest
import torch
from fakes import picture

from curator.errors import BadInput
from curator.kit import devices


@pytest.mark.parametrize("asked", ["cuda:7", "xpu", "meta", "gpu"])
def test_a_device_that_is_not_there_is_one_line(asked):
    with pytest.raises(BadInput) as caught:
        devices.choose_device(asked)
    assert repr(asked) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_the_environment_says_where_and_the_caller_more(monkeypatch):
    monkeypatch.setenv("CURATOR_DEVICE", "cuda:7")
    assert devices.choose_device("cpu") == "cpu"
    with pytest.raises(BadInput, match="cuda:7"):
        devices.choose_device()
    monkeypatch.setenv("CURATOR_DEVICE", "cpu")
    assert devices.choose_device() == "cpu"


def test_without_a_driver_torch_is_not_asked(monkeypatch):
    monkeypatch.delenv("CURATOR_DEVICE", raising=False)
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: 1 / 0)
    assert devices.choose_device() == "cpu"


def test_a_gpu_that_is_there_is_taken(monkeypatch):
    monkeypatch.delenv("CURATOR_DEVICE", raising=False)
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.choose_device() == "cuda"


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_gpu_asked_for_and_absent_stops_before_anything_is_embedded(tmp_path, monkeypatch, way):
    if torch.cuda.is_available() and torch.cuda.device_count() > 7:
        pytest.skip("this machine has eight GPUs")
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png", 1)
    assert cli_kit.curator_here("add", "a.png", "--no-encode").code == 0
    if way == "environment":
        monkeypatch.setenv("CURATOR_DEVICE", "cuda:7")
    ran = cli_kit.curator_here("encode", *(["--device", "cuda:7"] if way == "option" else []))
    assert ran.code == 2
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert "no device 'cuda:7'" in line and "--device" in line and "$CURATOR_DEVICE" in line
    monkeypatch.delenv("CURATOR_DEVICE", raising=False)
    assert cli_kit.curator_here("encode", "--device", "cpu").code == 0


def network():
    layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(1), torch.nn.Linear(4 * 36, 5)]
    return torch.nn.Sequential(*layers).eval()


def test_a_processor_with_bfloat16_is_used_and_the_network_itself_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    whole = network()
    name, short = devices.reduce_precision(whole)
    assert name == "bfloat16"
    kinds = {module: {tensor.dtype for tensor in module.parameters(recurse=False)} for module in short}
    assert [kinds[module] for module in short] == [{torch.bfloat16}, {torch.float32}, set(), {torch.bfloat16}]
    assert {tensor.dtype for tensor in whole.parameters()} == {torch.float32}
    pixels = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(short(pixels.bfloat16()).float(), whole(pixels), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("told", [{}, {"avx512_bf16": False, "avx2": True}])
def test_a_processor_without_it_computes_in_full(monkeypatch, told):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert devices.reduce_precision(network()) is None


def test_an_older_torch_is_not_asked_what_it_cannot_say(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert devices.reduce_precision(network()) is None
