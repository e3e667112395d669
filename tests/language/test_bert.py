"""BERT: published sizes, masks, positions and segments, learning, files, and what it refuses.

That it is the model of transformers is tested in tests/language/test_pretrained.py.
"""

import dataclasses

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.language import bert_keras, bert_torch
from companion.language.bert_torch import BERT, BERTClassifier, BERTEncoder, BERTMaskedLM
from companion.language.config import BERTConfig
from companion.planner_presets import PRESETS
from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = BERTConfig(13, 9, 12, 2, 3, 20, segments=3, outputs=4)
KINDS = pytest.mark.parametrize("kind", ["torch", "keras"])
TOKENS = np.random.default_rng(0).integers(1, 13, size=(3, 7))
THERE = np.arange(7) < np.array([[7], [4], [5]])  # how long each text is


@pytest.fixture
def encoders():
    """A BERTEncoder in both frameworks, with the same weights."""
    ours, theirs = BERTEncoder(CONFIG).eval(), bert_keras.BERTEncoder(CONFIG)
    shake(ours)
    copy_weights(ours, theirs)
    return {"torch": ours, "keras": theirs}


def _run(kind, model, tokens, **options):
    place = torch.tensor if kind == "torch" else keras.ops.convert_to_tensor
    with torch.no_grad():
        return np.asarray(model(place(tokens), **{k: place(v) for k, v in options.items()}))


@pytest.mark.parametrize(
    ("name", "parameters"), [("BERT-base", 109_482_240), ("BERT-large", 335_141_888)]
)
def test_published_models_have_the_published_parameters(name, parameters):
    with torch.device("meta"):
        made = BERT(BERTConfig.published(name))
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert PRESETS[name].parameters() == parameters


@KINDS
def test_every_token_sees_every_other_one(kind, encoders):
    before = _run(kind, encoders[kind], TOKENS)
    for place in range(7):
        other = TOKENS.copy()
        other[:, place] = 13 - other[:, place]
        changed = TOKENS[:, place] != other[:, place]
        change = np.abs(_run(kind, encoders[kind], other) - before).max(axis=2)
        assert changed.any() and change[changed].min() > 1e-5


@KINDS
def test_what_is_padding_changes_nothing(kind, encoders):
    before = _run(kind, encoders[kind], TOKENS, attention_mask=THERE)
    other = np.where(THERE, TOKENS, 12 - TOKENS)
    after = _run(kind, encoders[kind], other, attention_mask=THERE)
    np.testing.assert_allclose(after[THERE], before[THERE], rtol=0, atol=1e-6)
    assert (
        np.abs(_run(kind, encoders[kind], other) - _run(kind, encoders[kind], TOKENS)).max() > 1e-3
    )
    for row, length in enumerate(THERE.sum(axis=1)):
        alone = _run(kind, encoders[kind], TOKENS[[row], :length])
        np.testing.assert_allclose(alone[0], before[row, :length], rtol=0, atol=1e-5)


@KINDS
def test_a_padding_token_makes_the_mask(kind, encoders):
    config = dataclasses.replace(CONFIG, padding=0)
    model = {"torch": bert_torch, "keras": bert_keras}[kind].BERTEncoder(config)
    other = encoders["keras" if kind == "torch" else "torch"]
    copy_weights(other, model)
    filled = np.where(THERE, TOKENS, 0)
    found = _run(kind, model, filled)
    expected = _run(kind, encoders[kind], filled, attention_mask=THERE)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    everything = _run(kind, model, filled, attention_mask=np.ones_like(THERE))
    assert np.abs(everything - found).max() > 1e-3


@KINDS
def test_positions_and_segments_make_a_difference(kind, encoders):
    plain = _run(kind, encoders[kind], TOKENS)
    zeros = np.zeros_like(TOKENS)
    np.testing.assert_allclose(_run(kind, encoders[kind], TOKENS, segments=zeros), plain, atol=1e-6)
    zeros[:, 4:] = 2
    assert np.abs(_run(kind, encoders[kind], TOKENS, segments=zeros) - plain).max() > 1e-3
    turned = _run(kind, encoders[kind], TOKENS[:, ::-1].copy())[:, ::-1]
    assert np.abs(turned - plain).max() > 1e-3


