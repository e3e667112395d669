"""What the sequence models share: learning, files, configs, and token ids that they refuse.

What is their own is tested in test_embeddings.py, test_rnn.py, test_seq2seq.py and
test_transformer.py.
"""

import dataclasses
import importlib
import json
import re

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.language.sequence_config import (
    ATTENTION,
    CELLS,
    RecurrentConfig,
    Seq2SeqConfig,
    SkipGramConfig,
    TransformerConfig,
)
from companion.saving import load_config, load_weights, save_model
from companion.text.padding import START
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

_rng = np.random.default_rng(0)
SOURCE = _rng.integers(3, 7, size=(4, 6))
SOURCE[1, 3:], SOURCE[2, 1:] = 0, 0
TARGET = np.concatenate([np.full((4, 1), START), _rng.integers(3, 9, size=(4, 5))], axis=1)
BEFORE = np.pad(SOURCE, ((0, 0), (1, 0)))[:, :-1]  # the token before each
PAIR = (SOURCE, TARGET[:, :-1])
WORDS = (np.arange(4), np.stack([np.arange(4) + 1, np.arange(4), (np.arange(4) + 2) % 4], axis=1))

_SEQ2SEQ = Seq2SeqConfig(7, 9, 8, 16)
_TRANSFORMER = TransformerConfig(7, 9, 16, 2, 2, 32, 6, dropout=0.0)
# Name: (module without its ending, class, config, inputs, what to learn).
MODELS = {
    **{
        f"{cell}, {what}": ("rnn", "RecurrentNetwork", config, (SOURCE,), labels)
        for cell in CELLS
        for what, config, labels in [
            ("sequence", RecurrentConfig(7, 4, 8, 16, cell, layers=2), np.arange(4)),
            ("tokens", RecurrentConfig(7, 7, 8, 16, cell, each_token=True), BEFORE),
        ]
    },
    **{
        f"seq2seq, {kind}": (
            *("seq2seq", "Seq2Seq", dataclasses.replace(_SEQ2SEQ, attention=kind)),
            *(PAIR, TARGET[:, 1:]),
        )
        for kind in ATTENTION
    },
    **{
        f"transformer, norm_first={first}": (
            *("transformer", "Transformer", dataclasses.replace(_TRANSFORMER, norm_first=first)),
            *(PAIR, TARGET[:, 1:]),
        )
        for first in (False, True)
    },
}
FILES = {name: MODELS[name] for name in ("lstm, sequence", "seq2seq, bahdanau")}
FILES["transformer"] = MODELS["transformer, norm_first=True"]
FILES["skip-gram"] = ("embeddings", "SkipGram", SkipGramConfig(5, 4), WORDS, None)


