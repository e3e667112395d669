"""Layers equal torch's with copied weights, begin with its distributions, and list parameters."""

import numpy as np
import pytest
import torch

from companion.scratch import layers
from companion.scratch.tensor import Tensor

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (4,)], ids=str)
def test_linear(layer_agrees, shape):
    layer_agrees(layers.Linear(4, 3, RNG), torch.nn.Linear(4, 3), draw(*shape))


def test_embedding(layer_agrees):
    indices = np.array([[0, 4, 4], [2, 0, 4]])
    layer_agrees(
        layers.Embedding(5, 3, RNG),
        torch.nn.Embedding(5, 3),
        call=lambda layer: layer(indices),
        their_call=lambda layer: layer(torch.tensor(indices)),
    )


def test_convolution(layer_agrees):
    options = {"stride": 2, "padding": 1}
    layer_agrees(
        layers.Conv2d(2, 3, 3, RNG, **options),
        torch.nn.Conv2d(2, 3, 3, **options),
        draw(2, 2, 5, 6),
    )


def test_max_pooling(layer_agrees):
    layer_agrees(layers.MaxPool2d(2), torch.nn.MaxPool2d(2), draw(2, 2, 5, 4))
    layer_agrees(layers.MaxPool2d(3, 1), torch.nn.MaxPool2d(3, 1), draw(1, 2, 4, 4))


def test_layer_norm(layer_agrees):
    theirs = torch.nn.LayerNorm(4, eps=1e-3)
    torch.nn.init.normal_(theirs.weight)
    torch.nn.init.normal_(theirs.bias)
    layer_agrees(layers.LayerNorm(4, eps=1e-3), theirs, 3 + 2 * draw(2, 3, 4))


def test_lstm_cell_with_and_without_a_state(layer_agrees):
    ours, theirs = layers.LSTMCell(3, 2, RNG), torch.nn.LSTMCell(3, 2)
    layer_agrees(ours, theirs, draw(4, 3))
    state = draw(4, 2), draw(4, 2)
    layer_agrees(
        ours,
        theirs,
        draw(4, 3),
        *state,
        call=lambda cell, x, h, c: cell(x, (h, c)),
    )


def test_lstm_cell_over_time_equals_torchs_lstm(layer_agrees):
    cell, lstm = layers.LSTMCell(3, 2, RNG), torch.nn.LSTM(3, 2, batch_first=True).double()
    cell.load_state_dict({key.removesuffix("_l0"): w for key, w in lstm.state_dict().items()})
    x = draw(4, 6, 3)
    sequence, state = Tensor(x, requires_grad=True), None
    for step in range(6):
        state = cell(sequence[:, step], state)
    twin = torch.tensor(x, requires_grad=True)
    _, (hidden, memory) = lstm(twin)
    np.testing.assert_allclose(state[0].data, hidden[0].detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(state[1].data, memory[0].detach().numpy(), atol=1e-10)
    (state[0].sum() + (state[1] * state[1]).sum()).backward()
    (hidden.sum() + (memory**2).sum()).backward()
    np.testing.assert_allclose(sequence.grad, twin.grad.numpy(), atol=1e-10)
    np.testing.assert_allclose(cell.weight_hh.grad, lstm.weight_hh_l0.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize("mask", [None, np.tri(5, dtype=bool)], ids=["none", "causal"])
@pytest.mark.parametrize("heads", [1, 3])
def test_self_attention(layer_agrees, heads, mask):
    theirs = torch.nn.MultiheadAttention(6, heads, batch_first=True)
    torch.nn.init.normal_(theirs.in_proj_bias)
    hidden = None if mask is None else torch.tensor(~mask)  # torch's layer says what not to look at
    layer_agrees(
        layers.SelfAttention(6, heads, RNG),
        theirs,
        draw(2, 5, 6),
        call=lambda layer, x: layer(x, mask=mask),
        their_call=lambda layer, x: layer(x, x, x, attn_mask=hidden, need_weights=False)[0],
    )


def test_self_attention_needs_a_width_that_heads_divide():
    with pytest.raises(ValueError, match="embed_dim 6 is no multiple of num_heads 4"):
        layers.SelfAttention(6, 4, RNG)


def network(rng=RNG):
    return layers.Sequential(layers.Linear(4, 3, rng), Tensor.tanh, layers.Linear(3, 2, rng))


def torch_network():
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))


