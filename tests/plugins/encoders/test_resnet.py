"""ResNet against torchvision's own loop, and every way in which its weights can be wrong or missing."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import pickle
import socket
import threading
import warnings

import numpy as np
import pytest
import torch
import torchvision
from curator_plugins.encoders import resnet
from PIL import Image
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ResNet18_Weights, get_model_weights
from torchvision.models.feature_extraction import create_feature_extractor

import curator
from curator.api import FeatureMap, ImageBatch
from curator.errors import BadInput, NotFound
from curator.media.preprocessing import pixels
from curator.testing import checks

SPECS = {spec.name: spec for spec in resnet.register_encoders()}
SPEC = SPECS["resnet18"]


@pytest.fixture(scope="module")
def network():
    """A ResNet-18 whose batch-norm statistics are not those of a fresh one, so that pictures differ."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """PNGs of several shapes with coarse and fine structure."""
    random = np.random.default_rng(0)
    paths = []
    for number, (width, height) in enumerate([(320, 240), (100, 90), (256, 256), (224, 601)]):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((width, height))
        noise = random.integers(-20, 21, (height, width, 3))
        path = tmp_path_factory.mktemp("pictures") / f"图{number}.png"
        Image.fromarray(np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def small():
    """Pixels of two pictures of 64 x 64: the network takes any size."""
    return np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No connection, and an empty cache."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def vectors(path, pictures, variant=None, preprocess=None):
    resolved = SPEC.resolve(variant, path)
    encoder = SPEC.load(resolved, "cpu")
    batch = np.stack([pixels(picture, preprocess or resolved.preprocess) for picture in pictures])
    return encoder.encode(ImageBatch(batch))


def error_of(given, wanted):
    """Relative error after taking away the mean vector, which all pictures share."""
    centre = wanted.mean(axis=0)
    return np.linalg.norm(given - wanted) / np.linalg.norm(wanted - centre)


def refusal(path, name="resnet18"):
    """The one line with which a file is refused."""
    with pytest.raises(BadInput) as caught:
        SPECS[name].load(SPECS[name].resolve(None, path), "cpu")
    message = str(caught.value)
    assert "\n" not in message
    assert repr(str(path)) in message
    return message


# --- variants and preprocessing ---


def test_there_are_five_depths(checkpoint):
    dims = {name: spec.resolve(None, checkpoint).dim for name, spec in SPECS.items()}
    assert dims == {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048, "resnet152": 2048}


@pytest.mark.parametrize("name", SPECS)
def test_preprocessing_is_that_of_the_weights(name, checkpoint):
    for weights in get_model_weights(name):
        resolved = SPECS[name].resolve(weights.name, checkpoint)
        told, wanted = resolved.preprocess, weights.transforms()
        assert resolved.variant == weights.name
        assert ([told.resize], [told.crop], told.resize_mode) == (wanted.resize_size, wanted.crop_size, "shortest")
        assert (list(told.mean), list(told.std)) == (wanted.mean, wanted.std)
        assert told.interpolation == wanted.interpolation.value


def test_no_variant_means_torchvisions_default_and_resolves_to_the_same_again(checkpoint):
    resolved = SPECS["resnet50"].resolve(None, checkpoint)
    assert resolved.variant == "IMAGENET1K_V2"
    assert resolved == SPECS["resnet50"].resolve(resolved.variant, checkpoint)
    assert resolved == SPECS["resnet50"].resolve("DEFAULT", checkpoint)
    assert resolved.preprocess != SPECS["resnet50"].resolve("IMAGENET1K_V1", checkpoint).preprocess


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(NotFound, match=r"no resnet50 variant 'IMAGENET1K_V3': did you mean 'IMAGENET1K_V[12]'\?"):
        SPECS["resnet50"].resolve("IMAGENET1K_V3", None)


# --- earlier layers ---


def test_each_layer_of_each_depth_has_its_dimensions(checkpoint):
    basic, bottleneck = [64, 128, 256, 512], [256, 512, 1024, 2048]
    wanted = {"resnet18": basic, "resnet34": basic, "resnet50": bottleneck, "resnet101": bottleneck}
    for name, spec in SPECS.items():
        dims = [spec.resolve(f"layer{number}", checkpoint).dim for number in (1, 2, 3, 4)]
        assert dims == wanted.get(name, bottleneck), name


def test_a_layer_resolves_to_one_full_name(checkpoint):
    resolve = SPECS["resnet50"].resolve
    of_default, of_first = resolve("layer3", checkpoint), resolve("IMAGENET1K_V1/layer3", checkpoint)
    assert of_default.variant == "IMAGENET1K_V2/layer3"
    assert of_default == resolve("IMAGENET1K_V2/layer3", checkpoint) == resolve("DEFAULT/layer3", checkpoint)
    assert of_first.variant == "IMAGENET1K_V1/layer3"
    assert of_first.preprocess == resolve("IMAGENET1K_V1", checkpoint).preprocess != of_default.preprocess


def test_the_last_layer_is_what_the_plain_variant_gives(checkpoint):
    resolve = SPECS["resnet50"].resolve
    assert resolve("layer4", checkpoint) == resolve("IMAGENET1K_V2/layer4", checkpoint) == resolve(None, checkpoint)
    assert resolve("IMAGENET1K_V1/layer4", checkpoint) == resolve("IMAGENET1K_V1", checkpoint)


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("IMAGENET1K_V2/layr3", "no resnet50 layer 'layr3': did you mean 'layer3'?"),
        ("IMAGENET1K_V2/fc", "no resnet50 layer 'fc': there is 'layer1', 'layer2', 'layer3', 'layer4'"),
        ("IMAGENET1K_V2/", "no resnet50 layer '': there is 'layer1', 'layer2', 'layer3', 'layer4'"),
        ("IMAGENET_V2/layer3", "no resnet50 variant 'IMAGENET_V2': did you mean 'IMAGENET1K_V2'?"),
        ("layr3", "no resnet50 variant 'layr3': did you mean 'layer3'?"),
    ],
)
def test_an_unknown_layer_is_answered_with_the_nearest(variant, words):
    with pytest.raises(NotFound) as caught:
        SPECS["resnet50"].resolve(variant, None)
    assert str(caught.value) == words


@pytest.fixture(scope="module")
def views(pictures):
    """The pictures as torchvision's own transforms give them."""
    transforms = ResNet18_Weights.DEFAULT.transforms()
    return torch.stack([transforms(Image.open(picture).convert("RGB")) for picture in pictures])


