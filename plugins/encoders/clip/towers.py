"""CLIP loaded: what its two towers make of pictures and of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.api import ImageBatch, TextBatch, TextForm
from curator.kit.onnx import text_as_onnx
from curator.kit.torch_network import Called, TorchNetwork

from .tokenizing import serialise_tokenizer, tokenized


class Clip(TorchNetwork):
    """Both towers and the tokenizer."""

    def __init__(self, network: Any, tokenizer: Any, side: int) -> None:
        super().__init__(network, side)
        self.tokenizer = tokenizer

    def forward(self, pixels: Any) -> Any:
        """The vectors of pictures, not normalised."""
        return self.network.encode_image(pixels, normalize=False)

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32, not normalised. Texts are cut at the model's context length (mostly 77 tokens)."""
        if isinstance(batch, ImageBatch):
            return super().encode(batch)
        return self.compute(self._of_texts, self.tokenizer(list(batch.texts)).to(self.device))

    def truncated(self, batch: TextBatch) -> list[int]:
        """Those of more tokens than the model reads."""
        length = self.tokenizer.context_length
        padding = getattr(getattr(self.tokenizer, "tokenizer", None), "pad_token_id", None) or 0
        # With room for one token more, a text that needs it fills the last place.
        tokens = self.tokenizer(list(batch.texts), context_length=length + 1)
        return [number for number, row in enumerate(tokens.tolist()) if row[length] != padding]

    def onnx_text(self) -> TextForm:
        """The tower for texts as an ONNX model, for queries, and open_clip's own tokenizer as data."""
        tokenizer = serialise_tokenizer(self.tokenizer)
        example, _ = tokenized(tokenizer, ["a photo"])
        return TextForm(text_as_onnx(Called(self.network, self._of_texts), example), tokenizer)

    def close(self) -> None:
        """Drop the network and the tokenizer."""
        super().close()
        self.tokenizer = None

    def _of_texts(self, tokens: Any) -> Any:
        return self.network.encode_text(tokens, normalize=False)
