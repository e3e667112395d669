"""Skip-gram: the loss by hand, the gradient by hand, and that near words get near vectors."""

import re

import keras
import numpy as np
import pytest
import torch

from companion.language import embeddings_keras, embeddings_torch
from companion.language.sequence_config import SkipGramConfig
from companion.layouts import named_weights
from companion.text.pairs import skip_gram_batches
from companion.training.trainer_torch import fit
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CENTRES, CANDIDATES = np.array([0, 3, 2]), np.array([[1, 2], [4, 4], [0, 3]])


def _twins(vocabulary=5, width=3):
    config = SkipGramConfig(vocabulary, width)
    twins = embeddings_torch.SkipGram(config), embeddings_keras.SkipGram(config)
    shake(twins[0])
    copy_weights(*twins)
    return twins


def test_loss_and_gradient_are_those_of_equation_4():
    model, twin = _twins()
    logits = model(torch.from_numpy(CENTRES), torch.from_numpy(CANDIDATES))
    loss = embeddings_torch.noise_loss(logits)
    loss.backward()
    v, u = model.centre.weight.detach().numpy(), model.context.weight.detach().numpy()
    expected, by_v, by_u = 0.0, np.zeros_like(v), np.zeros_like(u)
    for centre, words in zip(CENTRES, CANDIDATES, strict=True):
        for place, word in enumerate(words):
            sign = 1 if place == 0 else -1
            share = 1 / (1 + np.exp(-sign * (u[word] @ v[centre])))  # σ
            expected -= np.log(share) / 3
            by_v[centre] -= sign * (1 - share) * u[word] / 3
            by_u[word] -= sign * (1 - share) * v[centre] / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(model.centre.weight.grad, by_v, atol=1e-6)
    np.testing.assert_allclose(model.context.weight.grad, by_u, atol=1e-6)
    other = embeddings_keras.noise_loss(twin(CENTRES, CANDIDATES))
    assert float(other) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(twin.vectors(), v)
    np.testing.assert_array_equal(model.vectors(), v)


def test_both_start_as_the_published_program_does():
    for module in (embeddings_torch, embeddings_keras):
        weights = {n: w.read() for n, w in named_weights(module.SkipGram(SkipGramConfig(100, 50)))}
        assert not weights["context.weight"].any()
        centre = np.abs(weights["centre.weight"])
        assert 0.0099 < centre.max() <= 0.01 and abs(centre.mean() - 0.005) < 2e-4


def test_words_in_the_same_company_become_alike():
    """Words 0 and 1 stand beside 4, words 2 and 3 beside 5."""
    choice = np.random.default_rng(0).integers(2, size=(2, 1500))
    tokens = np.stack(
        [np.array([[0], [2]]) + choice, np.full((2, 1500), [[4], [5]])], axis=2
    ).ravel()
    batch_at = skip_gram_batches(tokens, 6, window=1, negatives=3, batch_size=128)
    model = embeddings_torch.SkipGram(SkipGramConfig(6, 8))
    fit(
        model,
        batch_at,
        loss=embeddings_torch.noise_loss,
        optimizer=torch.optim.Adam(model.parameters(), 0.02),
        steps=400,
        batch_size=128,
    )
    unit = torch.nn.functional.normalize(model.vectors(), dim=1)
    assert unit[0] @ unit[1] > 0.8 and unit[2] @ unit[3] > 0.8
    assert max(unit[0] @ unit[2], unit[1] @ unit[3]) < 0.5


def test_keras_trains_it_with_fit():
    (centres, candidates), targets = skip_gram_batches(
        np.arange(200) % 5, 5, window=1, batch_size=256
    )(0)
    model = embeddings_keras.SkipGram(SkipGramConfig(5, 4))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss)
    losses = model.fit((centres, candidates), targets, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("centres", "candidates", "error", "message"),
    [
        ([5], [[0, 1]], ValueError, "the centres have ids from 5 to 5; expected 0 to 4"),
        ([0], [[0, -1]], ValueError, "the candidates have ids from -1 to 0; expected 0 to 4"),
        ([0, 1], [[0, 1]], ValueError, "there are 2 centres and candidates for 1"),
        ([0], [0], ValueError, "the candidates have shape (1,); expected (B, T)"),
        ([[0]], [[0, 1]], ValueError, "the centres have shape (1, 1, 1); expected (B, T)"),
        ([0.0], [[0, 1]], TypeError, "the centres are float64; expected integers"),
    ],
)
def test_ids_that_do_not_fit_are_refused(centres, candidates, error, message):
    model, twin = _twins()
    arrays = np.array(centres), np.array(candidates)
    with pytest.raises(error, match=re.escape(message)):
        model(*map(torch.from_numpy, arrays))
    with pytest.raises(error, match=re.escape(message.replace("float64", "float32"))):
        twin(*arrays)


def test_logits_of_another_shape_are_refused():
    for module, ones in ((embeddings_torch, torch.ones), (embeddings_keras, np.ones)):
        for shape in ((3,), (3, 1), (0, 2)):
            with pytest.raises(ValueError, match=re.escape(f"have shape {shape}; expected (B, 1")):
                module.noise_loss(ones(shape))
