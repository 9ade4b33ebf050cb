"""The network as functions of a mapping of tensors: embedding, one to three LSTM layers, softmax over the pieces.

LSTM of Hochreiter & Schmidhuber 1997 with a forget gate; the output layer shares the embedding's weights (Press &
Wolf 2017, "Using the output embedding to improve language models"), behind a projection where the widths differ.
Dropout as in AWD-LSTM (Merity et al. 2018, "Regularizing and optimizing LSTM language models"): one mask for a whole
sequence on the inputs, between layers and on the outputs; whole pieces of the embedding; single recurrent weights.

torch's own LSTM is left aside for learning: it took 2.5 times as long on a CPU (64 sequences of 22 steps, width 512,
forward and backward on one core: 530 ms and 213; in bfloat16 235 and 112). `_Layer` gathers what does not depend on
the step before into one product for all steps. Weights and their order are those of `torch.nn.LSTM`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from .config import Shape

Weights: TypeAlias = dict[str, Tensor]
Carried: TypeAlias = list[tuple[Tensor, Tensor]]
"""Hidden and cell state of each layer, each (batch, width) float32."""

PAD = -100  # as a target: nothing to predict here


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares left out while learning: pieces, inputs, between layers, outputs, recurrent weights."""

    pieces: float = 0.1
    inputs: float = 0.4
    between: float = 0.4
    outputs: float = 0.4
    recurrent: float = 0.4

    def times(self, factor: float) -> Rates:
        """All of them multiplied, as ULMFiT does for fine-tuning."""
        return Rates(
            *(rate * factor for rate in (self.pieces, self.inputs, self.between, self.outputs, self.recurrent))
        )


@dataclass(frozen=True, slots=True)
class Masks:
    """What is left out in one step: factors of 0 or 1 / (1 - rate)."""

    pieces: Tensor  # (vocabulary,)
    inputs: Tensor  # (1, batch, embedding)
    outputs: tuple[Tensor, ...]  # of each layer, (1, batch, width)
    recurrent: tuple[Tensor, ...]  # of each layer, (4 * width, width)

    def rows(self, chosen: slice) -> Masks:
        """The masks of some of the sequences."""
        outputs = tuple(mask[:, chosen] for mask in self.outputs)
        return Masks(self.pieces, self.inputs[:, chosen], outputs, self.recurrent)


# --- weights ---


def fresh(shape: Shape, generator: torch.Generator, counts: Tensor | None = None) -> Weights:
    """New weights: uniform by fan-in, forget gates open (Jozefowicz et al. 2015), all float32.

    `counts`, how often each piece comes, lets the network begin with the frequencies, which it would learn first.
    """

    def uniform(*size: int, bound: float) -> Tensor:
        return torch.empty(size).uniform_(-bound, bound, generator=generator)

    weights = {
        "embedding.weight": torch.empty(shape.vocabulary, shape.embedding).normal_(generator=generator),
        "output.bias": torch.zeros(shape.vocabulary)
        if counts is None
        else torch.log((counts + 0.5) / (counts + 0.5).sum()),
    }
    weights["embedding.weight"] *= shape.embedding**-0.5
    width = shape.width
    for layer in range(shape.layers):
        into = width if layer else shape.embedding
        bias = torch.zeros(4 * width)
        bias[width : 2 * width] = 1  # gates, as torch has them: input, forget, candidate, output
        weights[f"lstm.{layer}.input"] = uniform(4 * width, into, bound=into**-0.5)
        weights[f"lstm.{layer}.recurrent"] = uniform(4 * width, width, bound=width**-0.5)
        weights[f"lstm.{layer}.bias"] = bias
    if shape.embedding != width:
        weights["output.projection"] = uniform(shape.embedding, width, bound=width**-0.5)
    return weights


def layers_of(weights: Mapping[str, Tensor]) -> int:
    """How many LSTM layers there are."""
    return sum(name.endswith(".recurrent") for name in weights)


# --- one layer ---


