"""What the configs of ResNet, ViT and EfficientNet refuse, and the errors that name it."""

import dataclasses
import re

import pytest

from companion.vision.deep_config import ResNetConfig, ViTConfig
from companion.vision.efficientnet_config import EfficientNetConfig

RESNET = ResNetConfig((12, 10, 2), (1, 2), 3, width=4)
VIT = ViTConfig((8, 12, 2), patch=4, width=12, layers=2, heads=3, feed_forward=20, outputs=5)
EFFICIENTNET = EfficientNetConfig((32, 32, 2), 5, width=0.5, depth=1.1)
B0 = EfficientNetConfig.published("EfficientNet-B0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": (12, 10)}, "image is (12, 10); expected height, width and channels"),
        ({"blocks": ()}, "blocks is (); expected at least one stage"),
        ({"blocks": 3}, "blocks is 3; expected a tuple of blocks of each stage such as (3, 4, 6"),
        ({"blocks": (1, 0)}, "blocks[1] is 0; expected an integer of at least 1"),
        ({"outputs": 0}, "outputs is 0; expected an integer of at least 1"),
        ({"width": 4.0}, "width is 4.0; expected an integer of at least 1"),
        ({"stem": "large"}, "stem is 'large'; expected one of 'imagenet', 'small'"),
        ({"skips": 1}, "skips is 1; expected True or False"),
        ({"bottleneck": None}, "bottleneck is None; expected True or False"),
        (
            {"image": (16, 8, 1), "blocks": (1,) * 5},
            "image is (16, 8, 1), too small to be halved 4",
        ),
        ({"image": (64, 2, 1), "stem": "imagenet", "blocks": (1,)}, "sides of more than 2, fewer"),
    ],
)
def test_a_resnet_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(RESNET, **changes)


def test_the_smallest_images_that_can_be_halved_are_taken():
    config = ResNetConfig((9, 9, 1), (1,) * 5, 2, width=1)
    assert [height for height, _, _ in config.maps] == [9, 5, 3, 2, 1]
    assert ResNetConfig((1, 1, 1), (1,), 2).maps == [(1, 1, 16)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": 8}, "image is 8; expected a tuple of height, width and channels"),
        ({"image": (8, 10, 2)}, "image is (8, 10, 2); expected sides that 4 divides"),
        ({"image": (10, 8, 2)}, "image is (10, 8, 2); expected sides that 4 divides"),
        ({"patch": 0}, "patch is 0; expected an integer of at least 1"),
        ({"width": 13}, "width is 13; expected a multiple of heads, 3"),
        ({"layers": 0}, "layers is 0; expected an integer of at least 1"),
        ({"heads": 1.5}, "heads is 1.5; expected an integer of at least 1"),
        ({"feed_forward": -1}, "feed_forward is -1; expected an integer of at least 1"),
        ({"outputs": None}, "outputs is None; expected an integer of at least 1"),
        ({"dropout": 1}, "dropout is 1; expected a number of at least 0 and below 1"),
    ],
)
def test_a_vit_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(VIT, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": (32, 32)}, "image is (32, 32); expected height, width and channels"),
        ({"outputs": 0}, "outputs is 0; expected an integer of at least 1"),
        ({"width": 0}, "width is 0.0; expected a number above 0"),
        ({"depth": -1}, "depth is -1; expected a number of at least 0"),
        ({"depth": "deep"}, "depth is 'deep'; expected a number of at least 0"),
        ({"stages": ()}, "stages is (); expected a tuple of at least one stage"),
        ({"stages": 7}, "stages is 7; expected a tuple of at least one stage"),
        ({"stages": (1, 3, 1, 16, 1)}, "stages[0] is 1; expected a tuple of expansion, kernel"),
        ({"stages": ((1, 3, 1, 16),)}, "stages[0] is (1, 3, 1, 16); expected expansion, kernel"),
        ({"stages": ((1, 4, 1, 16, 1),)}, "stages[0] has kernel 4; expected an odd number"),
        ({"stages": ((1, 3, 1, 0, 1),)}, "stages[0][3] is 0; expected an integer of at least 1"),
        ({"stem": 0}, "stem is 0; expected an integer of at least 1"),
        ({"top": 1.5}, "top is 1.5; expected an integer of at least 1"),
        ({"dropout": 1}, "dropout is 1; expected a number of at least 0 and below 1"),
        ({"drop_block": -0.1}, "drop_block is -0.1; expected a number of at least 0 and below 1"),
        ({"image": (32, 16, 2)}, "a stride of 2 finds a map of 2 × 1; expected a larger image"),
        ({"image": (1, 16, 2)}, "a stride of 2 finds a map of 1 × 16; expected a larger image"),
    ],
)
def test_an_efficientnet_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(EFFICIENTNET, **changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: B0.compound(-1), "phi is -1; expected a number of at least 0"),
        (lambda: B0.scaled(width=0), "width is 0.0; expected a number above 0"),
        (lambda: B0.scaled(depth=None), "depth is None; expected a number of at least 0"),
        (lambda: B0.scaled(resolution=0.001), "image[0] is 0; expected an integer of at least 1"),
        (lambda: B0.scaled(resolution="2"), "resolution is '2'; expected a number of at least 0"),
    ],
)
def test_impossible_scaling_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        change()
