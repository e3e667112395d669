"""What the convolutional network refuses: fields of its config, and images that do not fit."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from companion.twins import copy_weights
from companion.vision import cnn_keras, cnn_torch
from companion.vision.config import CNNConfig

CONFIG = CNNConfig((12, 10, 2), (3, 4), (5,), 3, activation="tanh")
IMAGES = np.random.default_rng(0).random((8, 12, 10, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first


def _twins(config=CONFIG):
    twins = cnn_torch.CNN(config), cnn_keras.CNN(config)
    copy_weights(*twins)
    twins[0].eval()
    return twins


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": 28}, "image is 28; expected a tuple of height, width and channels such as (28,"),
        ({"image": (28, 28)}, "image is (28, 28); expected height, width and channels"),
        ({"image": (12, 0, 1)}, "image[1] is 0; expected an integer of at least 1"),
        ({"image": (12, 10.0, 1)}, "image[1] is 10.0; expected an integer of at least 1"),
        ({"filters": ()}, "filters is (); expected at least one stage"),
        ({"filters": 8}, "filters is 8; expected a tuple of numbers of filters such as (32, 64)"),
        ({"filters": (3, -1)}, "filters[1] is -1; expected an integer of at least 1"),
        ({"hidden": 64}, "hidden is 64; expected a tuple of widths such as (64,)"),
        ({"outputs": 0}, "outputs is 0; expected an integer of at least 1"),
        ({"kernel": (3, 3)}, "kernel is (3, 3); expected an integer of at least 1"),
        ({"padding": "full"}, "padding is 'full'; expected one of 'same', 'valid'"),
        ({"dropout": 1}, "dropout is 1; expected a number of at least 0 and below 1"),
        ({"dropout": -0.5}, "dropout is -0.5; expected a number of at least 0 and below 1"),
        ({"activation": "swish"}, "activation is 'swish'; expected one of gelu, relu, sigmoid"),
        (
            {"filters": (3, 3, 3)},
            "image is (12, 10, 2), which leaves nothing after stage 3 of 3; expected a larger",
        ),
        ({"kernel": 11}, "leaves nothing after stage 1 of 2"),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        CNNConfig(**{**dataclasses.asdict(CONFIG), **changes})


def test_the_config_is_frozen_and_takes_what_json_and_numpy_make_of_it():
    same = CNNConfig([12, 10, np.int64(2)], [3, 4], [5], 3, activation="tanh", dropout=0)
    assert same == CONFIG and hash(same) == hash(CONFIG)
    assert type(same.image[2]) is int
    assert CONFIG.maps == [(5, 4, 3), (1, 1, 4)]
    assert CONFIG.widths == (4, 5, 3)
    assert dataclasses.replace(CONFIG, padding="same").maps == [(6, 5, 3), (3, 2, 4)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIG.kernel = 5


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"expected \(B, (12, 10, 2|2, 12, 10)\), which is \(B, "),
        (IMAGES[:, :8], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:, :, :9], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[0], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[None], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:0], ValueError, r"shape \(0, .*\); expected at least one image"),
        ((IMAGES * 255).astype("uint8"), TypeError, "the images are uint8; expected float32 like"),
        (IMAGES.astype("int64"), TypeError, "the images are int64; expected float32 like"),
    ],
)
def test_both_refuse_images_that_they_cannot_take(images, error, message):
    model, twin = _twins()
    with pytest.raises(error, match=message):
        model(torch.from_numpy(np.moveaxis(images, -1, -3)))
    with pytest.raises(error, match=message):
        twin(images)


def test_images_in_the_other_layout_are_refused():
    model, twin = _twins()
    with pytest.raises(ValueError, match=r"shape \(8, 12, 10, 2\); expected \(B, 2, 12, 10\)"):
        model(torch.from_numpy(IMAGES))
    with pytest.raises(ValueError, match=r"\(8, 2, 12, 10\); expected \(B, 12, 10, 2\), which"):
        twin(np.moveaxis(IMAGES, 3, 1))


def test_torch_refuses_another_precision_and_keras_converts_it():
    model, twin = _twins()
    with pytest.raises(TypeError, match="images are float64; expected float32 like the weights"):
        model(FIRST.double())
    np.testing.assert_array_equal(twin(IMAGES.astype("float64")), twin(IMAGES))