def _class(stem, name, side):
    return getattr(importlib.import_module(f"companion.language.{stem}_{side}"), name)


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_one_batch_by_heart(name):
    stem, model_class, config, inputs, targets = MODELS[name]
    model = _class(stem, model_class, "torch")(config)
    inputs, targets = [*map(torch.from_numpy, inputs)], torch.from_numpy(targets)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(250):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(*inputs).flatten(0, -2), targets.flatten())
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["seq2seq, bahdanau", "transformer, norm_first=True"])
def test_keras_learns_one_batch_by_heart(name):
    stem, model_class, config, inputs, targets = MODELS[name]
    model = _class(stem, model_class, "keras")(config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    steps = [np.tile(array, (150, 1)) for array in (*inputs, targets)]
    model.fit(tuple(steps[:-1]), steps[-1], batch_size=4, shuffle=False, verbose=0)
    assert loss(targets, model(*inputs)) < 0.1


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_takes_part(name):
    stem, model_class, config, inputs, targets = MODELS[name]
    model = _class(stem, model_class, "torch")(config)
    shake(model)
    logits = model(*map(torch.from_numpy, inputs))
    F.cross_entropy(logits.flatten(0, -2), torch.from_numpy(targets).flatten()).backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 1e-7, path


@pytest.mark.parametrize("name", MODELS)
def test_it_computes_in_the_precision_of_its_weights(name):
    stem, model_class, config, inputs, _ = MODELS[name]
    model = _class(stem, model_class, "torch")(config)
    inputs = [*map(torch.from_numpy, inputs)]
    single = model(*inputs)
    double = model.double()(*inputs)
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_it_is_saved_and_loaded_by_either_twin(name, tmp_path):
    stem, model_class, config, inputs, _ = FILES[name]
    ours, theirs = (_class(stem, model_class, side) for side in ("torch", "keras"))
    model, tensors = ours(config), [*map(torch.from_numpy, inputs)]
    shake(model)
    save_model(model, tmp_path / "torch")
    found = load_config(type(config), tmp_path / "torch")
    assert found == config
    new = ours(found)
    assert not torch.allclose(new(*tensors), model(*tensors), atol=1e-4)
    load_weights(new, tmp_path / "torch")
    assert torch.equal(new(*tensors), model(*tensors))
    twin = theirs(config)
    copy_weights(model, twin)
    save_model(twin, tmp_path / "keras")
    other = theirs(load_config(type(config), tmp_path / "keras"))
    load_weights(other, tmp_path / "keras")
    np.testing.assert_array_equal(other(*inputs), twin(*inputs))
    twin.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == config
    np.testing.assert_array_equal(loaded(*inputs), twin(*inputs))


@pytest.mark.parametrize("name", [name for name, (*_, inputs, _) in FILES.items() if inputs[1:]])
def test_a_pair_of_inputs_may_come_as_one(name):
    stem, model_class, config, inputs, _ = FILES[name]
    model = _class(stem, model_class, "torch")(config)
    inputs = tuple(map(torch.from_numpy, inputs))
    assert torch.equal(model(inputs), model(*inputs))


@pytest.mark.parametrize("name", [name for name in FILES if name != "skip-gram"])
def test_dropout_acts_in_training_only(name):
    stem, model_class, config, inputs, _ = FILES[name]
    config = dataclasses.replace(config, dropout=0.5)
    model, twin = (_class(stem, model_class, side)(config) for side in ("torch", "keras"))
    tensors = [*map(torch.from_numpy, inputs)]
    with torch.no_grad():
        training = model(*tensors), model(*tensors)
        model.eval()
        assert torch.equal(model(*tensors), model(*tensors))
    assert not torch.allclose(*training, atol=1e-2)
    np.testing.assert_array_equal(twin(*inputs), twin(*inputs))
    twins = [np.asarray(twin(*inputs, training=True)) for _ in range(2)]
    assert not np.allclose(*twins, atol=1e-2)


WRONG = [
    (np.zeros((0, 6), int), ValueError, "have shape (0, 6); expected (B, T)"),
    (np.zeros((4, 0), int), ValueError, "have shape (4, 0); expected (B, T)"),
    (np.ones(6, int), ValueError, "have shape (6,); expected (B, T)"),
    (np.ones((4, 6), "f4"), TypeError, "are float32; expected integers"),
    (SOURCE + 3, ValueError, "have ids from 3 to 9; expected 0 to 6"),
    (SOURCE - 1, ValueError, "have ids from -1 to 5; expected 0 to 6"),
    (np.array([[3, 4], [0, 0]]), ValueError, "row 1 of the NAME starts with padding, 0"),
    (np.array([[3, 4, 3], [3, 0, 4]]), ValueError, "row 1 of the NAME has a token behind its"),
]


@pytest.mark.parametrize("side", ["torch", "keras"])
@pytest.mark.parametrize("name", [name for name in FILES if name != "skip-gram"])
def test_tokens_that_do_not_fit_are_refused(name, side):
    stem, model_class, config, inputs, _ = FILES[name]
    model = _class(stem, model_class, side)(config)
    make = torch.from_numpy if side == "torch" else np.asarray
    called = "tokens" if len(inputs) == 1 else "source"
    for wrong, error, message in WRONG:
        rest = [make(array[: max(len(wrong), 1)]) for array in inputs[1:]]
        with pytest.raises(error, match=re.escape(message.replace("NAME", called))):
            model(make(wrong), *rest)
    if len(inputs) == 2:
        for wrong in (np.full((4, 5), 9), np.full((4, 5), -1)):
            with pytest.raises(ValueError, match=r"the target have ids from .*expected 0 to 8"):
                model(make(inputs[0]), make(wrong))


@pytest.mark.parametrize(
    ("config", "fields", "message"),
    [
        (SkipGramConfig, {"vocabulary": 1}, "vocabulary is 1; expected an integer of at least 2"),
        (SkipGramConfig, {"width": 0}, "width is 0; expected an integer of at least 1"),
        (RecurrentConfig, {"outputs": 0}, "outputs is 0"),
        (RecurrentConfig, {"layers": 0}, "layers is 0"),
        (RecurrentConfig, {"cell": "LSTM"}, "cell is 'LSTM'; expected one of 'rnn', 'lstm', 'gru'"),
        (RecurrentConfig, {"each_token": 1}, "each_token is 1; expected True or False"),
        (RecurrentConfig, {"fused": None}, "fused is None; expected True or False"),
        (
            RecurrentConfig,
            {"dropout": 1},
            "dropout is 1; expected a number of at least 0 and below",
        ),
        (Seq2SeqConfig, {"source": 3}, "source is 3; expected an integer of at least 4"),
        (Seq2SeqConfig, {"target": True}, "target is True"),
        (Seq2SeqConfig, {"hidden": 5}, "hidden is 5; expected an even number"),
        (
            Seq2SeqConfig,
            {"attention": None},
            "attention is None; expected one of 'none', 'bahdanau'",
        ),
        (TransformerConfig, {"heads": 3}, "width is 64; expected an even multiple of heads, 3"),
        (TransformerConfig, {"width": 9, "heads": 3}, "width is 9; expected an even multiple"),
        (TransformerConfig, {"context": 0}, "context is 0"),
        (TransformerConfig, {"norm_first": "no"}, "norm_first is 'no'"),
        (TransformerConfig, {"dropout": -0.1}, "dropout is -0.1"),
    ],
)
def test_a_wrong_config_is_named(config, fields, message):
    first = {"vocabulary": 5} if config in (SkipGramConfig, RecurrentConfig) else {"source": 5}
    if config is not SkipGramConfig:
        first |= {"outputs": 5} if config is RecurrentConfig else {"target": 5}
    with pytest.raises(ValueError, match=re.escape(message)):
        config(**first | fields)


@pytest.mark.parametrize("name", FILES)
def test_configs_are_frozen_and_take_what_json_and_numpy_make_of_them(name):
    config = FILES[name][2]
    fields = json.loads(json.dumps(dataclasses.asdict(config)))
    same = type(config)(**fields | {"width": np.int64(fields["width"])})
    assert same == config and hash(same) == hash(config) and type(same.width) is int
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.width = 5
