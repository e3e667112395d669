"""The convolutional network: both twins against references, what they learn, and files.

That the twins agree with each other is tested for every model in tests/test_twins.py, and what they
refuse in tests/vision/test_cnn_refused.py.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn
from torch.nn import functional as F

from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights
from companion.vision import cnn_keras, cnn_torch
from companion.vision.config import CNNConfig

CONFIG = CNNConfig((12, 10, 2), (3, 4), (5,), 3, activation="tanh")
IMAGES = np.random.default_rng(0).random((8, 12, 10, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first
# The three listings of the source documents: only the width of the dense layer differs.
LISTINGS = {"D1 §4.2": 128, "D3 §5.2": 64, "D4 §4.1": 128}


@pytest.fixture(autouse=True)
def _seeds_and_one_thread():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower with so small images
    yield
    torch.set_num_threads(threads)


def _twins(config=CONFIG):
    twins = cnn_torch.CNN(config), cnn_keras.CNN(config)
    copy_weights(*twins)
    twins[0].eval()
    return twins


@pytest.mark.parametrize("width", sorted(set(LISTINGS.values())))
def test_it_is_the_network_of_the_documents(width):
    layers = keras.layers
    listing = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(width, activation="relu"),
            layers.Dense(10),
        ]
    )
    model, twin = _twins(CNNConfig((28, 28, 1), (32, 64), (width,), 10))
    assert [tuple(v.shape) for v in twin.weights] == [tuple(v.shape) for v in listing.weights]
    assert sum(p.numel() for p in model.parameters()) == {128: 225_034, 64: 121_930}[width]
    listing.set_weights(twin.get_weights())
    images = np.random.default_rng(1).random((4, 28, 28, 1), dtype=np.float32)
    expected = listing(images).numpy()
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(twin(images), expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        found = model(torch.from_numpy(images).permute(0, 3, 1, 2))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_torch_equals_a_sequential_of_the_same_weights():
    model = cnn_torch.CNN(CONFIG)

    class ChannelsLast(nn.Module):
        def forward(self, images):
            return torch.movedim(images, 1, 3)

    reference = nn.Sequential(
        *(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.MaxPool2d(2)),
        *(ChannelsLast(), nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
    )
    names = reference.state_dict().keys()
    reference.load_state_dict(dict(zip(names, model.state_dict().values(), strict=True)))
    with torch.no_grad():
        expected = reference(FIRST.contiguous())
        assert expected.std(dim=0).min() > 0.001, "the outputs hardly depend on the images"
        torch.testing.assert_close(model(FIRST), expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(model(FIRST.contiguous()), expected, rtol=0, atol=1e-6)


def test_torch_computes_in_channels_last():
    for image in ((12, 10, 2), (12, 10, 1)):
        model = cnn_torch.CNN(dataclasses.replace(CONFIG, image=image, padding="same"))
        images = torch.rand(4, image[2], *image[:2])
        for found in model.features(images):
            assert found.is_contiguous(memory_format=torch.channels_last)
            assert not found.is_contiguous(), "then the format is not told from the other one"


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_features_have_the_shapes_of_the_config(padding):
    config = dataclasses.replace(CONFIG, padding=padding)
    model, twin = _twins(config)
    ours, theirs = model.features(FIRST), twin.features(IMAGES)
    assert [tuple(f.shape[1:]) for f in theirs] == config.maps
    for found, expected in zip(ours, theirs, strict=True):
        with torch.no_grad():
            np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", [(1, 0), (0, 2), (2, 1)])
def test_a_shift_by_the_pooling_factor_shifts_the_features(steps):
    """Two stages of pooling: 4 pixels are 1 place, where nothing reaches over the border."""
    config = CNNConfig((40, 40, 2), (3, 4), (), 2)
    model, _ = _twins(config)
    images = torch.zeros(4, 2, 40, 40)
    images[:, :, 8:24, 8:24] = torch.rand(4, 2, 16, 16)
    down, right = steps
    moved = torch.roll(images, (4 * down, 4 * right), dims=(2, 3))
    with torch.no_grad():
        before, after = model.features(images)[-1], model.features(moved)[-1]
        off = model.features(torch.roll(images, 1, dims=2))[-1]
    size = before.shape[2]
    expected = before[:, :, : size - down, : size - right]
    assert expected.std() > 0.01
    torch.testing.assert_close(after[:, :, down:, right:], expected, rtol=0, atol=1e-6)
    assert (off[:, :, 1:] - before[:, :, :-1]).abs().max() > 0.01, "one pixel is not one place"


def test_dropout_acts_in_training_only_and_before_the_last_layer():
    model, twin = _twins(dataclasses.replace(CONFIG, hidden=(64,), dropout=0.5))
    quiet = model(FIRST)
    assert torch.equal(quiet, model(FIRST))
    np.testing.assert_array_equal(twin(IMAGES), twin(IMAGES, training=False))
    model.train()
    assert not torch.allclose(quiet, model(FIRST), atol=1e-3)
    assert not np.allclose(twin(IMAGES), twin(IMAGES, training=True), atol=1e-3)
    with torch.no_grad():
        mean = model(FIRST.repeat(2000, 1, 1, 1)).reshape(2000, 8, 3).mean(dim=0)
    assert (mean - quiet).abs().max() < 0.1 * quiet.abs().max()


def test_gradients_agree_with_finite_differences():
    model = cnn_torch.CNN(CNNConfig((5, 4, 2), (2,), (3,), 2, activation="tanh")).double()
    images = torch.rand(2, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in model.named_parameters()]

    def outputs(images, *weights):
        return torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (images,))

    assert torch.autograd.gradcheck(outputs, (images, *model.parameters()))


def test_both_start_from_the_same_distribution():
    config = CNNConfig((28, 28, 8), (32, 64), (128,), 10)
    fans = [(8 * 9, 32 * 9), (32 * 9, 64 * 9), (1600, 128), (128, 10)]
    for weights in (
        [tensor.detach().numpy() for tensor in cnn_torch.CNN(config).parameters()],
        [variable.numpy() for variable in cnn_keras.CNN(config).weights],
    ):
        for kernel, (inputs, outputs) in zip(weights[::2], fans, strict=True):
            scaled = kernel / np.sqrt(6 / (inputs + outputs))
            # Five standard errors at the 1280 numbers of the smallest are 0.08 and 0.04.
            assert 0.99 < np.abs(scaled).max() <= 1
            assert abs(scaled.mean()) < 0.08 and abs(np.abs(scaled).mean() - 0.5) < 0.04
        assert not any(bias.any() for bias in weights[1::2])


def test_torch_learns_one_batch_by_heart():
    labels = torch.arange(8) % 3
    model = cnn_torch.CNN(CNNConfig((12, 10, 2), (8, 16), (32,), 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(FIRST), labels)
        loss.backward()
        optimizer.step()
    assert loss < 0.01


def test_keras_learns_one_batch_by_heart():
    model = cnn_keras.CNN(CNNConfig((12, 10, 2), (8, 16), (32,), 3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    labels = np.arange(8) % 3
    for _ in range(150):
        model.train_on_batch(IMAGES, labels)
    assert loss(labels, model(IMAGES)) < 0.01


def test_both_are_saved_and_loaded_in_one_form(tmp_path):
    model, twin = _twins()
    for saved, folder in ((model, tmp_path / "torch"), (twin, tmp_path / "keras")):
        save_model(saved, folder)
        config = load_config(CNNConfig, folder)
        assert config == CONFIG
        loaded = cnn_torch.CNN(config), cnn_keras.CNN(config)
        new = loaded[0] if saved is model else loaded[1]
        load_weights(new, folder)
        if saved is model:
            assert torch.equal(new.eval()(FIRST), model(FIRST))
            assert new.stages[1].weight.is_contiguous(memory_format=torch.channels_last)
        else:
            np.testing.assert_array_equal(new(IMAGES), twin(IMAGES))
    other = cnn_torch.CNN(dataclasses.replace(CONFIG, kernel=2))
    with pytest.raises(ValueError, match=r"kernel=3.*expected .*kernel=2"):
        load_weights(other, tmp_path / "torch")


def test_keras_saves_and_loads_it_with_its_own_format(tmp_path):
    model = cnn_keras.CNN(CONFIG)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == CONFIG
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


def test_gradients_of_the_twins_agree():
    model, twin = _twins()
    model(FIRST).square().sum().backward()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(twin(IMAGES) ** 2)
    found = tape.gradient(loss, [variable.value for variable in twin.trainable_weights])
    for ours, theirs in zip(model.parameters(), found, strict=True):
        order = (2, 3, 1, 0) if ours.ndim == 4 else tuple(range(ours.ndim))[::-1]
        np.testing.assert_allclose(ours.grad.permute(order), theirs, rtol=1e-4, atol=1e-5)
