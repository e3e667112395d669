"""GPT: published sizes, causality, the cache, learning, files, and what it refuses.

That it is the model of transformers is tested in tests/language/test_pretrained.py.
"""

import dataclasses
import re

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.language import gpt_keras, kv_cache_keras
from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.kv_cache_torch import KVCache
from companion.planner_presets import PRESETS
from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = GPTConfig(vocabulary=13, context=9, width=12, layers=2, heads=3, feed_forward=20)
KINDS = pytest.mark.parametrize("kind", ["torch", "keras"])
PARAMETERS = {
    "GPT-2 small": 124_439_808,
    "GPT-2 medium": 354_823_168,
    "GPT-2 large": 774_030_080,
    "GPT-2": 1_557_611_200,
}


@pytest.fixture
def models():
    """A GPT in both frameworks, with the same weights."""
    ours, theirs = GPT(CONFIG).eval(), gpt_keras.GPT(CONFIG)
    shake(ours)
    copy_weights(ours, theirs)
    return {"torch": ours, "keras": theirs}


def _ids(kind, tokens):
    return torch.tensor(tokens) if kind == "torch" else keras.ops.convert_to_tensor(tokens)


def _cache(kind, layers=2, capacity=9):
    return (KVCache if kind == "torch" else kv_cache_keras.KVCache)(layers, capacity)


TOKENS = np.random.default_rng(0).integers(13, size=(3, 9))


@pytest.mark.parametrize("name", GPTConfig.PUBLISHED)
def test_published_models_have_the_published_parameters(name):
    with torch.device("meta"):
        made = GPT(GPTConfig.published(name))
    assert sum(p.numel() for p in made.parameters()) == PARAMETERS[name]
    if name in PRESETS:
        assert PRESETS[name].parameters() == PARAMETERS[name]


@KINDS
def test_no_token_sees_a_later_one(kind, models):
    with torch.no_grad():
        before = np.asarray(models[kind](_ids(kind, TOKENS)))
        for place in range(9):
            other = TOKENS.copy()
            other[:, place] = (other[:, place] + 1) % 13
            change = np.abs(np.asarray(models[kind](_ids(kind, other))) - before).max(axis=(0, 2))
            assert change[:place].max(initial=0) < 1e-6 and change[place:].min() > 1e-5


@KINDS
@pytest.mark.parametrize("steps", [(9,), (1,) * 9, (4, 1, 1, 1, 1, 1), (2, 5, 2)])
def test_with_a_cache_the_logits_are_the_same(kind, steps, models):
    cache = _cache(kind)
    with torch.no_grad():
        expected = np.asarray(models[kind](_ids(kind, TOKENS)))
        parts = np.split(TOKENS, np.cumsum(steps)[:-1], axis=1)
        found = [np.asarray(models[kind](_ids(kind, part), cache=cache)) for part in parts]
    assert cache.length == 9
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected, rtol=0, atol=1e-5)


@KINDS
def test_encode_shows_what_the_heads_look_at(kind, models):
    with torch.no_grad():
        hidden, weights = models[kind].encode(_ids(kind, TOKENS), weights=True)
        plain, nothing = models[kind].encode(_ids(kind, TOKENS))
    assert nothing == [None, None] and len(weights) == 2
    np.testing.assert_allclose(hidden, plain, rtol=0, atol=1e-5)
    for shares in map(np.asarray, weights):
        assert shares.shape == (3, 3, 9, 9) and not np.triu(shares, 1).any()
        np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    model = GPT(dataclasses.replace(CONFIG, context=3, layers=1)).double()
    shake(model)
    weights = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    names = ["positions", "embedding.weight", "blocks.0.attention.project.weight"]

    def loss(*values):
        changed = weights | dict(zip(names, values, strict=True))
        logits = torch.func.functional_call(model, changed, torch.tensor([[1, 5, 5]]))
        return F.cross_entropy(logits[0], torch.tensor([5, 2, 7]))

    assert torch.autograd.gradcheck(loss, [weights[name] for name in names])