def map_of(network, node, batch):
    """What torchvision's own extractor gives of a node, (n, h, w, dim)."""
    with torch.inference_mode():
        return create_feature_extractor(network, {node: "map"})(batch)["map"].permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize(("layer", "side"), [("layer1", 56), ("layer2", 28), ("layer3", 14), ("layer4", 7)])
def test_a_layer_gives_what_torchvisions_own_extractor_does(network, checkpoint, pictures, views, layer, side):
    wanted = map_of(network, layer, views)
    given = vectors(checkpoint, pictures, layer)
    assert given.dtype == np.float32
    assert error_of(given, wanted.mean(axis=(1, 2))) < 1e-4

    resolved = SPEC.resolve(layer, checkpoint)
    encoder = SPEC.load(resolved, "cpu")
    assert isinstance(encoder, FeatureMap)
    given = encoder.feature_map(ImageBatch(np.stack([pixels(picture, resolved.preprocess) for picture in pictures])))
    assert given.shape == (len(pictures), side, side, resolved.dim)
    assert given.dtype == np.float32
    assert error_of(given, wanted) < 1e-4

    # The measure tells: one block less, which has the same dimensions, or height and width exchanged, falls outside.
    shorter = map_of(network, f"{layer}.0", views)
    assert error_of(given, shorter) > 1e-1
    assert error_of(given.mean(axis=(1, 2)), shorter.mean(axis=(1, 2))) > 1e-1
    assert error_of(given.transpose(0, 2, 1, 3), wanted) > 1e-1


def test_nothing_behind_the_layer_is_computed(network, checkpoint, small):
    def cost(call, batch):
        with FlopCounterMode(display=False) as counter:
            call(batch)
        return counter.get_total_flops()

    for layer in ("layer1", "layer2", "layer3", "layer4"):
        encoder = SPEC.load(SPEC.resolve(layer, checkpoint), "cpu")
        wanted = cost(create_feature_extractor(network, [layer]), torch.from_numpy(small))
        assert cost(encoder.encode, ImageBatch(small)) == cost(encoder.feature_map, ImageBatch(small)) == wanted > 0


def test_a_deeper_network_is_refused_for_a_layer_that_both_have(checkpoint, tmp_path):
    torch.save(torchvision.models.resnet101().state_dict(), tmp_path / "101.pth")
    spec = SPECS["resnet50"]
    with pytest.raises(BadInput, match=r"weights of a resnet50: layer3\.6\.conv1\.weight is unexpected"):
        spec.load(spec.resolve("layer2", tmp_path / "101.pth"), "cpu")


def test_offline_the_error_names_the_layer_too(offline):
    with pytest.raises(NotFound, match="no weights for resnet50:IMAGENET1K_V2/layer3: "):
        SPECS["resnet50"].resolve("layer3", None)