def test_sequential(layer_agrees):
    layer_agrees(network(), torch_network(), draw(5, 4))
    assert list(network().named_parameters()) == list(torch_network().state_dict())


def test_parameters_are_those_of_all_levels_and_each_once():
    class Tied(layers.Module):
        def __init__(self):
            self.inner = network()
            self.same = self.inner
            self.scale = Tensor(2.0, requires_grad=True)
            self.constant = Tensor(3.0)
            self.name = "no parameter"

    model = Tied()
    assert len(model.parameters()) == 5
    assert {"scale", "inner.0.weight", "same.2.bias"} < set(model.named_parameters())
    assert "constant" not in model.named_parameters()


def test_loading_refuses_other_names_and_shapes_and_changes_nothing():
    model = network()
    state = {name: tensor.data * 2 for name, tensor in model.named_parameters().items()}
    before = {name: tensor.data.copy() for name, tensor in model.named_parameters().items()}
    for wrong in (
        state | {"2.bias": np.zeros(3)},
        state | {"3.bias": np.zeros(2)},
        {name: state[name] for name in list(state)[1:]},
    ):
        with pytest.raises(ValueError, match=r"state has the shapes .*; expected .*'2.bias': \(2,"):
            model.load_state_dict(wrong)
    for name, tensor in model.named_parameters().items():
        np.testing.assert_array_equal(tensor.data, before[name])


def test_loading_copies_and_takes_over_the_type():
    model, theirs = network(), torch_network()
    model.load_state_dict(theirs.state_dict())
    assert {tensor.dtype for tensor in model.parameters()} == {np.dtype(np.float32)}
    x = draw(5, 4).astype(np.float32)
    output = model(Tensor(x))
    assert output.dtype == np.float32
    np.testing.assert_allclose(output.data, theirs(torch.tensor(x)).detach(), rtol=1e-5, atol=1e-6)
    model.parameters()[0].data += 1
    assert not np.allclose(model.parameters()[0].data, theirs[0].weight.detach())


PAIRS = {
    "linear": (lambda: layers.Linear(300, 200, RNG), lambda: torch.nn.Linear(300, 200)),
    "embedding": (lambda: layers.Embedding(300, 200, RNG), lambda: torch.nn.Embedding(300, 200)),
    "conv": (lambda: layers.Conv2d(30, 99, 5, RNG), lambda: torch.nn.Conv2d(30, 99, 5)),
    "norm": (lambda: layers.LayerNorm(200), lambda: torch.nn.LayerNorm(200)),
    "lstm": (lambda: layers.LSTMCell(100, 90, RNG), lambda: torch.nn.LSTMCell(100, 90)),
    "attention": (
        lambda: layers.SelfAttention(120, 4, RNG),
        lambda: torch.nn.MultiheadAttention(120, 4),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_initial_weights_are_distributed_as_torchs(name):
    torch.manual_seed(0)
    ours, theirs = (make() for make in PAIRS[name])
    for key, parameter in ours.named_parameters().items():
        other = theirs.state_dict()[key].double().numpy()
        points = np.linspace(0.1, 0.9, 9)
        scale = max(np.abs(other).max(), np.abs(parameter.data).max()) or 1.0
        gap = np.quantile(parameter.data, points) - np.quantile(other, points)
        assert np.abs(gap / scale).max() < 4 / np.sqrt(other.size), key


def test_a_generator_makes_initial_weights_repeatable():
    first, again, other = (network(np.random.default_rng(seed)) for seed in (1, 1, 2))
    for a, b, c in zip(*(m.parameters() for m in (first, again, other)), strict=True):
        assert (a.data == b.data).all() and (a.data != c.data).all()


def test_inputs_of_another_size_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"shapes \(2, 5\) and \(4, 3\) do not fit"):
        layers.Linear(4, 3, RNG)(Tensor(draw(2, 5)))
    with pytest.raises(ValueError, match=r"images \(1, 3, 4, 4\) and kernels \(2, 1, 3, 3\)"):
        layers.Conv2d(1, 2, 3, RNG)(Tensor(draw(1, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(4,\) do not fit"):
        layers.LayerNorm(4)(Tensor(draw(2, 3)))
    with pytest.raises(ValueError, match=r"shapes \(2, 5\) and \(3, 8\) do not fit"):
        layers.LSTMCell(3, 2, RNG)(Tensor(draw(2, 5)))
    with pytest.raises(IndexError, match="expected integers from 0 to 4"):
        layers.Embedding(5, 2, RNG)(np.array([0, 5]))