def test_it_learns_one_batch_by_heart():
    model, tokens = GPT(CONFIG), torch.tensor(TOKENS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(120):
        loss = F.cross_entropy(model(tokens[:, :-1]).mT, tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The first token of each text is another, so nothing is left to guess.
    assert len(set(TOKENS[:, 0])) == 3 and loss < 0.02


def test_keras_learns_one_batch_by_heart():
    model = gpt_keras.GPT(CONFIG)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(0.01), loss=loss)
    for _ in range(120):
        model.train_on_batch(TOKENS[:, :-1], TOKENS[:, 1:])
    assert loss(TOKENS[:, 1:], model(TOKENS[:, :-1])) < 0.02


def test_dropout_acts_in_training_only():
    config = dataclasses.replace(CONFIG, dropout=0.5)
    model, tokens = GPT(config), torch.tensor(TOKENS)
    assert not torch.allclose(model(tokens), model(tokens), atol=1e-4)
    model.eval()
    assert torch.equal(model(tokens), model(tokens))
    twin = gpt_keras.GPT(config)
    first, second = (np.asarray(twin(TOKENS, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_array_equal(twin(TOKENS), twin(TOKENS))


@pytest.mark.parametrize("module", ["torch", "keras"])
def test_it_starts_as_the_docstring_says(module):
    config = GPTConfig(500, 100, 120, layers=8, heads=3, feed_forward=400)
    model = (GPT if module == "torch" else gpt_keras.GPT)(config)
    if module == "keras":
        twin = GPT(config)
        copy_weights(model, twin)
        model = twin
    for name, tensor in model.named_parameters():
        if tensor.ndim == 2:
            last = name.endswith(("mix.weight", "narrow.weight"))
            assert abs(tensor.std() / (0.02 / (4 if last else 1)) - 1) < 0.03, name
        else:
            value = 1.0 if name.endswith("norm.weight") else 0.0
            assert torch.equal(tensor, torch.full_like(tensor, value))


def test_it_is_saved_and_loaded(models, tmp_path):
    save_model(models["torch"], tmp_path)
    found = GPT(load_config(GPTConfig, tmp_path)).eval()
    load_weights(found, tmp_path)
    tokens = torch.tensor(TOKENS)
    assert torch.equal(found(tokens), models["torch"](tokens))


def test_keras_saves_and_loads_the_whole_model(models, tmp_path):
    models["keras"].save(tmp_path / "gpt.keras")
    found = keras.saving.load_model(tmp_path / "gpt.keras")
    assert found.config == CONFIG
    np.testing.assert_array_equal(found(TOKENS), models["keras"](TOKENS))


@KINDS
@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([[0, 13]], ValueError, "the tokens have ids from 0 to 13; expected 0 to 12"),
        ([[-1, 3]], ValueError, "the tokens have ids from -1 to 3; expected 0 to 12"),
        ([[1] * 10], ValueError, "the tokens are 10 long; expected at most 9 in all, the context"),
        ([1, 2], ValueError, "the tokens have shape (2,); expected (B, T), a batch of at least"),
        ([[[1]]], ValueError, "the tokens have shape (1, 1, 1); expected (B, T)"),
        (np.zeros((1, 0), int), ValueError, "the tokens have shape (1, 0); expected (B, T)"),
        (np.zeros((0, 3), int), ValueError, "the tokens have shape (0, 3); expected (B, T)"),
        ([[1.0, 2.0]], TypeError, "the tokens are float32; expected integers such as int64"),
    ],
)
def test_impossible_tokens_are_refused(kind, tokens, error, message, models):
    array = np.array(tokens)
    array = array.astype("float32") if array.dtype == "float64" else array
    with pytest.raises(error, match=re.escape(message)):
        models[kind](_ids(kind, array))


@KINDS
def test_a_wrong_or_full_cache_is_refused(kind, models):
    with pytest.raises(ValueError, match="the cache is for 3 layers; expected 2"):
        models[kind](_ids(kind, TOKENS), cache=_cache(kind, layers=3))
    cache = _cache(kind)
    models[kind](_ids(kind, TOKENS[:, :8]), cache=cache)
    with pytest.raises(ValueError, match="the tokens are 2 long after 8 in the cache; expected at"):
        models[kind](_ids(kind, TOKENS[:, :2]), cache=cache)
    with pytest.raises(ValueError, match="a batch of 2 comes to a cache of 3 sequences"):
        models[kind](_ids(kind, TOKENS[:2, :1]), cache=cache)
    assert cache.length == 8, "what is refused must not be kept"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocabulary": 1}, "vocabulary is 1; expected an integer of at least 2"),
        ({"layers": 0}, "layers is 0; expected an integer of at least 1"),
        ({"context": 2.5}, "context is 2.5; expected an integer of at least 1"),
        ({"width": 10}, "width is 10; expected a multiple of heads, 3"),
        ({"feed_forward": True}, "feed_forward is True; expected an integer of at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0; expected a number of at least 0 and below 1"),
    ],
)
def test_impossible_configs_are_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
    with pytest.raises(ValueError, match=r"name is 'GPT-5'; expected one of 'GPT-2 small', "):
        GPTConfig.published("GPT-5")