def test_each_layer_is_a_space_of_its_own_in_which_one_can_search(checkpoint, pictures, tmp_path):
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        workspace.add(pictures[0].parent, encode=False)
        for picture in pictures[1:]:
            workspace.add(picture.parent, encode=False)
        for variant in ("", ":layer1", ":layer2", ":IMAGENET1K_V1/layer3", ":layer4"):
            workspace.encode(f"resnet18{variant}", checkpoint)
        models = workspace.models.all()
        names = ["IMAGENET1K_V1", *(f"IMAGENET1K_V1/layer{number}" for number in (1, 2, 3))]
        assert [model.variant for model in models] == names
        assert [model.dim for model in models] == [512, 64, 128, 256]
        assert len({model.fingerprint for model in models}) == 4
        found = workspace.run("similar", query=pictures[0], k=2, encoder="resnet18:layer1")
        assert len(found) == 2


@pytest.mark.parametrize("variant", [None, "layer1"])
def test_the_kit_agrees_that_the_map_means_to_the_vector(checkpoint, variant):
    name = "check_feature_map_means_to_the_vector"
    (check,) = (check for check in checks(SPEC, weights=checkpoint, variant=variant) if check.name == name)
    check()


# --- vectors ---


def test_vectors_are_those_of_torchvisions_own_loop(network, checkpoint, pictures):
    transforms = ResNet18_Weights.DEFAULT.transforms()
    body = torch.nn.Sequential(*list(network.children())[:-1])
    with torch.inference_mode():
        batch = torch.stack([transforms(Image.open(picture).convert("RGB")) for picture in pictures])
        wanted = body(batch).flatten(1).numpy()
    given = vectors(checkpoint, pictures)
    assert given.shape == (len(pictures), 512)
    assert given.dtype == np.float32
    assert error_of(given, wanted) < 1e-4

    # The measure tells: a mean that is wrong by 0.01 in one channel, or a resize two pixels off, falls outside.
    right = SPEC.resolve(None, checkpoint).preprocess
    for wrong in ({"mean": (0.475, 0.456, 0.406)}, {"resize": 258}):
        preprocess = dataclasses.replace(right, **wrong)
        assert error_of(vectors(checkpoint, pictures, preprocess=preprocess), wanted) > 1e-2


def test_every_usual_form_of_the_weights_gives_the_same_vectors(network, checkpoint, small, tmp_path):
    state = network.state_dict()
    body = {key: value for key, value in state.items() if not key.startswith("fc.")}
    tuned = body | {"fc.weight": torch.ones(7, 512), "fc.bias": torch.ones(7)}
    counted = [key for key in body if key.endswith("num_batches_tracked")]
    torch.save({"model": {f"module.{key}": value for key, value in tuned.items()}, "epoch": 3}, tmp_path / "trained.pt")
    torch.save({"state_dict": {key: body[key] for key in body if key not in counted}}, tmp_path / "wrapped.pth")
    torch.save(body, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "safe.safetensors")
    wanted = SPEC.load(SPEC.resolve(None, checkpoint), "cpu").encode(ImageBatch(small))
    for path in tmp_path.iterdir():
        given = SPEC.load(SPEC.resolve(None, path), "cpu").encode(ImageBatch(small))
        np.testing.assert_array_equal(given, wanted, err_msg=path.name)


# --- files that are not what they should be ---


def test_another_architecture_is_refused_with_the_keys_that_differ(checkpoint, tmp_path):
    assert "layer1.2.conv1.weight is missing, layer1.2.bn1.weight is missing, and 78 more" in refusal(
        checkpoint, "resnet34"
    )
    torch.save(torchvision.models.resnet34().state_dict(), tmp_path / "34.pth")
    assert "layer1.2.conv1.weight is unexpected, " in refusal(tmp_path / "34.pth")
    state = torch.load(checkpoint, weights_only=True)
    torch.save(state | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "grey.pth")
    message = refusal(tmp_path / "grey.pth")
    assert message.endswith("of a resnet18: conv1.weight has the shape (64, 1, 7, 7) instead of (64, 3, 7, 7)")


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(network, tmp_path, form, part):
    path = tmp_path / "cut.pth"
    if form == "safetensors":
        save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=form == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    assert ("damaged" if part else "is empty") in refusal(path)


def test_a_torchscript_archive_is_refused(network, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network).save(tmp_path / "scripted.pt")
    message = refusal(tmp_path / "scripted.pt")
    assert "TorchScript" in message
    assert ".safetensors" in message


