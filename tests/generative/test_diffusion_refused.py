"""What the diffusion model refuses: configs, inputs of the network and of its loss, scales."""

import dataclasses
import math
import re

import numpy as np
import pytest
import torch

from companion.generative.config import UNetConfig
from companion.generative.diffusion_torch import UNet, guided_epsilon, noise_loss
from companion.generative.schedules import cosine

CONFIG = UNetConfig((8, 4, 2), (4, 8, 12), 3, 6, 4)
SCHEDULE = cosine(50)
NOISY = torch.randn(5, 2, 8, 4, generator=torch.Generator().manual_seed(0))
STEPS = torch.tensor([1, 7, 7, 30, 50])
LABELS = torch.tensor([0, 1, 2, 3, 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": (8, 8)}, "image is (8, 8); expected height, width and channels"),
        (
            {"image": (8, 6, 1)},
            "image is (8, 6, 1), whose height and width are to be halved 2 times",
        ),
        (
            {"filters": ()},
            "filters is (); expected a tuple of numbers of channels such as (16, 32)",
        ),
        ({"filters": (4, 6)}, "filters[1] is 6; expected a multiple of groups=4"),
        ({"classes": 0}, "classes is 0; expected an integer of at least 1"),
        ({"embedding": 5}, "embedding is 5; expected an even number"),
        ({"groups": 0}, "groups is 0; expected an integer of at least 1"),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
    assert UNetConfig([8, 4, np.int64(2)], [4, 8, 12], 3, 6, 4) == CONFIG


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ((NOISY[:, :1], STEPS), ValueError, r"expected \(B, 2, 8, 4\), which is \(B, C, H, W\)"),
        ((NOISY[:0], STEPS[:0]), ValueError, "expected at least one image"),
        ((NOISY.double(), STEPS), TypeError, "images are float64; expected float32 like the weigh"),
        ((NOISY, STEPS.float()), TypeError, "the steps are torch.float32; expected torch.int64"),
        ((NOISY, STEPS[:1]), ValueError, r"the steps have shape \(1,\); expected \(5,\)"),
        ((NOISY, -STEPS), ValueError, "the steps range from -50 to -1; expected 0 to inf"),
        ((NOISY, STEPS, LABELS + 1), ValueError, "the labels range from 1 to 4; expected 0 to 3"),
        ((NOISY, STEPS, LABELS[:, None]), ValueError, r"the labels have shape \(5, 1\); expected"),
        ((NOISY, STEPS, LABELS > 1), TypeError, "the labels are torch.bool; expected torch.int64"),
    ],
)
def test_the_network_refuses_inputs_that_do_not_fit(inputs, error, message):
    with pytest.raises(error, match=message):
        UNet(CONFIG)(*inputs)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (NOISY * 255, {}, "the images range from .* expected -1 to 1"),
        (NOISY * math.nan, {}, "the images range from nan to nan; expected -1 to 1"),
        (NOISY[:0], {}, r"shape \(0, 2, 8, 4\); expected at least one image"),
        (NOISY * 0, {"drop": 1.5}, "drop is 1.5; expected a number of at least 0 and at most 1"),
        (
            NOISY * 0,
            {"labels": LABELS[:2], "drop": 0},
            r"the labels have shape \(2,\); expected \(5,\)",
        ),
    ],
)
def test_the_loss_refuses_what_does_not_fit(images, options, message):
    with pytest.raises(ValueError, match=message):
        noise_loss(UNet(CONFIG), SCHEDULE, images, **options)


def test_guidance_refuses_a_scale_that_is_none():
    with pytest.raises(ValueError, match="scale is -1; expected a number of at least 0"):
        guided_epsilon(UNet(CONFIG), LABELS, -1)
