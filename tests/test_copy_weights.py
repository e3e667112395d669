"""`copy_weights`, one kind of layer at a time: same outputs, both directions, nothing guessed."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.layouts import named_weights
from companion.twins import copy_weights

L = keras.layers
RNG = np.random.default_rng(0)
torch.manual_seed(0)
keras.utils.set_random_seed(0)


def _channels_last(x):
    """(B, C, …) to (B, …, C)."""
    return np.moveaxis(x, 1, -1)


TEXT, LINE, IMAGE = (RNG.normal(size=s).astype("f4") for s in [(2, 5, 4), (2, 4, 9), (2, 4, 7, 7)])
TOKENS = RNG.integers(0, 4, size=(2, 5))

# Kind -> (torch layer, Keras layer, input in torch's layout, from torch's layout to Keras's).
# Square shapes wherever a kind has them: there a forgotten transpose does not show in the shape.
CASES = {
    name: (*pair, x, arrange)
    for x, arrange, pairs in [
        (
            TEXT,
            np.asarray,
            {
                "dense": (nn.Linear(4, 3), L.Dense(3)),
                "dense, square": (nn.Linear(4, 4), L.Dense(4)),
                "dense, no bias": (nn.Linear(4, 4, bias=False), L.Dense(4, use_bias=False)),
                "dense over time": (nn.Linear(4, 4), L.TimeDistributed(L.Dense(4))),
                "layer norm": (nn.LayerNorm(4), L.LayerNormalization(epsilon=1e-5)),
                "RMS norm": (nn.RMSNorm(4, eps=1e-5), L.RMSNormalization(epsilon=1e-5)),
            },
        ),
        (TOKENS, np.asarray, {"embedding, square": (nn.Embedding(4, 4), L.Embedding(4, 4))}),
        (
            LINE,
            _channels_last,
            {
                "conv 1d": (nn.Conv1d(4, 4, 4), L.Conv1D(4, 4)),
                "conv 1d, depthwise": (nn.Conv1d(4, 4, 3, groups=4), L.DepthwiseConv1D(3)),
                "conv 1d, transposed": (nn.ConvTranspose1d(4, 4, 4), L.Conv1DTranspose(4, 4)),
            },
        ),
        (
            IMAGE,
            _channels_last,
            {
                "conv 2d": (nn.Conv2d(4, 6, (3, 2)), L.Conv2D(6, (3, 2))),
                "conv 2d, square": (nn.Conv2d(4, 4, 4), L.Conv2D(4, 4)),
                "conv 2d, pointwise": (nn.Conv2d(4, 4, 1), L.Conv2D(4, 1)),
                "conv 2d, 2 groups": (nn.Conv2d(4, 6, 3, groups=2), L.Conv2D(6, 3, groups=2)),
                "conv 2d, depthwise": (
                    nn.Conv2d(4, 8, (3, 2), groups=4),
                    L.DepthwiseConv2D((3, 2), depth_multiplier=2),
                ),
                "conv 2d, transposed": (
                    nn.ConvTranspose2d(4, 6, (3, 2), stride=2),
                    L.Conv2DTranspose(6, (3, 2), strides=2),
                ),
                "conv 2d, transposed, square": (
                    nn.ConvTranspose2d(4, 4, 4),
                    L.Conv2DTranspose(4, 4),
                ),
                "group norm": (nn.GroupNorm(2, 4), L.GroupNormalization(2, epsilon=1e-5)),
                "batch norm": (nn.BatchNorm2d(4).eval(), L.BatchNormalization(epsilon=1e-5)),
            },
        ),
    ]
    for name, pair in pairs.items()
}
for cell, ours, theirs in [
    ("RNN", nn.RNN, L.SimpleRNN),
    ("LSTM", nn.LSTM, L.LSTM),
    ("GRU", nn.GRU, L.GRU),
]:
    both = L.Bidirectional(theirs(3, return_sequences=True))
    two = keras.Sequential([theirs(4, return_sequences=True) for _ in range(2)])
    stacked = L.RNN([type(theirs(4).cell)(4) for _ in range(2)], return_sequences=True)
    for name, changes, layer in [
        ("square", {}, theirs(4, return_sequences=True)),
        ("no bias", {"bias": False}, theirs(4, return_sequences=True, use_bias=False)),
        ("both directions", {"hidden_size": 3, "bidirectional": True}, both),
        ("two layers", {"num_layers": 2}, two),
        ("two stacked cells", {"num_layers": 2}, stacked),
    ]:
        layer_of_torch = ours(**{"input_size": 4, "hidden_size": 4, "batch_first": True} | changes)
        CASES[f"{cell}, {name}"] = (layer_of_torch, layer, TEXT, np.asarray)


def _shake(model):
    """Moves every weight, so that no bias is zero and no scale is one."""
    for _, weight in named_weights(model):
        weight.write((weight.read() + RNG.uniform(0.1, 0.5, weight.shape)).astype(weight.dtype))


def _state(model):
    """Every weight, as the framework itself hands it out."""
    if isinstance(model, nn.Module):
        return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
    return {variable.path: np.array(variable.numpy()) for variable in model.weights}


def _assert_equal(before, after):
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


def _torch_output(module, x):
    with torch.no_grad():
        y = module(torch.from_numpy(x))
    return (y[0] if isinstance(y, tuple) else y).numpy()


@pytest.mark.parametrize("kind", CASES)
def test_outputs_agree_after_copying_either_way(kind):
    module, layer, x, arrange = CASES[kind]
    earlier = np.asarray(layer(arrange(x)))  # builds the layer too
    for source, target in [(module, layer), (layer, module)]:
        _shake(source)
        before = _state(source)
        copy_weights(source, target)
        _assert_equal(before, _state(source))
        found = np.asarray(layer(arrange(x)))
        expected = arrange(_torch_output(module, x))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        assert np.abs(found - earlier).max() > 1e-2, "nothing changed, so nothing is proven"
        earlier = found


@pytest.mark.parametrize("kind", CASES)
def test_there_and_back_is_exact(kind):
    module, layer, x, arrange = CASES[kind]
    layer(arrange(x))
    before = _state(layer)
    copy_weights(layer, module)
    _shake(layer)
    copy_weights(module, layer)
    _assert_equal(before, _state(layer))


class TorchModel(nn.Module):
    """Nested lists, a dictionary, parameters of its own, a buffer, and tied weights."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.ModuleDict({"norm": nn.LayerNorm(3)}) for _ in range(2)])
        self.stem_0 = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
        self.scale = nn.Parameter(torch.rand(3, 3))
        self.embedding = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("mask", torch.ones(3), persistent=False)


class KerasModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [{"norm": L.LayerNormalization()} for _ in range(2)]
        self.stem = [keras.Sequential([L.Dense(3), L.Activation("relu"), L.Dense(3)])]
        self.scale = self.add_weight(shape=(3, 3))
        self.embedding = L.Embedding(5, 3)
        self.drop = L.Dropout(0.5)
        self(np.zeros((1, 2), int))

    def call(self, tokens):
        x = self.stem[0](self.embedding(tokens) @ self.scale)
        for block in self.blocks:
            x = block["norm"](x)
        return self.drop(x) @ keras.ops.transpose(self.embedding.embeddings)


def test_names_follow_attributes_through_lists_dictionaries_and_numbers():
    module, model = TorchModel(), KerasModel()
    assert {name.replace("stem_0", "stem.0") for name, _ in named_weights(module)} == {
        name for name, _ in named_weights(model)
    }
    copy_weights(module, model)
    np.testing.assert_array_equal(model.scale.numpy(), module.scale.detach().numpy())
    for number in (0, 2):
        ours, theirs = model.stem[0].layers[number].kernel, module.stem_0[number].weight
        np.testing.assert_array_equal(ours.numpy(), theirs.detach().numpy().T)
    _shake(model)
    copy_weights(model, module)
    assert module.head.weight is module.embedding.weight
    np.testing.assert_array_equal(module.head.weight.detach().numpy(), model.embedding.embeddings)


def test_a_copy_shares_no_memory_with_its_source():
    module, layer = nn.Linear(512, 512), L.Dense(512)
    layer.build((None, 512))
    for source, target in [(module, layer), (layer, module)]:
        copy_weights(source, target)
        before, read = _state(target), dict(named_weights(source))["weight"].read()
        kept = read.copy()
        _shake(source)
        _assert_equal(before, _state(target))
        np.testing.assert_array_equal(read, kept)


def test_two_biases_of_torch_are_one_in_keras():
    module, layer = nn.LSTM(2, 3), L.LSTM(3)
    layer.build((None, 5, 2))
    copy_weights(module, layer)
    total = (module.bias_ih_l0 + module.bias_hh_l0).detach().numpy()
    np.testing.assert_array_equal(layer.cell.bias.numpy(), total)
    copy_weights(layer, module)
    np.testing.assert_array_equal(module.bias_ih_l0.detach().numpy(), total)
    assert not module.bias_hh_l0.any()


def test_counters_and_gradients_stay_as_they_are():
    module, layer = nn.BatchNorm1d(3), L.BatchNormalization()
    layer.build((None, 3))
    module(torch.rand(4, 3)).sum().backward()
    copy_weights(layer, module)
    assert module.num_batches_tracked == 1
    assert module.weight.requires_grad and module.weight.grad is not None


def test_importing_it_imports_no_framework():
    code = "import sys, companion.twins; print({'torch', 'keras', 'tensorflow'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
