"""EfficientNet: against transformers, its parts, and compound scaling.

What it shares with the other deep classifiers (learning by heart, files, images that it refuses) is
tested in tests/vision/test_deep_models.py.
"""

import dataclasses
import re

import pytest
import torch

from companion.vision.efficientnet_config import EfficientNetConfig
from companion.vision.efficientnet_torch import ConvNorm, EfficientNet, MBConv
from companion.vision.flops import count
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = EfficientNetConfig((32, 32, 2), 5, width=0.5, depth=1.1)
B0 = EfficientNetConfig.published("EfficientNet-B0")


def _fitted(config, images):
    """A model whose running statistics are those of a batch: else its 80 layers let all fade."""
    model = EfficientNet(config)
    shake(model)
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model(images)
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


# Parameters and billions of multiply-adds, as torchvision's documentation prints them.
@pytest.mark.parametrize(
    ("name", "parameters", "billions"),
    [
        ("EfficientNet-B0", 5_288_548, 0.39),
        ("EfficientNet-B1", 7_794_184, 0.69),
        ("EfficientNet-B2", 9_109_994, None),  # its GFLOPS are those at 288 pixels, not 260
        ("EfficientNet-B4", 19_341_616, 4.39),
        ("EfficientNet-B7", 66_347_960, 37.75),
    ],
)
def test_published_models_have_the_published_size(name, parameters, billions):
    config = EfficientNetConfig.published(name)
    with torch.device("meta"):
        model = EfficientNet(config)
    assert sum(p.numel() for p in model.parameters()) == parameters
    if billions:
        assert round(count(model, config.image) / 1e9, 2) == billions


def _reference(config, **changes):
    transformers = pytest.importorskip("transformers")
    expansions, kernels, strides, filters, repeats = zip(*config.stages, strict=True)
    return transformers.EfficientNetForImageClassification(
        transformers.EfficientNetConfig(
            num_channels=config.image[2],
            image_size=config.image[0],
            width_coefficient=config.width,
            depth_coefficient=config.depth,
            kernel_sizes=kernels,
            in_channels=(config.stem, *filters[:-1]),
            out_channels=filters,
            strides=strides,
            num_block_repeats=repeats,
            expand_ratios=expansions,
            hidden_dim=config.filters(config.top),
            num_labels=config.outputs,
            **changes,
        )
    ).eval()


# Their name for each of our weights, as patterns.
NAMES = [
    (r"^stem\.convolution", "efficientnet.embeddings.convolution"),
    (r"^stem\.norm", "efficientnet.embeddings.batchnorm"),
    (r"\.expand\.convolution", ".expansion.expand_conv"),
    (r"\.expand\.norm", ".expansion.expand_bn"),
    (r"\.depthwise\.convolution", ".depthwise_conv.depthwise_conv"),
    (r"\.depthwise\.norm", ".depthwise_conv.depthwise_norm"),
    (r"\.squeeze\.", ".squeeze_excite.reduce."),
    (r"\.excite\.", ".squeeze_excite.expand."),
    (r"\.project\.convolution", ".projection.project_conv"),
    (r"\.project\.norm", ".projection.project_bn"),
    (r"^top\.convolution", "efficientnet.encoder.top_conv"),
    (r"^top\.norm", "efficientnet.encoder.top_bn"),
    (r"^head\.", "classifier."),
]


def _copy(model, reference):
    """Load our weights into theirs, whose blocks are one list and whose gates are convolutions."""
    blocks = [f"stages.{i}.{j}" for i, s in enumerate(model.stages) for j in range(len(s))]
    shapes = {name: value.shape for name, value in reference.state_dict().items()}
    found = {}
    for name, value in model.state_dict().items():
        for old, new in NAMES:
            name = re.sub(old, new, name)
        block = ".".join(name.split(".")[:3])
        if block in blocks:
            index = blocks.index(block)
            name = f"efficientnet.encoder.blocks.{index}{name.removeprefix(block)}"
        found[name] = value.reshape(shapes[name])
    reference.load_state_dict(found)


# With sides of 40 the fourth stage halves a map of 5 × 5, the sixth one of 3 × 3. Where a side is
# odd, theirs has to be told the number of the block.
@pytest.mark.parametrize(("side", "odd_blocks"), [(64, ()), (40, (8, 16))])
def test_it_is_the_network_of_transformers(side, odd_blocks):
    config = dataclasses.replace(CONFIG, image=(side, side, 2))
    images = torch.rand(8, 2, side, side)
    model = _fitted(config, images)
    reference = _reference(config, depthwise_padding=list(odd_blocks))
    _copy(model, reference)
    # In float64, because rounding adds up over more than 80 layers.
    model, reference, images = model.double(), reference.double(), images.double()
    with torch.no_grad():
        expected = reference(images, output_hidden_states=True)
        hidden = expected.hidden_states[1:]  # after each block
        assert expected.logits.std(dim=0).min() > 1e-3
        torch.testing.assert_close(model(images), expected.logits, rtol=0, atol=1e-9)
        last = -1
        for stage, found in zip(model.stages, model.features(images), strict=True):
            last += len(stage)
            torch.testing.assert_close(found, hidden[last], rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(9, 10), (8, 7)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (5, 1), (1, 1), (3, 4)])
