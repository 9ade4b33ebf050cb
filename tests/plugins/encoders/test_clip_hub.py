"""CLIP from the hub: fetched once, found again, and what is said offline."""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import socket
import subprocess
import sys
import threading

import pytest
import torch
from clip_kit import SPEC, describe, refusal

from curator.errors import BadInput, NotFound

RESOLVE = """
import json, sys
from curator.errors import CuratorError
from curator_plugins.encoders import clip
try:
    resolved = clip.resolve(sys.argv[1], None)
    print(json.dumps([[str(file) for file in resolved.files], resolved.dim, "open_clip" in sys.modules]))
except CuratorError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def resolved_apart(variant, **environment):
    """What `resolve` gives in a process of its own: the hub's library reads its environment once."""
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    command = [sys.executable, "-c", RESOLVE, variant]
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture
def closed():
    """An address that takes no connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def hub(tiny):
    """A server in the manner of the hub: the folders of models are the repositories of org; and what was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            asked.append(self.path)
            owner, _, rest = self.path.removeprefix("/").partition("/")
            path = tiny.parent / rest.replace("/resolve/main/", "/")
            known = owner == "org" and path.is_file()
            content = path.read_bytes() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{len(content):040x}"')
            self.send_header("X-Repo-Commit", "1" * 40)
            if not known:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_a_repository_is_fetched_once_and_then_needs_no_network(hub, tiny, closed, tmp_path):
    address, asked = hub
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1"}
    files, dim, imported = resolved_apart("hf-hub:org/tiny", **environment)
    assert (dim, imported) == (32, False)
    for file, wanted in zip(files, ("open_clip_model.safetensors", "open_clip_config.json"), strict=True):
        with open(file, "rb") as given:
            assert given.read() == (tiny / wanted).read_bytes()
    assert asked
    again = resolved_apart("hf-hub:org/tiny", **environment | {"HF_ENDPOINT": closed})
    assert again == [files, dim, imported]
    assert resolved_apart("hf-hub:org/tiny", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1") == again


def test_a_repository_without_safetensors_gives_its_other_weights(hub, tiny, state, tmp_path):
    torch.save(state, describe(tiny.parent / "old") / "open_clip_pytorch_model.bin")
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub[0], "HF_HUB_DISABLE_XET": "1"}
    (weights, _), dim, _ = resolved_apart("hf-hub:org/old", **environment)
    assert weights.endswith("open_clip_pytorch_model.bin")
    assert dim == 32


def test_a_repository_that_does_not_hold_it(hub, tmp_path):
    kind, message = resolved_apart(
        "hf-hub:org/other", HF_HOME=str(tmp_path), HF_ENDPOINT=hub[0], HF_HUB_DISABLE_XET="1"
    )
    assert kind == "NotFound"
    assert "404" in message
    assert "\n" not in message


@pytest.mark.parametrize("flag", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_offline_the_error_says_what_was_tried_and_what_helps(closed, tmp_path, flag):
    kind, message = resolved_apart("hf-hub:org/tiny", HF_HOME=str(tmp_path), HF_ENDPOINT=closed, **flag)
    assert kind == "NotFound"
    for part in (str(tmp_path / "hub"), f"{closed}/org/tiny", "open_clip_config.json", "--weights FOLDER", *flag):
        assert part in message
    assert "\n" not in message


def test_offline_a_tag_names_its_file(monkeypatch, closed, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", closed)
    monkeypatch.delenv("no_proxy", raising=False)
    message = refusal(NotFound, None, None)
    wanted = (
        "ViT-B-32/laion2b_s34b_b79k",
        str(tmp_path),
        "laion/CLIP-ViT-B-32",
        "open_clip_model.safetensors",
        "--weights FILE",
    )
    assert all(part in message for part in wanted)


def test_a_repository_needs_a_sensible_name():
    assert "ORG/NAME" in refusal(BadInput, "hf-hub:../../etc", None)
    assert "ORG/NAME" in refusal(BadInput, "hf-hub:", None)


def test_files_of_a_repository_can_be_given(tiny):
    given = SPEC.resolve("hf-hub:org/tiny", tiny)
    assert given == dataclasses.replace(SPEC.resolve(None, tiny), variant="hf-hub:org/tiny")


def test_without_weights_and_network_that_is_said_before_open_clip_is_imported(tmp_path):
    """Its import alone takes longer than people wait for an error."""
    code = (
        "import sys; from curator_plugins.encoders import clip; from curator.errors import NotFound\n"
        "try: clip.resolve(None, None)\n"
        "except NotFound as error: print(error)\n"
        "print({'torch', 'open_clip'} & set(sys.modules))"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    said, imported = done.stdout.splitlines()
    assert said.startswith("no open_clip_model.safetensors for clip:ViT-B-32/") and "HF_HUB_OFFLINE is set" in said
    assert imported == "set()"
