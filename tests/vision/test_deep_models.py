"""What the deep image classifiers in PyTorch share: learning, files, and images that they refuse.

What is their own is tested in test_resnet.py, test_vit.py and test_efficientnet.py; that ResNet's
Keras twin refuses the same images is tested here too.
"""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.saving import load_config, load_weights, save_model
from companion.vision import resnet_keras
from companion.vision.deep_config import ResNetConfig, ViTConfig
from companion.vision.efficientnet_config import EfficientNetConfig
from companion.vision.efficientnet_torch import EfficientNet
from companion.vision.resnet_torch import ResNet
from companion.vision.vit_torch import ViT
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

MODELS = {
    "ResNet": (ResNet, ResNetConfig((12, 10, 2), (1, 1), 3, width=8)),
    "ViT": (ViT, ViTConfig((12, 10, 2), 2, 12, layers=2, heads=3, feed_forward=24, outputs=3)),
    "EfficientNet": (
        EfficientNet,
        EfficientNetConfig(
            (12, 10, 2), 3, width=0.5, stages=((1, 3, 1, 16, 2), (4, 5, 2, 32, 2)), top=64
        ),
    ),
}
IMAGES = np.random.default_rng(0).random((6, 12, 10, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first


@pytest.fixture(params=MODELS)
def made(request):
    """The class, its config, and a model of it whose weights and statistics are all special."""
    build, config = MODELS[request.param]
    model = build(config)
    shake(model)
    return build, config, model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_one_batch_by_heart(name):
    build, config = MODELS[name]
    model = build(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    labels = torch.arange(6) % 3
    for _ in range(80):
        optimizer.zero_grad()
        F.cross_entropy(model(FIRST), labels).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert F.cross_entropy(model(FIRST), labels) < 0.05


def test_keras_learns_one_batch_by_heart():
    model = resnet_keras.ResNet(MODELS["ResNet"][1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    labels = np.arange(6) % 3
    for _ in range(60):
        model.train_on_batch(IMAGES, labels)
    assert loss(labels, model(IMAGES)) < 0.01


def test_it_is_saved_and_loaded(made, tmp_path):
    build, config, model = made
    save_model(model, tmp_path)
    found = load_config(type(config), tmp_path)
    assert found == config
    new = build(found).eval()
    assert not torch.allclose(new(FIRST), model(FIRST), atol=1e-3)
    load_weights(new, tmp_path)
    assert torch.equal(new(FIRST), model(FIRST))
    other = build(dataclasses.replace(config, outputs=4))
    with pytest.raises(ValueError, match=r"outputs=3.*expected .*outputs=4"):
        load_weights(other, tmp_path)


def test_the_twins_are_saved_and_loaded_in_one_form(tmp_path):
    _, config = MODELS["ResNet"]
    twin = resnet_keras.ResNet(config)
    shake(twin)
    save_model(twin, tmp_path)
    new = resnet_keras.ResNet(load_config(ResNetConfig, tmp_path))
    load_weights(new, tmp_path)
    np.testing.assert_array_equal(new(IMAGES), twin(IMAGES))


def test_keras_saves_and_loads_it_with_its_own_format(tmp_path):
    config = ResNetConfig((36, 29, 2), (1, 2), 3, width=4, bottleneck=True, stem="imagenet")
    model = resnet_keras.ResNet(config)
    shake(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == config
    images = np.random.default_rng(0).random((2, *config.image), dtype=np.float32)
    np.testing.assert_array_equal(loaded(images), model(images))


def test_an_image_is_judged_alone_and_its_layout_in_memory_is_free(made):
    model = made[2]
    with torch.no_grad():
        whole = model(FIRST)
        assert whole.std(dim=0).min() > 1e-4, "the outputs hardly depend on the images"
        torch.testing.assert_close(model(FIRST[2:3]), whole[2:3], rtol=0, atol=1e-5)
        torch.testing.assert_close(model(FIRST.contiguous()), whole, rtol=0, atol=1e-5)


def test_every_weight_takes_part(made):
    """In eval mode: in training, batch normalisation takes away what a bias before it adds."""
    model = made[2]
    F.cross_entropy(model(FIRST), torch.arange(6) % 3).backward()
    for name, parameter in model.named_parameters():
        # A bias of the keys adds the same to all scores of a query, so the softmax ignores it.
        if not name.endswith("key.bias"):
            assert parameter.grad.abs().max() > 1e-7, name


def test_it_computes_in_the_precision_of_its_weights(made):
    model = made[2]
    single = model(FIRST)
    double = model.double()(FIRST.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"expected \(B, (12, 10, 2|2, 12, 10)\), which is \(B, "),
        (IMAGES[:, :8], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:, :, :8], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[0], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[None], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:0], ValueError, r"shape \(0, .*\); expected at least one image"),
        ((IMAGES * 255).astype("uint8"), TypeError, "the images are uint8; expected float32 like"),
        (IMAGES.astype("int64"), TypeError, "the images are int64; expected float32 like"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, error, message):
    for build, config in MODELS.values():
        with pytest.raises(error, match=message):
            build(config)(torch.from_numpy(np.moveaxis(images, -1, -3)))
    with pytest.raises(error, match=message):
        resnet_keras.ResNet(MODELS["ResNet"][1])(images)


def test_images_in_the_other_layout_or_precision_are_refused(made):
    model = made[2]
    with pytest.raises(ValueError, match=r"shape \(6, 12, 10, 2\); expected \(B, 2, 12, 10\)"):
        model(torch.from_numpy(IMAGES))
    with pytest.raises(TypeError, match="images are float64; expected float32 like the weights"):
        model(FIRST.double())


def test_configs_are_frozen_and_take_what_json_and_numpy_make_of_them(made):
    config = made[1]
    fields = json.loads(json.dumps(dataclasses.asdict(config)))
    fields["outputs"] = np.int64(3)
    same = type(config)(**fields)
    assert same == config and hash(same) == hash(config)
    assert type(same.outputs) is int and type(same.image) is tuple
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.outputs = 5


@pytest.mark.parametrize("config", [ResNetConfig, ViTConfig, EfficientNetConfig])
def test_published_configs_have_names(config):
    first, *_ = config.PUBLISHED
    assert config.published(first).outputs == 1000
    assert config.published(first, outputs=7).outputs == 7
    with pytest.raises(
        ValueError, match=rf"name is 'VGG-16'; expected one of '{re.escape(first)}'"
    ):
        config.published("VGG-16")
    with pytest.raises(ValueError, match=r"image is \(1, 2\)"):
        config.published(first, image=(1, 2))
