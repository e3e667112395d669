"""The residual network: against transformers and keras.applications, skips, and training.

What it shares with the other deep classifiers (learning by heart, files, images that it refuses) is
tested in tests/vision/test_deep_models.py, and the twins' outputs in tests/test_twins.py.
"""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from companion.layouts import named_weights
from companion.planner_presets import PRESETS
from companion.twins import copy_weights
from companion.vision import resnet_keras, resnet_torch
from companion.vision.deep_config import ResNetConfig
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = ResNetConfig((12, 10, 2), (1, 2), 3, width=4)
DEEP = dataclasses.replace(CONFIG, image=(36, 29, 2), bottleneck=True, stem="imagenet")
IMAGES = np.random.default_rng(0).random((6, 12, 10, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first


def _twins(config=CONFIG):
    twins = resnet_torch.ResNet(config), resnet_keras.ResNet(config)
    shake(twins[0])
    copy_weights(*twins)
    return twins[0].eval(), twins[1]


# Table 1 of the paper names the layers; torchvision's documentation prints the numbers.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ResNet-18", 11_689_512),
        ("ResNet-34", 21_797_672),
        ("ResNet-50", 25_557_032),
        ("ResNet-101", 44_549_160),
        ("ResNet-152", 60_192_808),
    ],
)
def test_published_networks_have_the_published_depth_and_parameters(name, parameters):
    config = ResNetConfig.published(name)
    with torch.device("meta"):
        model = resnet_torch.ResNet(config)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert config.maps[0][:2] == (56, 56) and config.maps[-1][:2] == (7, 7)
    layers = 1 + sum(len(body) for stage in config.plan() for body, _ in stage) + 1
    assert f"ResNet-{layers}" == name
    if name in PRESETS:
        assert PRESETS[name].parameters() == parameters


def test_the_plain_network_lacks_the_projections_and_nothing_else():
    config = ResNetConfig.published("ResNet-18")
    plain = dataclasses.replace(config, skips=False)
    sizes = []
    for made in (config, plain):
        with torch.device("meta"):
            sizes.append(sum(p.numel() for p in resnet_torch.ResNet(made).parameters()))
    beside = [shortcut for stage in config.plan() for _, shortcut in stage if shortcut]
    assert len(beside) == 3
    assert sizes[0] - sizes[1] == sum(i * o + 2 * o for i, o, _, _ in beside)
    assert [[body for body, _ in stage] for stage in plain.plan()] == [
        [body for body, _ in stage] for stage in config.plan()
    ]


def _reference(config):
    """The network of transformers, and where each weight of ours stands in it."""
    transformers = pytest.importorskip("transformers")
    model = transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            num_channels=config.image[2],
            embedding_size=config.width,
            hidden_sizes=[channels for _, _, channels in config.maps],
            depths=list(config.blocks),
            layer_type="bottleneck" if config.bottleneck else "basic",
            downsample_in_bottleneck=config.stride_first,
            num_labels=config.outputs,
        )
    )

    def name(ours):
        for old, new in [
            (r"^stem\.", "resnet.embedder.embedder."),
            (r"^stages\.(\d+)\.", r"resnet.encoder.stages.\1.layers."),
            (r"\.body\.", ".layer."),
            (r"\.norm\.", ".normalization."),
            (r"^head\.", "classifier.1."),
        ]:
            ours = re.sub(old, new, ours)
        return ours

    return model, name


