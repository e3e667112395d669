"""The autoencoder: both twins against references, what they learn, files, and bad input.

That the twins agree with each other is tested for every model in tests/test_twins.py.
"""

import dataclasses
import re

import keras
import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights
from companion.vision import autoencoder_keras, autoencoder_torch
from companion.vision.autoencoder_config import AutoencoderConfig

CONFIG = AutoencoderConfig((12, 8, 2), (3, 4), 5, "tanh")
IMAGES = np.random.default_rng(0).random((6, 12, 8, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first
CODES = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seeds_and_one_thread():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower with so small images
    yield
    torch.set_num_threads(threads)


def _twins(config=CONFIG):
    twins = autoencoder_torch.Autoencoder(config), autoencoder_keras.Autoencoder(config)
    copy_weights(*twins)
    return twins


class _Move(nn.Module):
    def __init__(self, source, target):
        super().__init__()
        self.ends = source, target

    def forward(self, hidden):
        return torch.movedim(hidden, *self.ends)


def test_torch_equals_a_sequential_of_the_same_weights():
    model = autoencoder_torch.Autoencoder(CONFIG)
    reference = nn.Sequential(
        *(nn.Conv2d(2, 3, 4, 2, 1), nn.Tanh(), nn.Conv2d(3, 4, 4, 2, 1), nn.Tanh()),
        *(_Move(1, 3), nn.Flatten(), nn.Linear(24, 5)),
        *(nn.Linear(5, 24), nn.Tanh(), nn.Unflatten(1, (3, 2, 4)), _Move(3, 1)),
        *(nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Tanh(), nn.ConvTranspose2d(3, 2, 4, 2, 1)),
    )
    names = reference.state_dict().keys()
    reference.load_state_dict(dict(zip(names, model.state_dict().values(), strict=True)))
    with torch.no_grad():
        expected = reference(FIRST.contiguous())
        assert expected.std(dim=0).min() > 0.001, "the outputs hardly depend on the images"
        torch.testing.assert_close(model(FIRST), expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(model.encode(FIRST), reference[:7](FIRST), rtol=0, atol=1e-6)


def test_codes_and_images_of_the_twins_agree():
    model, twin = _twins()
    with torch.no_grad():
        codes, images = model.encode(FIRST), model.decode(torch.from_numpy(CODES))
    assert codes.shape == (6, 5) and codes.std() > 0.1
    np.testing.assert_allclose(codes, twin.encode(IMAGES), rtol=0, atol=1e-5)
    np.testing.assert_allclose(images.permute(0, 2, 3, 1), twin.decode(CODES), rtol=0, atol=1e-5)


def test_the_decoder_treats_all_pixels_alike():
    """Weights of one, no biases, one stage: inside, every pixel adds up as much as any other."""
    for kernel, even in ((4, True), (3, False)):
        stage = nn.ConvTranspose2d(1, 1, kernel, stride=2, padding=1, bias=False)
        nn.init.ones_(stage.weight)
        with torch.no_grad():
            inside = stage(torch.ones(1, 1, 8, 8))[0, 0, 2:-2, 2:-2]
        assert (inside.std() == 0) == even, "kernel 3 gives the chessboard"
    assert all(s.kernel_size == (4, 4) for s in autoencoder_torch.Autoencoder(CONFIG).decoder)


def test_a_shift_by_the_stride_shifts_the_maps():
    model = autoencoder_torch.Autoencoder(AutoencoderConfig((16, 16, 1), (3, 4), 5))
    images = torch.zeros(2, 1, 16, 16)
    images[:, :, 4:8, 4:8] = torch.rand(2, 1, 4, 4)

    def maps(images):
        return model.encoder[1](F.relu(model.encoder[0](images)))

    with torch.no_grad():
        before, after = maps(images), maps(torch.roll(images, (4, 4), dims=(2, 3)))
    assert before.std() > 0.01
    found = after[:, :, 1:, 1:]
    torch.testing.assert_close(found, before[:, :, :-1, :-1], rtol=0, atol=1e-6)


def test_gradients_agree_with_finite_differences():
    config = AutoencoderConfig((4, 4, 1), (2,), 2, "tanh")
    model = autoencoder_torch.Autoencoder(config).double()
    images = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in model.named_parameters()]

    def outputs(images, *weights):
        return torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (images,))

    assert torch.autograd.gradcheck(outputs, (images, *model.parameters()))


def test_both_start_from_the_same_distribution():
    config = AutoencoderConfig((16, 16, 8), (16, 32), 20)
    fans = {"encoder.0": 16 * (8 + 16), "to_code": 512 + 20, "decoder.0": 16 * (32 + 16)}
    pair = autoencoder_torch.Autoencoder(config), autoencoder_keras.Autoencoder(config)
    for name, both in fans.items():
        for model in pair:
            part, _, index = name.partition(".")
            layer = getattr(model, part)[int(index)] if index else getattr(model, part)
            kernel = layer.weight.detach() if model is pair[0] else layer.kernel
            scaled = np.abs(np.asarray(kernel)) / np.sqrt(6 / both)
            assert 0.99 < scaled.max() <= 1 and abs(scaled.mean() - 0.5) < 0.03
            assert not np.any(np.asarray(layer.bias.detach() if model is pair[0] else layer.bias))


def test_torch_learns_one_batch_by_heart():
    model = autoencoder_torch.Autoencoder(AutoencoderConfig((12, 8, 2), (16, 32), 8))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        loss = F.mse_loss(model(FIRST).sigmoid(), FIRST)
        loss.backward()
        optimizer.step()
    assert loss < 0.002, "8 numbers tell 6 images apart"  # the mean image leaves 0.07


def test_keras_learns_one_batch_by_heart():
    model = autoencoder_keras.Autoencoder(AutoencoderConfig((12, 8, 2), (16, 32), 8))
    binary = (IMAGES > 0.5).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    for _ in range(200):
        model.train_on_batch(binary, binary)
    assert loss(binary, model(binary)) < 0.02  # a coin gives 0.69


def test_without_nonlinearity_it_can_be_no_better_than_principal_components(monkeypatch):
    """Baldi and Hornik (1989): a linear autoencoder's best is the subspace of the PCA."""
    monkeypatch.setattr(F, "relu", lambda hidden: hidden)
    model = autoencoder_torch.Autoencoder(AutoencoderConfig((4, 4, 1), (8,), 3))
    images = torch.rand(32, 1, 4, 4) @ torch.diag(torch.tensor([2.0, 1.0, 0.5, 0.2]))
    images = images - images.mean(dim=0)
    pca = PCA(3).fit(images.flatten(1))
    projected = pca.inverse_transform(pca.transform(images.flatten(1)))
    best = np.square(projected - images.flatten(1).numpy()).mean()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(400):
        optimizer.zero_grad()
        loss = F.mse_loss(model(images), images)
        loss.backward()
        optimizer.step()
    assert best * 0.9999 < loss.item() < best * 1.05


def test_both_are_saved_and_loaded_in_one_form(tmp_path):
    model, twin = _twins()
    for saved, folder in ((model, tmp_path / "torch"), (twin, tmp_path / "keras")):
        save_model(saved, folder)
        config = load_config(AutoencoderConfig, folder)
        assert config == CONFIG
        new = type(saved)(config)
        load_weights(new, folder)
        inputs = FIRST if saved is model else IMAGES
        with torch.no_grad():
            np.testing.assert_array_equal(new(inputs), saved(inputs))
    with pytest.raises(ValueError, match=r"code=5.*expected .*code=6"):
        load_weights(type(model)(dataclasses.replace(CONFIG, code=6)), tmp_path / "torch")


def test_keras_saves_and_loads_it_with_its_own_format(tmp_path):
    model = autoencoder_keras.Autoencoder(CONFIG)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == CONFIG
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": 28}, "image is 28; expected a tuple of height, width and channels such as (28,"),
        ({"image": (28, 28)}, "image is (28, 28); expected height, width and channels"),
        ({"image": (12, 0, 1)}, "image[1] is 0; expected an integer of at least 1"),
        ({"image": (12, 10, 1)}, "image is (12, 10, 1), whose height and width are to be halved 2"),
        ({"filters": (3, 4, 5)}, "halved 3 times; expected multiples of 8, or fewer stages"),
        ({"filters": ()}, "filters is (); expected a tuple of numbers of filters such as (16, 32)"),
        ({"filters": (3, 0)}, "filters[1] is 0; expected an integer of at least 1"),
        ({"code": 0}, "code is 0; expected an integer of at least 1"),
        ({"activation": "swish"}, "activation is 'swish'; expected one of 'gelu', 'relu', "),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
    assert AutoencoderConfig([12, 8, np.int64(2)], [3, 4], 5, "tanh") == CONFIG


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"expected \(B, (12, 8, 2|2, 12, 8)\), which is \(B, "),
        (IMAGES[:, :8], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[0], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:0], ValueError, r"shape \(0, .*\); expected at least one image"),
        ((IMAGES * 255).astype("uint8"), TypeError, "the images are uint8; expected float32 like"),
    ],
)
def test_both_refuse_images_that_they_cannot_take(images, error, message):
    model, twin = _twins()
    for part in ("__call__", "encode"):
        with pytest.raises(error, match=message):
            getattr(model, part)(torch.from_numpy(np.moveaxis(images, -1, -3)))
        with pytest.raises(error, match=message):
            getattr(twin, part)(images)


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (CODES[:, :4], ValueError, r"codes have shape \(6, 4\); expected \(B, 5\) with B at least"),
        (CODES[0], ValueError, r"codes have shape \(5,\); expected \(B, 5\)"),
        (CODES[:0], ValueError, r"codes have shape \(0, 5\); expected \(B, 5\) with B at least 1"),
        (CODES.astype("float64"), TypeError, "the codes are float64; expected float32 like the"),
    ],
)
def test_both_refuse_codes_that_they_cannot_take(codes, error, message):
    model, twin = _twins()
    with pytest.raises(error, match=message):
        model.decode(torch.from_numpy(codes))
    with pytest.raises(error, match=message):
        twin.decode(codes)
