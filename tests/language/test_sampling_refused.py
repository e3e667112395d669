"""Prompts, settings and logits that no way of writing takes."""

import re

import numpy as np
import pytest
import torch

from companion.language import gpt_keras
from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.sampling import beam_search, generate, probabilities

CONFIG = GPTConfig(vocabulary=11, context=24, width=12, layers=2, heads=3, feed_forward=20)


@pytest.mark.parametrize("kind", ["torch", "keras"])
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: generate(m, [[]], 3), TypeError, "the prompts are float64; expected integers"),
        (
            lambda m: generate(m, np.zeros((1, 0), int), 3),
            ValueError,
            "the prompts have shape (1, 0); expected (B, T), a batch of at least one sequence",
        ),
        (lambda m: generate(m, [1, 2], 3), ValueError, "the prompts have shape (2,); expected"),
        (lambda m: generate(m, [["a"]], 3), TypeError, "expected integers such as int64"),
        (lambda m: generate(m, [[11]], 3), ValueError, "ids from 11 to 11; expected 0 to 10"),
        (lambda m: generate(m, [[1]], 24), ValueError, "grow to 25 tokens; expected at most 24"),
        (lambda m: generate(m, [[1]], 0), ValueError, "length is 0; expected an integer of"),
        (lambda m: generate(m, [[1]], 3, top_k=0), ValueError, "top_k is 0; expected an integer"),
        (lambda m: generate(m, [[1]], 3, top_p=0), ValueError, "top_p is 0; expected a number"),
        (lambda m: generate(m, [[1]], 3, top_p=1.1), ValueError, "top_p is 1.1; expected a numb"),
        (lambda m: generate(m, [[1]], 3, temperature=-1), ValueError, "temperature is -1; expec"),
        (lambda m: generate(m, [[1]], 3, seed=-1), ValueError, "seed is -1; expected an integer"),
        (lambda m: generate(m, [[1]], 3, stop=1.5), ValueError, "stop is 1.5; expected an inte"),
        (lambda m: generate(m, [[1]], 3, stop=11), ValueError, "stop is 11; expected a token from"),
        (lambda m: beam_search(m, [[1]], 3, stop=11), ValueError, "stop is 11; expected a token"),
        (lambda m: beam_search(m, [[1]], 3, beams=0), ValueError, "beams is 0; expected an int"),
        (
            lambda m: beam_search(m, [[1]], 3, length_penalty=-1),
            ValueError,
            "length_penalty is -1; expected a number of at least 0",
        ),
    ],
)
def test_wrong_arguments_are_refused(kind, call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call({"torch": GPT, "keras": gpt_keras.GPT}[kind](CONFIG))


def test_impossible_logits_are_refused():
    with pytest.raises(ValueError, match="the logits contain NaN or infinity"):
        probabilities(np.array([[0.0, np.nan]]))
    for wrong in ([0.0, np.inf], [-np.inf, -np.inf]):
        with pytest.raises(ValueError, match="or a row without any possible token; expected fin"):
            probabilities(np.array([[1.0, 2.0], wrong]))
    with pytest.raises(ValueError, match=r"the logits have shape \(3,\); expected \(B, V\)"):
        probabilities(np.zeros(3))
    model = GPT(CONFIG)
    torch.nn.init.constant_(model.norm.weight, np.nan)
    for options in ({"temperature": 0}, {"beams": 3}):
        write = beam_search if "beams" in options else generate
        with pytest.raises(ValueError, match="the logits contain NaN or infinity"):
            write(model, [[1, 2]], 3, **options)
