"""The multilayer perceptron: its config, and both twins against references and bad input.

That the twins agree with each other is tested for every model in tests/test_twins.py.
"""

import dataclasses
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn
from torch.nn import functional as F

from companion.twins import copy_weights
from companion.vision import mlp_keras, mlp_torch
from companion.vision.config import ACTIVATIONS, MLPConfig

CONFIG = MLPConfig(inputs=3, hidden=(5, 4), outputs=2, activation="tanh")
SAMPLES = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
TORCH_LAYERS = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


@pytest.fixture(autouse=True)
def _seeds():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)


def _twins(config=CONFIG):
    twins = mlp_torch.MLP(config), mlp_keras.MLP(config)
    copy_weights(*twins)
    return twins


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": 0}, "inputs is 0; expected an integer of at least 1"),
        ({"inputs": 2.0}, "inputs is 2.0; expected an integer of at least 1"),
        ({"outputs": True}, "outputs is True; expected an integer of at least 1"),
        ({"outputs": -1}, "outputs is -1; expected an integer of at least 1"),
        ({"hidden": 8}, r"hidden is 8; expected a tuple of widths such as \(16,\)"),
        ({"hidden": (4, 0)}, r"hidden\[1\] is 0; expected an integer of at least 1"),
        ({"hidden": ("4",)}, r"hidden\[0\] is '4'; expected an integer of at least 1"),
        ({"activation": "swish"}, "activation is 'swish'; expected one of gelu, relu, sigmoid"),
        ({"activation": nn.ReLU}, "expected one of gelu, relu, sigmoid"),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        MLPConfig(**{**dataclasses.asdict(CONFIG), **changes})


def test_the_config_is_frozen_and_takes_what_json_and_numpy_make_of_it():
    assert MLPConfig(3, [5, 4], 2, "tanh") == CONFIG
    assert type(MLPConfig(np.int64(3), (), 2).inputs) is int
    assert hash(MLPConfig(3, [5, 4], 2, "tanh")) == hash(CONFIG)
    assert CONFIG.widths == (3, 5, 4, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIG.inputs = 4


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_twins_equal_a_sequential_of_torch(activation):
    config = dataclasses.replace(CONFIG, activation=activation)
    layers = []
    for widths in pairwise(config.widths):
        layers += [nn.Linear(*widths), TORCH_LAYERS[activation]()]
    reference = nn.Sequential(*layers[:-1])
    ours, theirs = mlp_torch.MLP(config), mlp_keras.MLP(config)
    names = ours.state_dict().keys()
    ours.load_state_dict(dict(zip(names, reference.state_dict().values(), strict=True)))
    copy_weights(ours, theirs)
    with torch.no_grad():
        expected = reference(torch.from_numpy(SAMPLES)).numpy()
        found = ours(torch.from_numpy(SAMPLES)).numpy()
    assert np.ptp(expected, axis=0).min() > 0.01, "the outputs hardly depend on the inputs"
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(theirs(SAMPLES), expected, rtol=0, atol=1e-6)


def test_without_hidden_layers_it_is_linear():
    model, twin = _twins(MLPConfig(3, (), 2))
    assert list(model.state_dict()) == ["head.weight", "head.bias"]
    weight, bias = (tensor.detach().numpy() for tensor in model.parameters())
    np.testing.assert_allclose(twin(SAMPLES), SAMPLES @ weight.T + bias, rtol=0, atol=1e-6)


def test_gradients_agree_with_finite_differences():
    model = mlp_torch.MLP(CONFIG).double()
    inputs = torch.from_numpy(SAMPLES).double().requires_grad_()
    names = [name for name, _ in model.named_parameters()]

    def outputs(inputs, *weights):
        return torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (inputs,))

    assert torch.autograd.gradcheck(outputs, (inputs, *model.parameters()))


def test_gradients_of_the_twins_agree():
    model, twin = _twins()
    model(torch.from_numpy(SAMPLES)).square().sum().backward()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(twin(SAMPLES) ** 2)
    found = tape.gradient(loss, [variable.value for variable in twin.trainable_weights])
    expected = [parameter.grad.numpy().T for parameter in model.parameters()]
    assert len(found) == len(expected) == 6
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_both_start_from_the_same_distribution():
    config = MLPConfig(300, (200,), 100)
    limits = [np.sqrt(6 / (a + b)) for a, b in pairwise(config.widths)]
    model, twin = mlp_torch.MLP(config), mlp_keras.MLP(config)
    for weights in (
        [tensor.detach().numpy() for tensor in model.parameters()],
        [variable.numpy() for variable in twin.weights],
    ):
        for matrix, limit in zip(weights[::2], limits, strict=True):
            # The mean of n draws has a standard error of limit / √(3n), that of |w| of half as
            # much: five of them are 1.2 % and 1.1 % of the limit at n = 20 000 and more.
            scaled = matrix / limit
            assert 0.99 < np.abs(scaled).max() <= 1
            assert abs(scaled.mean()) < 0.021
            assert abs(np.abs(scaled).mean() - 0.5) < 0.011
        assert not any(bias.any() for bias in weights[1::2])
    matrices = model.head.weight.detach().numpy(), twin.head.kernel.numpy().T
    assert not np.allclose(*matrices), "the twins drew the same numbers, so prove nothing"


def test_torch_learns_one_batch_by_heart():
    labels = torch.tensor([0, 1] * 4)
    model = mlp_torch.MLP(MLPConfig(3, (32,), 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.from_numpy(SAMPLES)), labels)
        loss.backward()
        optimizer.step()
    assert loss < 0.01


def test_keras_learns_one_batch_by_heart():
    model = mlp_keras.MLP(MLPConfig(3, (32,), 2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss)
    labels = np.array([0, 1] * 4)
    for _ in range(150):
        model.train_on_batch(SAMPLES, labels)
    assert loss(labels, model(SAMPLES)) < 0.01


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (SAMPLES[:, :2], ValueError, r"shape \(8, 2\); expected \(B, 3\), one row of 3 numbers"),
        (SAMPLES[0], ValueError, r"shape \(3,\); expected \(B, 3\)"),
        (SAMPLES[None], ValueError, r"shape \(1, 8, 3\); expected \(B, 3\)"),
        (SAMPLES.astype("int64"), TypeError, "inputs are int64; expected float32"),
    ],
)
def test_both_refuse_inputs_that_they_cannot_take(inputs, error, message):
    model, twin = _twins()
    with pytest.raises(error, match=message):
        model(torch.from_numpy(inputs))
    with pytest.raises(error, match=message):
        twin(inputs)


def test_torch_refuses_another_precision_and_keras_converts_it():
    model, twin = _twins()
    with pytest.raises(TypeError, match="inputs are float64; expected float32 like the weights"):
        model(torch.from_numpy(SAMPLES.astype("float64")))
    np.testing.assert_array_equal(twin(SAMPLES.astype("float64")), twin(SAMPLES))


def test_keras_saves_and_loads_it_with_its_own_format(tmp_path):
    model = mlp_keras.MLP(CONFIG)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == CONFIG
    np.testing.assert_array_equal(loaded(SAMPLES), model(SAMPLES))