class Trap:
    """Pickled, it is a call that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, form):
    path, sprung = tmp_path / "trap.pth", tmp_path / "sprung"
    if form == "bare":
        path.write_bytes(pickle.dumps({"state_dict": Trap(sprung)}))
    else:
        torch.save({"state_dict": Trap(sprung)}, path, _use_new_zipfile_serialization=form == "zip")
    assert "could run code" in refusal(path)
    assert not sprung.exists()


def test_a_whole_model_is_refused_with_what_to_save_instead(network, tmp_path):
    torch.save(network, tmp_path / "model.pth")
    assert "torch.save(model.state_dict(), FILE)" in refusal(tmp_path / "model.pth")


def test_what_holds_no_tensors_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    assert "no state dict" in refusal(tmp_path / "numbers.pth")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    assert "no state dict" in refusal(tmp_path / "list.pth")
    (tmp_path / "page.pth").write_text("<!doctype html><title>404</title>", encoding="utf-8")
    assert "a page of HTML" in refusal(tmp_path / "page.pth")


def test_weights_that_are_no_file(tmp_path):
    with pytest.raises(BadInput, match="takes a file of weights"):
        SPEC.resolve(None, tmp_path)
    with pytest.raises(NotFound, match="nowhere"):
        SPEC.resolve(None, tmp_path / "nowhere.pth")


# --- the cache and the download ---


def test_torchs_cache_is_used(checkpoint, offline, pictures):
    path = offline / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(checkpoint.read_bytes())
    assert SPEC.resolve(None, None).files == (path,)


def test_offline_the_error_says_what_was_tried_and_what_helps(offline):
    with pytest.raises(NotFound) as caught:
        SPECS["resnet50"].resolve("IMAGENET1K_V1", None)
    message = str(caught.value)
    url = get_model_weights("resnet50").IMAGENET1K_V1.url
    for part in (
        "resnet50:IMAGENET1K_V1",
        str(offline / "hub" / "checkpoints"),
        url,
        url.rpartition("/")[2],
        "--weights FILE",
    ):
        assert part in message
    assert "\n" not in message
    assert not offline.exists()


@pytest.fixture
def server(checkpoint, monkeypatch, tmp_path):
    """Serves the checkpoint under any name ending in the digits of its hash; gives the address."""
    content = checkpoint.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = not self.path.startswith("/gone")
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content) if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(content[: len(content) // 2] if self.path.startswith("/short") else content)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_download_lands_in_torchs_cache(server, checkpoint, monkeypatch, tmp_path):
    name = f"resnet18-{hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(resnet, "SERVER", server)
    monkeypatch.setitem(resnet.FILES["resnet18"], "IMAGENET1K_V1", (name, 44.661))
    resolved = SPEC.resolve(None, None)
    assert resolved.files == (tmp_path / "cache" / "hub" / "checkpoints" / name,)
    assert resolved.files[0].read_bytes() == checkpoint.read_bytes()
    assert [path.name for path in resolved.files[0].parent.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("resnet18-00000000.pth", "hash"), ("gone-00000000.pth", "404"), ("short-1.pth", "bytes arrived")],
)
def test_a_failed_download_leaves_nothing(server, monkeypatch, tmp_path, name, problem):
    monkeypatch.setattr(resnet, "SERVER", server)
    monkeypatch.setitem(resnet.FILES["resnet18"], "IMAGENET1K_V1", (name, 44.661))
    with pytest.raises(NotFound, match=problem) as caught:
        SPEC.resolve(None, None)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache" / "hub" / "checkpoints").iterdir())


def test_close_frees_the_network(checkpoint):
    encoder = SPEC.load(SPEC.resolve(None, checkpoint), "cpu")
    encoder.close()
    assert encoder.network is None


def test_weights_that_do_not_fit_are_not_recorded(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        workspace.add(tmp_path / "red.png", encode=False)
        with pytest.raises(BadInput, match="does not hold the weights of a resnet18"):
            workspace.encode("resnet18", tmp_path / "other.pth")
        assert workspace.models.all() == []


# --- what would have to be fetched ---


def test_files_and_sizes_are_those_of_torchvision():
    for name, files in resnet.FILES.items():
        known = get_model_weights(name)
        assert {member.url.rpartition("/")[0] for member in known} == {resnet.SERVER}
        told = {member.name: (member.url.rpartition("/")[2], member.meta["_file_size"]) for member in known}
        assert files == told and list(files)[-1] == known.DEFAULT.name


@pytest.mark.parametrize("variant", [None, "IMAGENET1K_V2", "layer3", "IMAGENET1K_V2/layer1", "DEFAULT"])
def test_it_says_what_it_would_fetch_and_nothing_once_that_is_there(monkeypatch, tmp_path, variant):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = SPECS["resnet50"]
    assert spec.lacking(variant) == "98 MB to fetch"
    folder = tmp_path / "hub" / "checkpoints"
    assert torch.hub.get_dir() == str(folder.parent)
    folder.mkdir(parents=True)
    (folder / "resnet50-11ad3fa6.pth").touch()
    assert spec.lacking(variant) == "" and spec.lacking("IMAGENET1K_V1") == "98 MB to fetch"
