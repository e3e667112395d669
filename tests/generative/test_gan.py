"""Generator and discriminator: both twins against references, learning, files and bad input.

That the twins agree with each other is tested for every model in tests/test_twins.py, and the
losses in tests/generative/test_gan_losses.py.
"""

import dataclasses
import math
import re

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.generative import gan_keras, gan_torch
from companion.generative.config import GANConfig
from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights

CONFIG = GANConfig((12, 8, 2), 5, (4, 3))
RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 12, 8, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first
NOISE = RNG.normal(size=(6, 5)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seeds_and_one_thread():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower with so small images
    yield
    torch.set_num_threads(threads)


def _network(name, config=CONFIG):
    """Return a torch model whose small first weights are made large enough to see them act."""
    model = getattr(gan_torch, name)(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(20 if weight.ndim > 1 else 1).add_(0.1 * torch.randn(weight.shape))
    return model


def _twins(name, config=CONFIG):
    twins = _network(name, config), getattr(gan_keras, name)(config)
    copy_weights(*twins)
    return twins


class _Move(nn.Module):
    def __init__(self, source, target):
        super().__init__()
        self.ends = source, target

    def forward(self, hidden):
        return torch.movedim(hidden, *self.ends)


def _reference(name):
    """Return the network as a Sequential, and the model's tensors in its order."""
    model = _network(name)
    if name == "Generator":
        layers = [model.project, model.norms[0], model.stages[0], model.norms[1], model.stages[1]]
        network = nn.Sequential(
            *(nn.Linear(5, 24, bias=False), nn.Unflatten(1, (3, 2, 4)), _Move(3, 1)),
            *(nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False)),
            *(nn.BatchNorm2d(3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.Sigmoid()),
        )
    else:
        layers = [model.stages[0], model.stages[1], model.norms[0], model.head]
        network = nn.Sequential(
            *(nn.Conv2d(2, 3, 4, 2, 1), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(3, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.LeakyReLU(0.2)),
            *(_Move(1, 3), nn.Flatten(), nn.Linear(24, 1), nn.Flatten(0)),
        )
    tensors = [tensor for layer in layers for tensor in layer.state_dict().values()]
    network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=True)))
    return model, network


@pytest.mark.parametrize("name", ["Generator", "Discriminator"])
def test_torch_equals_a_sequential_of_the_same_weights(name):
    model, network = _reference(name)
    inputs = torch.from_numpy(NOISE) if name == "Generator" else FIRST
    for mode in (True, False):  # normalised by the batch, then by the running numbers of it
        found, expected = model.train(mode)(inputs), network.train(mode)(inputs)
        assert expected.std(dim=0).min() > 0.001
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
        if name == "Generator":
            assert found.shape == (6, 2, 12, 8) and found.min() > 0 and found.max() < 1


@pytest.mark.parametrize("name", ["Generator", "Discriminator"])
def test_twins_agree_in_training_too_and_keep_the_same_running_means(name):
    model, twin = _twins(name)
    given = torch.from_numpy(NOISE) if name == "Generator" else FIRST
    ours, theirs = model(given), twin(NOISE if name == "Generator" else IMAGES, training=True)
    ours = ours.detach().permute(0, 2, 3, 1) if ours.ndim == 4 else ours.detach()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    for norm, other in zip(model.norms, twin.norms, strict=True):
        assert norm.running_mean.abs().max() > 0.001
        np.testing.assert_allclose(norm.running_mean, other.moving_mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["Generator", "Discriminator"])
def test_both_start_from_the_papers_distribution(name):
    config = GANConfig((16, 16, 3), 50, (32, 32))
    model, twin = getattr(gan_torch, name)(config), getattr(gan_keras, name)(config)
    weights = [p.detach().numpy() for p in model.parameters() if p.ndim > 1]
    kernels = [v.numpy() for v in twin.trainable_variables if v.ndim > 1]
    assert len(weights) == len(kernels) == 3
    for values in (*weights, *kernels):
        error = 0.02 / math.sqrt(2 * values.size)
        assert abs(values.std() - 0.02) < 5 * error and abs(values.mean()) < 8 * error
        assert np.abs(values).max() > 0.04, "a normal distribution, not one that is cut off"