@pytest.mark.parametrize(
    ("bottleneck", "stride_first"), [(False, False), (True, False), (True, True)]
)
def test_it_is_the_network_of_transformers(bottleneck, stride_first):
    config = dataclasses.replace(DEEP, bottleneck=bottleneck, stride_first=stride_first)
    model = resnet_torch.ResNet(config)
    shake(model)
    reference, name = _reference(config)
    reference.load_state_dict({name(key): value for key, value in model.state_dict().items()})
    images = torch.rand(4, 2, 36, 29)
    for training in (False, True):
        model.train(training), reference.train(training)
        with torch.no_grad():
            expected = reference(images, output_hidden_states=True)
            assert expected.logits.std(dim=0).min() > 0.005
            torch.testing.assert_close(model(images), expected.logits, rtol=0, atol=2e-5)
            model.eval(), reference.eval()  # the running statistics of the step above
            features = reference(images, output_hidden_states=True).hidden_states[1:]
            for ours, theirs in zip(model.features(images), features, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def _keras_layer(name):
    """Return the name that keras.applications gives to one of our layers."""
    if name == "head":
        return "predictions"
    *block, part = name.split(".")
    end = {"convolution": "conv", "norm": "bn"}[part]
    if block == ["stem"]:
        return f"conv1_{end}"
    place = 0 if block[-1] == "shortcut" else int(block[-1]) + 1
    return f"conv{int(block[1]) + 2}_block{int(block[2]) + 1}_{place}_{end}"


def test_it_is_the_network_of_keras():
    """Theirs halves in the first 1×1 convolution, and has biases, here 0, before each norm."""
    changes = {"image": (33, 32, 3), "outputs": 5, "stride_first": True}
    model = resnet_torch.ResNet(ResNetConfig.published("ResNet-50", **changes)).eval()
    reference = keras.applications.ResNet50(
        weights=None, input_shape=(33, 32, 3), classes=5, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    for name, weight in named_weights(model):
        layer, _, what = name.rpartition(".")
        if layer.endswith("norm"):  # no statistic is 0 or 1, and sums over 16 blocks stay small
            weight.write(rng.uniform(0.5, 1, weight.shape).astype("float32"))
        dict(named_weights(reference.get_layer(_keras_layer(layer))))[what].write(weight.read())
    images = rng.random((2, 33, 32, 3), dtype=np.float32)
    expected = reference(images).numpy()
    with torch.no_grad():
        found = model(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    scale = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 1e-3 * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


def test_a_block_whose_convolutions_give_nothing_passes_its_input_on():
    """With skips the identity costs nothing to learn; the plain network then forgets all."""
    for skips in (True, False):
        model, _ = _twins(dataclasses.replace(CONFIG, blocks=(1, 3), skips=skips))
        for block in model.stages[1][1:]:
            torch.nn.init.zeros_(block.body[-1].norm.weight)
            torch.nn.init.zeros_(block.body[-1].norm.bias)
        seen = []
        model.stages[1][0].register_forward_hook(lambda *call, seen=seen: seen.append(call[-1]))
        with torch.no_grad():
            last = model.features(FIRST)[-1]
        assert seen[0].std() > 0.01
        assert torch.equal(last, seen[0]) if skips else not last.any()


@pytest.mark.parametrize("config", [CONFIG, DEEP, dataclasses.replace(DEEP, image=(9, 64, 1))])
def test_features_have_the_shapes_of_the_config(config):
    model, twin = _twins(config)
    images = torch.rand(2, config.image[2], *config.image[:2])
    with torch.no_grad():
        ours = model.features(images)
    theirs = twin.features(images.permute(0, 2, 3, 1).numpy())
    assert [tuple(found.shape[1:]) for found in theirs] == config.maps
    for found, expected in zip(ours, theirs, strict=True):
        assert found.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, rtol=0, atol=1e-5)


def test_a_shift_by_the_stride_shifts_the_features_away_from_the_border():
    """One halving: 2 pixels are 1 place. A place sees 6 pixels around it, so 3 places are lost."""
    model, _ = _twins(ResNetConfig((32, 32, 2), (1, 1), 3, width=4))
    images = torch.rand(4, 2, 32, 32)
    with torch.no_grad():
        before, after, off = (
            model.features(torch.roll(images, pixels, dims=(2, 3)))[-1]
            for pixels in ((0, 0), (2, 4), (1, 0))
        )
    expected = before[:, :, 3:-4, 3:-5]
    assert expected.std() > 0.01
    torch.testing.assert_close(after[:, :, 4:-3, 5:-3], expected, rtol=0, atol=1e-6)
    assert (off[:, :, 4:-3, 5:-3] - expected).abs().max() > 0.01, "one pixel is not one place"


def test_the_twins_take_the_same_step_in_training():
    """Outputs, gradients and running statistics; torch corrects the variance for the batch."""
    model, twin = _twins()
    model.train()
    before = {name: weight.read() for name, weight in named_weights(model)}
    outputs = model(FIRST)
    outputs.square().sum().backward()
    with tf.GradientTape() as tape:
        theirs = twin(IMAGES, training=True)
        loss = tf.reduce_sum(theirs**2)
    np.testing.assert_allclose(outputs.detach(), theirs, rtol=0, atol=1e-5)
    assert not np.allclose(theirs, twin(IMAGES), atol=1e-2), "the mode makes no difference"
    gradients = tape.gradient(loss, [variable.value for variable in twin.trainable_weights])
    for variable, gradient in zip(twin.trainable_weights, gradients, strict=True):
        variable.assign(gradient)  # so that they are read under the names of torch
    after = {name: weight.read() for name, weight in named_weights(model)}
    found = {name: weight.read() for name, weight in named_weights(twin)}
    for name, parameter in model.named_parameters():
        scale = parameter.grad.abs().max()
        np.testing.assert_allclose(found[name], parameter.grad, rtol=0, atol=1e-4 * scale)
    for name in (name for name in after if "running" in name):
        ours, theirs = after[name] - 0.9 * before[name], found[name] - 0.9 * before[name]
        assert np.abs(theirs).max() > 1e-3
        n = 6 * (12 * 10 if name.startswith(("stem", "stages.0")) else 6 * 5)
        factor = n / (n - 1) if name.endswith("var") else 1
        np.testing.assert_allclose(ours, factor * theirs, rtol=1e-3, atol=1e-5)


def test_both_start_from_the_same_distribution():
    config = ResNetConfig((8, 8, 8), (1, 1), 50, width=32)
    ours, theirs = (
        {name: weight.read() for name, weight in named_weights(module.ResNet(config))}
        for module in (resnet_torch, resnet_keras)
    )
    for name, array in [*ours.items(), *theirs.items()]:
        if array.ndim == 4:  # He et al. (2015): variance 2 / inputs, as a uniform distribution
            scaled = array / np.sqrt(6 / array[0].size)
        elif array.ndim == 2:
            scaled = array / np.sqrt(6 / sum(array.shape))
        else:
            assert np.array_equal(array, np.full_like(array, name.endswith(("norm.weight", "var"))))
            continue
        # Five standard errors at the 2048 numbers of the shortcut are 0.06 and 0.03.
        assert 0.99 < np.abs(scaled).max() <= 1
        assert abs(scaled.mean()) < 0.06 and abs(np.abs(scaled).mean() - 0.5) < 0.03
