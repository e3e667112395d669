"""Recurrent networks: against torch.nn, the fused kernel, one step at a time, padding, gradients.

What they share with the other sequence models is tested in test_sequence_models.py, and the twins'
outputs in tests/test_twins.py.
"""

import dataclasses

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.language import rnn_keras, rnn_torch
from companion.language.sequence_config import CELLS, RecurrentConfig
from companion.layouts import named_weights
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

REFERENCES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
TOKENS = torch.from_numpy(np.random.default_rng(0).integers(1, 7, size=(5, 9)))


def _reference(cells, kind):
    """Return torch's own layers with the weights of ours."""
    model = REFERENCES[kind](
        cells[0].from_input.in_features, cells[0].hidden, len(cells), batch_first=True
    )
    for n, cell in enumerate(cells):
        there = {"weight_ih": cell.from_input.weight, "weight_hh": cell.from_hidden.weight}
        there |= {"bias_ih": cell.from_input.bias, "bias_hh": cell.from_hidden.bias}
        for name, weight in there.items():
            target = getattr(model, f"{name}_l{n}").data
            target.zero_() if weight is None else target.copy_(weight)
    return model


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_over_time_is_the_layer_of_torch(kind, fused):
    cell = rnn_torch.make_cell(kind, 3, 4)
    shake(cell)
    reference, inputs = _reference([cell], kind), torch.randn(2, 7, 3)
    start = tuple(torch.randn(2, 4) for _ in range(cell.states))
    packed = tuple(vector[None] for vector in start)
    for state, theirs in ((None, None), (start, packed if kind == "lstm" else packed[0])):
        expected, last = reference(inputs, theirs)
        outputs, found = cell.run(inputs, state, fused=fused)
        torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
        last = last if kind == "lstm" else (last,)
        for ours, other in zip(found, last, strict=True):
            torch.testing.assert_close(ours, other[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_layers_are_those_of_torch(kind):
    config = RecurrentConfig(7, 3, 4, 5, kind, layers=3, each_token=True)
    model = rnn_torch.RecurrentNetwork(config)
    shake(model)
    expected = model.head(_reference(model.cells, kind)(model.embedding(TOKENS))[0])
    torch.testing.assert_close(model(TOKENS), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_the_fused_kernel_gives_the_same_logits_and_gradients(kind):
    config = RecurrentConfig(7, 3, 4, 5, kind, layers=2)
    tokens = torch.where(torch.arange(9) < torch.tensor([9, 1, 4, 8, 9])[:, None], TOKENS, 0)
    found = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = rnn_torch.RecurrentNetwork(dataclasses.replace(config, fused=fused))
        logits = model(tokens)
        logits.square().sum().backward()
        found.append([logits.detach(), *(weight.grad for weight in model.parameters())])
    assert all(part.abs().max() > 1e-4 for part in found[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", CELLS)
def test_the_gradient_of_a_cell_agrees_with_finite_differences(kind):
    cell = rnn_torch.make_cell(kind, 2, 3).double()
    inputs = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    names, weights = zip(*cell.named_parameters(), strict=True)

    def run(inputs, *weights):
        outputs = torch.func.functional_call(
            _Run(cell),
            {f"cell.{name}": w for name, w in zip(names, weights, strict=True)},
            (inputs,),
        )
        return outputs[0]

    assert torch.autograd.gradcheck(run, (inputs, *(w.detach().requires_grad_() for w in weights)))


class _Run(nn.Module):
    """Makes a module of `Cell.run`, whose weights can be replaced."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs):
        return self.cell.run(inputs)


@pytest.mark.parametrize("kind", CELLS)
def test_one_token_at_a_time_is_the_same(kind):
    config = RecurrentConfig(7, 3, 4, 5, kind, layers=2, each_token=True)
    model, twin = rnn_torch.RecurrentNetwork(config), rnn_keras.RecurrentNetwork(config)
    copy_weights(model, twin)
    for net, tokens in ((model, TOKENS), (twin, TOKENS.numpy())):
        state, logits = None, []
        for place in range(tokens.shape[1]):
            found, state = net.step(tokens[:, place], state)
            logits.append(np.asarray(found.detach() if net is model else found))
        expected = np.asarray(net(tokens).detach() if net is model else net(tokens))
        np.testing.assert_allclose(np.stack(logits, axis=1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_padding_changes_nothing(fused):
    model = rnn_torch.RecurrentNetwork(RecurrentConfig(7, 3, 4, 5, layers=2, fused=fused))
    padded = TOKENS.clone()
    padded[1, 4:], padded[2, 1:] = 0, 0
    whole = model(padded)
    for row, size in ((0, 9), (1, 4), (2, 1)):
        alone = model(TOKENS[row : row + 1, :size])
        torch.testing.assert_close(whole[row : row + 1], alone, rtol=0, atol=1e-6)
    longer = torch.nn.functional.pad(padded, (0, 3))
    torch.testing.assert_close(model(longer), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("fused", [False, True])
def test_a_token_changes_what_comes_behind_it_and_nothing_before(fused):
    config = RecurrentConfig(7, 3, 4, 5, each_token=True, fused=fused)
    model = rnn_torch.RecurrentNetwork(config)
    changed = TOKENS.clone()
    changed[:, 4] = TOKENS[:, 4] % 6 + 1
    difference = (model(changed) - model(TOKENS)).abs().amax(dim=(0, 2))
    assert not difference[:4].any() and (difference[4:] > 1e-4).all()


def test_the_simple_cell_forgets_and_the_lstm_keeps():
    """The gradient of the last state by the first input: eigenvalues below 1 against c' = f c."""
    shares = {}
    for kind in ("rnn", "lstm"):
        torch.manual_seed(0)
        cell = rnn_torch.make_cell(kind, 8, 8)
        if kind == "lstm":
            torch.nn.init.constant_(cell.from_input.bias[8:16], 4.0)  # keep nearly all
        inputs = torch.randn(16, 40, 8, requires_grad=True)
        cell.run(inputs)[0][:, -1].sum().backward()
        sizes = inputs.grad.norm(dim=2).mean(dim=0)
        shares[kind] = float(sizes[0] / sizes[-1])
    assert shares["rnn"] < 1e-3 < 0.05 < shares["lstm"]


def test_both_start_from_the_same_distribution():
    config = RecurrentConfig(40, 40, 40, 64, layers=2)
    for module in (rnn_torch, rnn_keras):
        weights = {n: w.read() for n, w in named_weights(module.RecurrentNetwork(config))}
        for layer in range(2):
            for name in ("from_input.weight", "from_hidden.weight"):
                scaled = weights[f"cells.{layer}.{name}"] * 8  # by √64: uniform from -1 to 1
                assert 0.99 < np.abs(scaled).max() <= 1 and abs(np.abs(scaled).mean() - 0.5) < 0.03
            bias = weights[f"cells.{layer}.from_input.bias"].reshape(4, 64)
            assert (bias[1] == 1).all() and np.abs(bias[[0, 2, 3]]).max() <= 1 / 8
        assert abs(weights["embedding.weight"].std() - 1) < 0.1
        assert not weights["head.bias"].any()
        assert np.abs(weights["head.weight"]).max() <= np.sqrt(6 / 104)


def test_keras_learns_which_token_came_first():
    """A loop of the backend within `fit`, not one of Python."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 4, size=(64, 6))
    model = rnn_keras.RecurrentNetwork(RecurrentConfig(4, 3, 8, 16, "gru"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    history = model.fit(tokens, tokens[:, 0] - 1, epochs=30, batch_size=64, verbose=0)
    assert history.history["loss"][-1] < 0.1
    assert (model.predict(tokens, verbose=0).argmax(axis=1) == tokens[:, 0] - 1).all()


def test_a_state_of_another_kind_of_step_is_refused():
    model = rnn_torch.RecurrentNetwork(RecurrentConfig(7, 3))
    for wrong in (torch.tensor([7]), torch.tensor([-1])):
        with pytest.raises(ValueError, match=r"the tokens have ids from .* expected 0 to 6"):
            model.step(wrong)
    with pytest.raises(ValueError, match=r"the tokens have shape \(2, 3, 1\); expected \(B, T\)"):
        model.step(torch.ones(2, 3, dtype=torch.int64))