def test_torch_plays_the_game_until_samples_look_like_one_batch():
    """All data are one image of noise: the generator has to find its pixels."""
    torch.manual_seed(1)
    shared = (torch.rand(1, 1, 8, 8) > 0.5).float()
    data = shared.repeat(16, 1, 1, 1)
    config = GANConfig((8, 8, 1), 4, (16, 8))
    networks = gan_torch.Generator(config), gan_torch.Discriminator(config)
    generator, discriminator = networks
    steps = [torch.optim.Adam(n.parameters(), lr=0.005, betas=(0.5, 0.999)) for n in networks]
    distance = []
    for _ in range(150):
        fake = generator(torch.randn(16, 4))
        distance.append((fake - data).abs().mean().item())
        steps[1].zero_grad()
        logits = discriminator(data), discriminator(fake.detach())
        gan_torch.discriminator_loss(*logits).backward()
        steps[1].step()
        steps[0].zero_grad()
        gan_torch.generator_loss(discriminator(fake)).backward()
        steps[0].step()
    assert distance[0] > 0.45 and np.mean(distance[-10:]) < 0.1


def test_keras_discriminator_learns_one_batch_by_heart():
    model = gan_keras.Discriminator(CONFIG)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    labels = np.array([0, 1, 0, 1, 1, 0], np.float32)
    for _ in range(150):
        model.train_on_batch(IMAGES, labels)
    assert loss(labels, model(IMAGES, training=True)) < 0.02


def test_keras_generator_learns_one_batch_by_heart():
    model = gan_keras.Generator(GANConfig((12, 8, 2), 5, (32, 16)))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mean_squared_error")
    for _ in range(200):
        model.train_on_batch(NOISE, IMAGES)
    assert np.square(model(NOISE, training=True) - IMAGES).mean() < 0.01  # the mean leaves 0.07


@pytest.mark.parametrize("name", ["Generator", "Discriminator"])
def test_both_are_saved_and_loaded_in_one_form(name, tmp_path):
    model, twin = _twins(name)
    given = torch.from_numpy(NOISE) if name == "Generator" else FIRST
    other = NOISE if name == "Generator" else IMAGES
    model(given), twin(other, training=True)  # moves the running means, which belong to the file
    model.eval()
    for saved, inputs in ((model, given), (twin, other)):
        save_model(saved, tmp_path / "it")
        config = load_config(GANConfig, tmp_path / "it")
        assert config == CONFIG
        new = type(saved)(config)
        load_weights(new, tmp_path / "it")
        if saved is model:
            new.eval()
        with torch.no_grad():
            np.testing.assert_array_equal(new(inputs), saved(inputs))
    twin.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == CONFIG
    np.testing.assert_array_equal(loaded(other), twin(other))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": (28, 28)}, "image is (28, 28); expected height, width and channels"),
        ({"image": (12, 10, 1)}, "image is (12, 10, 1), whose height and width are to be halved 2"),
        (
            {"filters": ()},
            "filters is (); expected a tuple of numbers of channels such as (64, 32)",
        ),
        ({"filters": (3, -1)}, "filters[1] is -1; expected an integer of at least 1"),
        ({"noise": 0}, "noise is 0; expected an integer of at least 1"),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
    assert GANConfig([12, 8, np.int64(2)], 5, [4, 3]) == CONFIG


@pytest.mark.parametrize(
    ("name", "inputs", "error", "message"),
    [
        ("Generator", NOISE[:, :4], ValueError, r"the noise vectors have shape \(6, 4\); expected"),
        ("Generator", NOISE[:0], ValueError, r"\(0, 5\); expected \(B, 5\) with B at least 1"),
        (
            "Generator",
            NOISE.astype(int),
            TypeError,
            "the noise vectors are int64; expected float32",
        ),
        ("Discriminator", IMAGES[..., :1], ValueError, r"expected \(B, (12, 8, 2|2, 12, 8)\), whi"),
        ("Discriminator", IMAGES[:0], ValueError, "expected at least one image"),
        ("Discriminator", (IMAGES * 9).astype("uint8"), TypeError, "images are uint8; expected fl"),
    ],
)
def test_both_refuse_inputs_that_they_cannot_take(name, inputs, error, message):
    model, twin = _twins(name)
    with pytest.raises(error, match=message):
        model(torch.from_numpy(np.moveaxis(inputs, -1, -3) if inputs.ndim == 4 else inputs))
    with pytest.raises(error, match=message):
        twin(inputs)