def test_zeros_are_put_as_keras_puts_them(size, kernel, stride):
    keras = pytest.importorskip("keras")
    layer = ConvNorm(2, 3, kernel, stride).eval()
    images = torch.rand(2, 2, *size)
    kernels = layer.convolution.weight.detach().permute(2, 3, 1, 0).numpy()
    expected = keras.ops.conv(
        images.permute(0, 2, 3, 1).numpy(), kernels, strides=stride, padding="same"
    )
    with torch.no_grad():
        found = layer(images).permute(0, 2, 3, 1) * (1 + 1e-3) ** 0.5
    torch.testing.assert_close(found, torch.tensor(expected.numpy()), rtol=0, atol=1e-5)


def test_the_gates_weigh_whole_channels_and_see_all_of_the_image():
    block = MBConv(4, 16, 4, 3, 1, drop=0.0).eval()
    hidden = torch.rand(2, 16, 5, 6)
    gates = block.gates(hidden)
    assert gates.shape == (2, 16, 1, 1) and 0 < gates.min() < gates.max() < 1
    places = torch.randperm(30)
    shuffled = hidden.flatten(2)[:, :, places].unflatten(2, (5, 6))
    torch.testing.assert_close(block.gates(shuffled), gates, rtol=0, atol=1e-6)
    hidden[:, :, 4, 5] += 1
    assert (block.gates(hidden) - gates).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "skips"),
    [(4, 4, 1, True), (4, 4, 2, False), (4, 8, 1, False)],
)
def test_a_block_adds_its_input_where_the_sizes_agree(inputs, outputs, stride, skips):
    block = MBConv(inputs, 16, outputs, 3, stride, drop=0.0).eval()
    torch.nn.init.zeros_(block.project.norm.weight)
    images = torch.rand(2, inputs, 6, 6)
    found = block(images)
    assert torch.equal(found, images) if skips else not found.any()


def test_blocks_are_dropped_for_whole_images_in_training_only():
    block = MBConv(4, 16, 4, 3, 1, drop=0.25)
    shake(block)
    images = torch.rand(1, 4, 6, 6).repeat(2000, 1, 1, 1)
    with torch.no_grad():
        found = block(images) - images
        dropped = ~found.flatten(1).any(dim=1)
        assert abs(dropped.float().mean() - 0.25) < 0.05  # five standard errors
        kept = found[~dropped]
        torch.testing.assert_close(kept, kept[:1].expand_as(kept), rtol=0, atol=1e-5)
        block.drop = 0.0
        torch.testing.assert_close(0.75 * kept[0], (block(images) - images)[0], rtol=0, atol=1e-4)
        block.drop = 0.9
        assert (block.eval()(images) - images).flatten(1).any(dim=1).all()


def test_the_drop_grows_from_block_to_block_and_dropout_stands_before_the_head():
    images = torch.rand(2, 2, 32, 32)
    model = _fitted(dataclasses.replace(CONFIG, drop_block=0.5, dropout=0.3), images)
    drops = [block.drop for stage in model.stages for block in stage]
    assert drops == pytest.approx([0.5 * i / len(drops) for i in range(len(drops))])
    assert model.dropout.p == 0.3 and len(drops) == 23
    before = model(images)
    assert torch.equal(before, model(images))
    model.dropout.train()
    assert not torch.allclose(before, model(images), atol=1e-3)


def test_features_have_the_shapes_of_the_config():
    config = dataclasses.replace(CONFIG, image=(37, 64, 2))
    model = EfficientNet(config).eval()
    found = model.features(torch.rand(2, 2, 37, 64))
    sizes = [tuple(stage.shape[1:]) for stage in found]
    assert sizes == [(channels, height, width) for height, width, channels in config.maps]
    assert config.maps[0] == (19, 32, 8) and config.maps[-1] == (2, 2, 160)
    for stage, blocks in zip(config.plan(), model.stages, strict=True):
        assert len(stage) == len(blocks)


def test_filters_and_repeats_are_rounded_as_the_paper_rounds_them():
    assert [B0.filters(n) for n in (1, 16, 20, 320)] == [8, 16, 24, 320]
    b4 = EfficientNetConfig.published("EfficientNet-B4")  # 1.4 · 24 = 33.6, 1.4 · 16 = 22.4
    assert [b4.filters(n) for n in (32, 16, 24, 1280)] == [48, 24, 32, 1792]
    small = dataclasses.replace(B0, width=0.45)  # 0.45 · 24 = 10.8: 8 would be 26 % too small
    assert small.filters(24) == 16
    assert [len(stage) for stage in b4.plan()] == [2, 4, 4, 6, 6, 8, 2]
    assert sum(len(stage) for stage in B0.plan()) == 16


def test_compound_scaling_multiplies_all_three():
    config = B0.compound(2)
    assert config.width == pytest.approx(1.1**2) and config.depth == pytest.approx(1.2**2)
    assert config.image == (296, 296, 3)  # 1.15² · 224 = 296.2
    assert B0.compound(0) == B0
    assert 1.9 < 1.2 * 1.1**2 * 1.15**2 < 2.1
    again = config.scaled(width=0.5, resolution=0.5, depth=2)
    assert again.image == (148, 148, 3) and again.width == pytest.approx(0.5 * 1.1**2)


def test_each_dimension_costs_what_the_paper_says():
    """Work grows with depth, and with the squares of width and resolution, up to rounding."""

    def work(config):
        with torch.device("meta"):
            model = EfficientNet(config)
        return count(model, config.image)

    base = work(B0)
    for factor, power, changes in [(2, 1, "depth"), (2, 2, "width"), (2, 2, "resolution")]:
        ratio = work(B0.scaled(**{changes: factor})) / base
        assert ratio == pytest.approx(factor**power, rel=0.1), changes