@KINDS
def test_encode_shows_what_the_heads_look_at(kind, encoders):
    place = torch.tensor if kind == "torch" else keras.ops.convert_to_tensor
    with torch.no_grad():
        hidden, weights = encoders[kind].encode(
            place(TOKENS), attention_mask=place(THERE), weights=True
        )
    plain = _run(kind, encoders[kind], TOKENS, attention_mask=THERE)
    np.testing.assert_allclose(hidden, plain, rtol=0, atol=1e-5)
    for shares in map(np.asarray, weights):
        assert shares.shape == (3, 3, 7, 7)
        np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-6)
        assert not shares[~np.broadcast_to(THERE[:, None, None], shares.shape)].any()


def test_the_gradient_is_that_of_finite_differences():
    model = BERTMaskedLM(dataclasses.replace(CONFIG, context=3, layers=1)).double()
    shake(model)
    weights = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    names = ["encoder.positions", "transform.weight", "bias", "encoder.segment_embedding.weight"]
    mask = torch.tensor([[True, True, False]])

    def loss(*values):
        changed = weights | dict(zip(names, values, strict=True))
        logits = torch.func.functional_call(
            model, changed, (torch.tensor([[1, 5, 0]]), torch.tensor([[0, 2, 1]]), mask)
        )
        return F.cross_entropy(logits[0, :2], torch.tensor([5, 2]))

    assert torch.autograd.gradcheck(loss, [weights[name] for name in names])


def test_it_guesses_masked_tokens_of_one_batch():
    torch.manual_seed(1)
    model, tokens = BERTMaskedLM(CONFIG), torch.tensor(TOKENS)
    hidden = torch.zeros(3, 7, dtype=torch.bool)
    hidden[:, [1, 4]] = True
    targets = tokens.masked_fill(~hidden, -100)  # PyTorch ignores −100
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(model(tokens.masked_fill(hidden, 0)).mT, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02


@KINDS
def test_it_classifies_one_batch(kind):
    labels = np.array([0, 3, 2])
    if kind == "torch":
        model = BERTClassifier(CONFIG)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        for _ in range(80):
            loss = F.cross_entropy(model(torch.tensor(TOKENS)), torch.tensor(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    else:
        model = bert_keras.BERTClassifier(CONFIG)
        crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.AdamW(0.01), loss=crossed)
        for _ in range(80):
            model.train_on_batch(TOKENS, labels)
        loss = crossed(labels, model(TOKENS))
    assert float(loss) < 0.05


def test_dropout_acts_in_training_only():
    model = BERTClassifier(dataclasses.replace(CONFIG, dropout=0.5))
    tokens = torch.tensor(TOKENS)
    assert not torch.allclose(model(tokens), model(tokens), atol=1e-4)
    model.eval()
    assert torch.equal(model(tokens), model(tokens))
    twin = bert_keras.BERTClassifier(dataclasses.replace(CONFIG, dropout=0.5))
    first, second = (np.asarray(twin(TOKENS, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_array_equal(twin(TOKENS), twin(TOKENS))


@KINDS
def test_it_starts_as_the_docstring_says(kind):
    config = BERTConfig(500, 100, 120, 2, 3, 400, segments=90, outputs=90)
    module = {"torch": bert_torch, "keras": bert_keras}[kind]
    for name in module.__all__:
        model = getattr(module, name)(config)
        if kind == "keras":
            twin = getattr(bert_torch, name)(config)
            copy_weights(model, twin)
            model = twin
        for weight, tensor in model.named_parameters():
            if tensor.ndim == 2:
                assert abs(tensor.std() / 0.02 - 1) < 0.04, weight
            else:
                value = 1.0 if weight.endswith("norm.weight") else 0.0
                assert torch.equal(tensor, torch.full_like(tensor, value))


@pytest.mark.parametrize("name", bert_torch.__all__)
def test_it_is_saved_and_loaded(name, tmp_path):
    build = getattr(bert_torch, name)
    model = build(CONFIG).eval()
    shake(model)
    save_model(model, tmp_path)
    found = build(load_config(BERTConfig, tmp_path)).eval()
    load_weights(found, tmp_path)
    tokens = torch.tensor(TOKENS)
    for mine, saved in zip(found(tokens), model(tokens), strict=True):
        assert torch.equal(mine, saved)


def test_keras_saves_and_loads_the_whole_model(tmp_path):
    model = bert_keras.BERTClassifier(CONFIG)
    model.save(tmp_path / "bert.keras")
    found = keras.saving.load_model(tmp_path / "bert.keras")
    assert found.config == CONFIG
    np.testing.assert_array_equal(found(TOKENS), model(TOKENS))
