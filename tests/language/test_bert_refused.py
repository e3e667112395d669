"""Inputs and configs that no BERT takes."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import torch

from companion.language import bert_keras, bert_torch
from companion.language.config import BERTConfig

CONFIG = BERTConfig(13, 9, 12, 2, 3, 20, segments=3, outputs=4)


@pytest.mark.parametrize("kind", ["torch", "keras"])
@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"tokens": [[0, 13]]}, ValueError, "the tokens have ids from 0 to 13; expected 0 to 12"),
        ({"tokens": [[1] * 10]}, ValueError, "the tokens are 10 long; expected at most 9 in all"),
        ({"tokens": np.zeros((1, 0), int)}, ValueError, "the tokens have shape (1, 0); expected"),
        ({"segments": [[0, 3]]}, ValueError, "the segments have ids from 0 to 3; expected 0 to 2"),
        ({"segments": [[0]]}, ValueError, "the segments have shape (1, 1); expected (1, 2) like"),
        ({"segments": [[0.0, 1]]}, TypeError, "the segments are float32; expected integers"),
        ({"attention_mask": [[True]]}, ValueError, "the mask has shape (1, 1); expected (1, 2)"),
        ({"attention_mask": [True] * 2}, ValueError, "the mask has shape (2,); expected (1, 2)"),
        ({"attention_mask": [[1, 0]]}, TypeError, "the mask is int64; expected bool, True where"),
    ],
)
def test_impossible_inputs_are_refused(kind, inputs, error, message):
    arrays = {k: np.array(v) for k, v in ({"tokens": [[1, 2]]} | inputs).items()}
    arrays = {k: v.astype("float32") if v.dtype == "float64" else v for k, v in arrays.items()}
    place = torch.tensor if kind == "torch" else keras.ops.convert_to_tensor
    model = {"torch": bert_torch, "keras": bert_keras}[kind].BERTEncoder(CONFIG)
    arrays = {name: place(array) for name, array in arrays.items()}
    with pytest.raises(error, match=re.escape(message)):
        model(**arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": 0}, "segments is 0; expected an integer of at least 1"),
        ({"outputs": 0}, "outputs is 0; expected an integer of at least 1"),
        ({"width": 10}, "width is 10; expected a multiple of heads, 3"),
        ({"padding": 13}, "padding is 13; expected a token from 0 to 12"),
        ({"padding": -1}, "padding is -1; expected an integer of at least 0"),
        ({"dropout": -0.1}, "dropout is -0.1; expected a number of at least 0 and below 1"),
    ],
)
def test_impossible_configs_are_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
