"""Multiply-adds: by hand for small networks, and against what is published for the full-size ones.

Those of EfficientNet are in test_efficientnet.py.
"""

import pytest
import torch
from torch import nn

from companion.planner_presets import PRESETS
from companion.planner_vision import ResNet as ResNetPlan
from companion.planner_vision import VisionTransformer
from companion.vision.cnn_torch import CNN
from companion.vision.config import CNNConfig
from companion.vision.deep_config import ResNetConfig, ViTConfig
from companion.vision.flops import count
from companion.vision.resnet_torch import ResNet
from companion.vision.vit_torch import ViT


def _on_meta(build, config):
    with torch.device("meta"):
        return build(config)


def test_small_networks_are_counted_by_hand():
    config = CNNConfig((28, 28, 1), (32, 64), (128,), 10)
    found = count(CNN(config), config.image)
    stages = 26 * 26 * 32 * 1 * 9 + 11 * 11 * 64 * 32 * 9
    assert found == stages + 1600 * 128 + 128 * 10
    depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    assert count(depthwise, (5, 4, 6)) == 5 * 4 * 6 * 9
    assert count(nn.Conv2d(4, 6, 3, stride=2, groups=2), (7, 7, 4)) == 3 * 3 * 6 * 2 * 9
    assert count(nn.ReLU(), (5, 4, 6)) == 0


# Multiply-adds, in billions, that torchvision's documentation prints as GFLOPS.
@pytest.mark.parametrize(
    ("build", "config", "billions"),
    [
        (ResNet, ResNetConfig.published("ResNet-18"), 1.81),
        (ResNet, ResNetConfig.published("ResNet-50"), 4.09),
        (ViT, ViTConfig.published("ViT-B/16"), 17.56),
    ],
)
def test_full_size_networks_agree_with_the_published_numbers(build, config, billions):
    assert round(count(_on_meta(build, config), config.image) / 1e9, 2) == billions


@pytest.mark.parametrize("name", ["ResNet-50", "ViT-B/16"])
def test_the_planner_has_the_same_formula(name):
    plan = PRESETS[name]
    if isinstance(plan, VisionTransformer):
        model = _on_meta(ViT, ViTConfig.published(name))
    else:
        config = ResNetConfig.published(name, stride_first=plan.stride_first)
        model = _on_meta(ResNet, config)
    assert 2 * count(model, model.config.image) == plan.forward_flop()


@pytest.mark.parametrize("stride_first", [True, False])
def test_the_planner_agrees_on_other_residual_networks(stride_first):
    plan = ResNetPlan(blocks=(1, 2), stem=8, image=32, classes=5, stride_first=stride_first)
    shape = {"width": 8, "bottleneck": True, "stem": "imagenet", "stride_first": stride_first}
    config = ResNetConfig((32, 32, 3), (1, 2), 5, **shape)
    assert 2 * count(ResNet(config), config.image) == plan.forward_flop()


def test_the_paper_counts_a_residual_network_with_the_stride_first():
    """Table 1: 1.8, 3.6, 3.8, 7.6 and 11.3 billion for 18, 34, 50, 101 and 152 layers."""
    for name, billions in zip(ResNetConfig.PUBLISHED, (1.8, 3.6, 3.8, 7.6, 11.3), strict=True):
        config = ResNetConfig.published(name, stride_first=True)
        found = count(_on_meta(ResNet, config), config.image) / 1e9
        assert found == pytest.approx(billions, rel=0.02), name


def test_counting_leaves_the_model_as_it_was():
    config = ResNetConfig((8, 8, 1), (1,), 2, width=4)
    model = ResNet(config).train()
    tensors = [*model.parameters(), *model.buffers()]
    before = [(id(t), t.device, t.detach().clone()) for t in tensors]
    assert count(model, config.image) == count(model.double(), config.image) > 0
    model.float()
    for tensor, (identity, device, values) in zip(tensors, before, strict=True):
        assert (id(tensor), tensor.device) == (identity, device)
        assert torch.equal(tensor, values)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(
    ("model", "shape", "error", "message"),
    [
        ("ResNet-50", (8, 8, 1), TypeError, "model is str; expected a torch.nn.Module"),
        (nn.ReLU(), (8, 8), ValueError, r"image is \(8, 8\); expected height, width and channels"),
        (nn.ReLU(), 8, ValueError, "image is 8; expected a tuple of height"),
        (ResNet(ResNetConfig((8, 8, 1), (1,), 2)), (9, 8, 1), ValueError, "the images have shape"),
    ],
)
def test_what_cannot_be_counted_is_refused(model, shape, error, message):
    with pytest.raises(error, match=message):
        count(model, shape)
