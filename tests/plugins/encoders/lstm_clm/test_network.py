"""The layer against torch's own, and what a step leaves out."""

from __future__ import annotations

import pytest
import torch
from curator_plugins.encoders.lstm_clm import network
from curator_plugins.encoders.lstm_clm.config import Shape
from curator_plugins.encoders.lstm_clm.network import PAD, Rates


def build(layers=2, vocabulary=30, width=16, embedding=8):
    shape = Shape(vocabulary, layers, width, embedding)
    return shape, network.fresh(shape, torch.Generator().manual_seed(0))


def pieces_of(steps, rows, vocabulary=30):
    return torch.randint(0, vocabulary, (steps, rows), generator=torch.Generator().manual_seed(1))


def theirs(weights, layers, width, embedding):
    """`torch.nn.LSTM` with the same weights."""
    lstm = torch.nn.LSTM(embedding, width, layers)
    names = {"input": "weight_ih_l", "recurrent": "weight_hh_l", "bias": "bias_ih_l"}
    state = {f"{names[part]}{n}": weights[f"lstm.{n}.{part}"] for n in range(layers) for part in names}
    state |= {f"bias_hh_l{n}": torch.zeros(4 * width) for n in range(layers)}
    lstm.load_state_dict(state)
    return lstm


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_states_and_gradients_are_those_of_torch(layers):
    shape, weights = build(layers)
    pieces = pieces_of(7, 3)
    lstm = theirs(weights, layers, shape.width, shape.embedding)
    wanted, _ = lstm(weights["embedding.weight"][pieces] * shape.embedding**0.5)
    for value in weights.values():
        value.requires_grad_()
    _, outputs, _ = network.states(weights, pieces)
    torch.testing.assert_close(outputs[-1], wanted)
    wanted.square().sum().backward()
    outputs[-1].square().sum().backward()
    for number in range(layers):
        for ours, his in (("input", "weight_ih_l"), ("recurrent", "weight_hh_l"), ("bias", "bias_ih_l")):
            grad = weights[f"lstm.{number}.{ours}"].grad
            torch.testing.assert_close(grad, getattr(lstm, f"{his}{number}").grad, rtol=1e-4, atol=1e-5)


def test_with_and_without_gradients_alike():
    _, weights = build()
    pieces = pieces_of(9, 4)
    with torch.no_grad():
        without = network.states(weights, pieces)[1][-1]
    weights["output.bias"].requires_grad_()
    torch.testing.assert_close(network.states(weights, pieces)[1][-1], without)


def test_a_text_in_two_parts_is_the_text():
    _, weights = build()
    pieces = pieces_of(10, 3)
    with torch.no_grad():
        _, whole, _ = network.states(weights, pieces)
        _, first, carried = network.states(weights, pieces[:6])
        _, second, _ = network.states(weights, pieces[6:], carried)
    torch.testing.assert_close(torch.cat([first[-1], second[-1]]), whole[-1])


def test_the_loss_is_that_of_every_target_but_padding():
    _, weights = build()
    pieces = pieces_of(5, 2)
    targets = pieces.roll(-1, 0)
    targets[3:, 1] = PAD
    with torch.no_grad():
        found, _ = network.loss(weights, pieces, targets)
        _, outputs, _ = network.states(weights, pieces)
        scores = torch.log_softmax(network.logits(weights, outputs[-1].flatten(0, 1)), 1).view(5, 2, -1)
        wanted = -sum(scores[t, r, targets[t, r]] for t in range(5) for r in range(2) if targets[t, r] != PAD)
    torch.testing.assert_close(found, wanted)


def test_the_output_shares_the_weights_of_the_embedding():
    shape, weights = build(vocabulary=1000)
    assert sum(value.numel() for value in weights.values() if 1000 in value.shape) == 1000 * (shape.embedding + 1)


def test_a_new_network_expects_the_frequencies():
    shape = Shape(30, 1, 16, 8)
    counts = torch.arange(30.0)
    weights = network.fresh(shape, torch.Generator().manual_seed(0), counts)
    with torch.no_grad():
        found = torch.softmax(network.logits(weights, torch.zeros(1, 16)), 1)[0]
    torch.testing.assert_close(found, (counts + 0.5) / (counts + 0.5).sum())


def test_masks_leave_out_about_their_rates_and_keep_the_mean():
    shape = Shape(2000, 2, 64, 32)
    rates = Rates(pieces=0.1, inputs=0.2, between=0.3, outputs=0.4, recurrent=0.5)
    masks = network.draw(shape, 200, rates, torch.Generator().manual_seed(0))
    drawn = [(masks.pieces, 0.1), (masks.inputs, 0.2), (masks.outputs[0], 0.3), (masks.outputs[1], 0.4)]
    for mask, rate in [*drawn, *((one, 0.5) for one in masks.recurrent)]:
        assert (mask == 0).float().mean() == pytest.approx(rate, abs=0.03)
        assert mask.mean() == pytest.approx(1, abs=0.05)


def test_recurrent_weights_are_dropped_for_all_steps_alike():
    """Weight drop is a network with these weights at zero."""
    shape, weights = build(1)
    nothing = Rates(0, 0, 0, 0, 0.5)
    masks = network.draw(shape, 3, nothing, torch.Generator().manual_seed(0))
    pieces = pieces_of(6, 3)
    _, dropped, _ = network.states(weights, pieces, masks=masks)
    cut = weights | {"lstm.0.recurrent": weights["lstm.0.recurrent"] * masks.recurrent[0]}
    torch.testing.assert_close(dropped[-1], network.states(cut, pieces)[1][-1])


def test_bfloat16_is_near():
    _, weights = build(1, width=64, embedding=64)
    pieces = pieces_of(12, 8)
    found, _ = network.loss(weights, pieces, pieces.roll(-1, 0), dtype=torch.bfloat16)
    wanted, _ = network.loss(weights, pieces, pieces.roll(-1, 0))
    assert found.item() == pytest.approx(wanted.item(), rel=0.01)