class _Layer(torch.autograd.Function):
    """An LSTM layer with its gradient; the state that comes in is taken as given (truncated backpropagation).

    Gates and cells stay in float32 whatever the products are in: a cell adds up small numbers over many steps.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, hidden: Tensor, cell: Tensor, w_in: Tensor, w_rec: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, batch, _ = inputs.shape
        width = w_rec.shape[1]
        before = torch.addmm(bias, inputs.flatten(0, 1), w_in.T).view(steps, batch, 4 * width)
        gates, squashed = cell.new_empty(steps, batch, 4 * width), cell.new_empty(steps, batch, width)
        cells, states = cell.new_empty(steps + 1, batch, width), inputs.new_empty(steps + 1, batch, width)
        states[0], cells[0] = hidden, cell
        across = w_rec.T
        for step in range(steps):
            gate = gates[step].copy_(torch.addmm(before[step], states[step], across))
            gate[:, : 2 * width].sigmoid_()
            gate[:, 2 * width : 3 * width].tanh_()
            gate[:, 3 * width :].sigmoid_()
            into, forget, new, out = torch.split(gate, width, 1)
            torch.mul(forget, cells[step], out=cells[step + 1]).addcmul_(into, new)
            torch.tanh(cells[step + 1], out=squashed[step])
            states[step + 1] = out * squashed[step]
        ctx.save_for_backward(inputs, w_in, w_rec, states, cells, gates, squashed)
        last = cells[-1].clone()
        ctx.mark_non_differentiable(last)
        return states[1:], last

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        inputs, w_in, w_rec, states, cells, gates, squashed = ctx.saved_tensors
        steps, batch, width = squashed.shape
        into, forget, new, out = torch.split(gates, width, 2)
        # The derivatives that do not depend on later steps, for all steps at once.
        to_out = squashed * out * (1 - out)
        to_cell = out * (1 - squashed * squashed)
        to_rest = gates.new_empty(steps, batch, 3, width)
        torch.mul(new, into * (1 - into), out=to_rest[:, :, 0])
        torch.mul(cells[:-1], forget * (1 - forget), out=to_rest[:, :, 1])
        torch.mul(into, 1 - new * new, out=to_rest[:, :, 2])
        given = grads[0].float()
        before = inputs.new_empty(steps, batch, 4 * width)
        hidden = passed = cells.new_zeros(batch, width)
        for step in range(steps - 1, -1, -1):
            hidden = given[step] + hidden
            cell = torch.addcmul(passed, hidden, to_cell[step])
            before[step, :, : 3 * width] = (cell.unsqueeze(1) * to_rest[step]).flatten(1)
            before[step, :, 3 * width :] = hidden * to_out[step]
            if step:
                hidden, passed = (before[step] @ w_rec).float(), cell * forget[step]
        flat = before.flatten(0, 1)
        wanted = (flat @ w_in).view(inputs.shape) if ctx.needs_input_grad[0] else None
        to_in, to_rec = flat.T @ inputs.flatten(0, 1), flat.T @ states[:-1].flatten(0, 1)
        return wanted, None, None, to_in, to_rec, flat.sum(0)


def _run(inputs: Tensor, hidden: Tensor, cell: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """A layer without a gradient, by torch's own kernel: hidden states, and the last cell."""
    w_in, w_rec, bias = parts
    flat = [w_in, w_rec, bias, torch.zeros_like(bias)]
    found, _, last = torch.lstm(inputs, (hidden[None], cell[None]), flat, True, 1, 0.0, False, False, False)
    return found, last[0]


# --- the whole ---


def states(
    weights: Mapping[str, Tensor],
    pieces: Tensor,
    carried: Carried | None = None,
    masks: Masks | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, list[Tensor], Carried]:
    """Run the layers over (steps, batch) pieces, from `carried` on or from zero.

    Gives the embedded pieces (steps, batch, embedding) float32, each layer's hidden states (steps, batch, width) in
    `dtype`, and the state to carry on. Without gradients all is float32.
    """
    dtype = dtype if torch.is_grad_enabled() else torch.float32
    embedded = functional.embedding(pieces, weights["embedding.weight"])
    # Rows of length 1 suit the output; the layers want numbers of about 1 (as in Vaswani et al. 2017).
    flow = embedded * embedded.shape[-1] ** 0.5
    if masks:
        flow = flow * masks.pieces[pieces].unsqueeze(-1) * masks.inputs
    flow = flow.to(dtype)
    count, outputs, after = layers_of(weights), [], []
    for layer in range(count):
        w_in, w_rec, bias = (weights[f"lstm.{layer}.{part}"] for part in ("input", "recurrent", "bias"))
        if masks:
            w_rec = w_rec * masks.recurrent[layer]
        if carried:
            hidden, cell = carried[layer]
        else:
            hidden = cell = bias.new_zeros(pieces.shape[1], w_rec.shape[1])
        if torch.is_grad_enabled():
            cast = w_in.to(dtype), w_rec.to(dtype), bias.to(dtype)
            flow, cell = _Layer.apply(flow, hidden, cell, *cast)
        else:
            flow, cell = _run(flow, hidden, cell, (w_in, w_rec, bias))
        after.append((flow[-1].detach().float(), cell.detach()))
        outputs.append(flow)
        if masks and layer + 1 < count:
            flow = flow * masks.outputs[layer].to(dtype)
    return embedded, outputs, after


def logits(weights: Mapping[str, Tensor], hidden: Tensor) -> Tensor:
    """(n, width) hidden states of the last layer become (n, vocabulary) logits, float32."""
    if "output.projection" in weights:
        hidden = hidden @ weights["output.projection"].to(hidden.dtype).T
    found = hidden @ weights["embedding.weight"].to(hidden.dtype).T
    return found.float() + weights["output.bias"]


def loss(
    weights: Mapping[str, Tensor],
    pieces: Tensor,
    targets: Tensor,
    carried: Carried | None = None,
    masks: Masks | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Carried]:
    """The cross-entropy of (steps, batch) targets in nats, summed over those that are not `PAD`; and the state."""
    _, outputs, after = states(weights, pieces, carried, masks, dtype)
    hidden = outputs[-1]
    if masks:
        hidden = hidden * masks.outputs[-1].to(dtype)
    # Padding, of which texts of about the same length have little, is predicted as well and left out of the sum:
    # products of ever new sizes would each be prepared anew, which takes time and memory.
    found = logits(weights, hidden.flatten(0, 1))
    return functional.cross_entropy(found, targets.flatten(), ignore_index=PAD, reduction="sum"), after


def draw(shape: Shape, batch: int, rates: Rates, generator: torch.Generator) -> Masks:
    """Masks for one step of `batch` sequences."""

    def mask(rate: float, *size: int) -> Tensor:
        kept = torch.rand(size, generator=generator) >= rate
        return kept.float().mul_(1 / (1 - rate))

    outputs = [mask(rates.between, 1, batch, shape.width) for _ in range(shape.layers - 1)]
    return Masks(
        mask(rates.pieces, shape.vocabulary),
        mask(rates.inputs, 1, batch, shape.embedding),
        (*outputs, mask(rates.outputs, 1, batch, shape.width)),
        tuple(mask(rates.recurrent, 4 * shape.width, shape.width) for _ in range(shape.layers)),
    )


def bits(nats: float) -> float:
    """Nats as bits."""
    return nats / math.log(2)
