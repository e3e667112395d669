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
from companion.language.config import BERTConfig, GPTConfig
from companion.language.sequence_config import (
    ATTENTION,
    CELLS,
    RecurrentConfig,
    Seq2SeqConfig,
    SkipGramConfig,
    TransformerConfig,
)
from companion.vision.autoencoder_config import AutoencoderConfig
from companion.vision.config import ACTIVATIONS, CNNConfig, MLPConfig
from companion.vision.deep_config import ResNetConfig

_rng = np.random.default_rng(0)

_BERT = (11, 7, 12, 2, 3, 20, 4, 5)


class Case(NamedTuple):
    """A model to make and inputs to give it."""

    arguments: tuple  # of the constructor
    inputs: dict[str, Any]  # arrays in torch's layout; anything else is passed as it is
    arrange: Callable = np.asarray  # from torch's layout to Keras's, for inputs and outputs


def _normal(*shape):
    return _rng.normal(size=shape).astype(np.float32)


def _uniform(*shape):
    return _rng.random(size=shape, dtype=np.float32)


def _integers(below, *shape):
    return _rng.integers(below, size=shape)


def _padded(below, *lengths):
    """Return rows of token ids from 3 on, with padding, 0, behind them."""
    shape = len(lengths), max(lengths)
    there = np.arange(shape[1]) < np.array(lengths)[:, None]
    return np.where(there, _rng.integers(3, below, size=shape), 0)


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
    "companion.language.attention:SelfAttention": [
        Case(
            (12, 3, causal), {"tokens": _normal(2, 5, 12), "attention_mask": mask, "weights": True}
        )
        for causal in (False, True)
        for mask in (None, _uniform(2, 5, 5) < 0.6)
    ],
    "companion.language.attention:CrossAttention": [
        Case(
            (12, 3),
            {"tokens": _normal(2, 5, 12), "source": _normal(2, 4, 12), "attention_mask": mask},
        )
        for mask in (None, _uniform(2, 1, 4) < 0.6)
    ],
    "companion.language.gpt:GPT": [
        Case((GPTConfig(11, 7, 12, 2, 3, 20),), {"tokens": _integers(11, 3, length)})
        for length in (7, 4)
    ],
    **{
        f"companion.language.bert:{name}": [
            Case((BERTConfig(*_BERT),), {"tokens": _integers(11, 3, 6)}),
            Case((BERTConfig(*_BERT, 0.0, 3),), {"tokens": _integers(11, 3, 6)}),
            Case(
                (BERTConfig(*_BERT),),
                {
                    "tokens": _integers(11, 3, 6),
                    "segments": _integers(4, 3, 6),
                    "attention_mask": np.arange(6) < np.array([[6], [3], [5]]),
                },
            ),
        ]
        for name in ("BERT", "BERTClassifier", "BERTEncoder", "BERTMaskedLM")
    },
    "companion.language.embeddings:SkipGram": [
        Case(
            (SkipGramConfig(7, 5),),
            {"centres": _integers(7, 4), "candidates": _integers(7, 4, 3)},
        )
    ],
    **{
        f"companion.language.rnn:{name}": [Case((3, 4), {"inputs": _normal(5, 3)})]
        for name in ("GRUCell", "LSTMCell", "SimpleCell")
    },
    "companion.language.rnn:RecurrentNetwork": [
        Case((RecurrentConfig(7, 3, 4, 5, cell, layers, each),), {"tokens": tokens})
        for cell in CELLS
        for layers, each, tokens in [(2, False, _padded(7, 6, 1, 4)), (1, True, _integers(7, 3, 6))]
    ],
    "companion.language.seq2seq:Attention": [
        Case(
            (6, kind),
            {
                **{"states": _normal(3, 4, 6), "values": _normal(3, 5, 6)},
                "source_mask": _padded(7, 5, 1, 3) > 0,
            },
        )
        for kind in ATTENTION[1:]
    ],
    "companion.language.seq2seq:Seq2Seq": [
        Case(
            (Seq2SeqConfig(7, 9, 3, 6, kind),),
            {"source": _padded(7, 6, 1, 4), "target": _padded(9, 3, 5, 1)},
        )
        for kind in ATTENTION
    ],
    "companion.language.transformer:Transformer": [
        Case(
            (TransformerConfig(7, 9, 12, 3, 2, 20, 6, norm_first),),
            {"source": _padded(7, 6, 1, 4), "target": _padded(9, 3, 5, 1)},
        )
        for norm_first in (False, True)
    ],
    "companion.language.transformer_layers:EncoderLayer": [
        Case(
            (TransformerConfig(7, 9, 12, 3, 2, 20, 6, norm_first),),
            {"tokens": _normal(3, 5, 12), "attention_mask": _padded(7, 5, 1, 3)[:, None] > 0},
        )
        for norm_first in (False, True)
    ],
    "companion.language.transformer_layers:DecoderLayer": [
        Case(
            (TransformerConfig(7, 9, 12, 3, 2, 20, 6, norm_first),),
            {
                **{"tokens": _normal(3, 4, 12), "source": _normal(3, 5, 12), "weights": True},
                "attention_mask": _padded(7, 5, 1, 3)[:, None] > 0,
            },
        )
        for norm_first in (False, True)
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
