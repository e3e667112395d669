"""One entry per model: the examples on which tests/test_twins.py compares its twins.

To add a model `Net` of companion/topic/net_torch.py and net_keras.py, add

    "companion.topic.net:Net": [Case((NetConfig(...),), {"inputs": _normal(4, 3)})],

with the name of the two modules without their ending, the arguments of the constructor, and NumPy
inputs by the names of the parameters of `forward` and `call`. Choose the smallest config that uses
every part of the model, and one case for each choice of the config that changes the computation.
Where the twins lay out images differently, give `arrange` too. Import configs only, no framework.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from companion.generative.config import GANConfig, VAEConfig
from companion.vision.autoencoder_config import AutoencoderConfig
from companion.vision.config import ACTIVATIONS, CNNConfig, MLPConfig
from companion.vision.deep_config import ResNetConfig

_rng = np.random.default_rng(0)


class Case(NamedTuple):
    """A model to make and inputs to give it."""

    arguments: tuple  # of the constructor
    inputs: dict[str, Any]  # arrays in torch's layout; anything else is passed as it is
    arrange: Callable = np.asarray  # from torch's layout to Keras's, for inputs and outputs


def _normal(*shape):
    return _rng.normal(size=shape).astype(np.float32)


def _uniform(*shape):
    return _rng.random(size=shape, dtype=np.float32)


def _channels_last(array):
    """Move the channels of images behind height and width; anything else stays as it is."""
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else np.asarray(array)


CASES = {
    "companion.generative.vae:VAE": [
        Case(
            (VAEConfig((3, 4, 2), hidden, 5, activation),),
            {"images": _uniform(3, 2, 3, 4), "noise": _normal(3, 5)},
            _channels_last,
        )
        for hidden, activation in [((6, 7), "tanh"), ((6,), "gelu")]
    ],
    "companion.generative.gan:Generator": [
        Case((GANConfig((8, 12, 2), 5, (4, 3)),), {"noise": _normal(3, 5)}, _channels_last),
        Case((GANConfig((4, 4, 1), 2, (3,)),), {"noise": _normal(3, 2)}, _channels_last),
    ],
    "companion.generative.gan:Discriminator": [
        Case(
            (GANConfig((8, 12, 2), 5, (4, 3)),), {"images": _uniform(3, 2, 8, 12)}, _channels_last
        ),
        Case((GANConfig((4, 4, 1), 2, (3,)),), {"images": _uniform(3, 1, 4, 4)}, _channels_last),
    ],
    "companion.vision.autoencoder:Autoencoder": [
        Case((AutoencoderConfig(*shape),), {"images": _uniform(3, 2, 8, 12)}, _channels_last)
        for shape in [((8, 12, 2), (3, 4), 5, "tanh"), ((8, 12, 2), (3,), 2, "gelu")]
    ],
    "companion.vision.cnn:CNN": [
        Case((CNNConfig(*shape, *options),), {"images": _normal(3, 2, 9, 11)}, _channels_last)
        for shape, options in [
            (((9, 11, 2), (3, 4), (5, 6), 2), (2, "valid", 0.5)),
            (((9, 11, 2), (3, 4), (), 2), (4, "same")),
            *((((9, 11, 2), (3,), (5,), 2), (3, "same", 0.0, name)) for name in ACTIVATIONS),
        ]
    ],
    "companion.vision.mlp:MLP": [
        Case((MLPConfig(3, (4, 4, 5), 2, activation),), {"inputs": _normal(6, 3)})
        for activation in ACTIVATIONS
    ]
    + [Case((MLPConfig(3, (), 2),), {"inputs": _normal(6, 3)})],
    "companion.vision.resnet:ResNet": [
        Case((ResNetConfig(*shape, 3, 4, *options),), {"images": images}, _channels_last)
        for shape, images, options in [
            (((9, 10, 2), (2, 1, 1)), _normal(3, 2, 9, 10), (False, True)),
            (((9, 10, 2), (2, 1, 1)), _normal(3, 2, 9, 10), (False, False)),
            (((33, 20, 2), (1, 2)), _normal(3, 2, 33, 20), (True, True, "imagenet")),
            (((33, 20, 2), (1, 2)), _normal(3, 2, 33, 20), (True, True, "imagenet", True)),
        ]
    ],
}
