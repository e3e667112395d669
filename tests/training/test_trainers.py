"""What both trainers promise, tested once and run for each.

The model is tanh(x W + b) V + c with the same numbers in both frameworks, trained by SGD, so that
everything can also be compared between the two.
"""

import importlib
import inspect
import io
import json
import math
import re
import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from companion.training.checkpoint import CheckpointError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(21, 3)).astype(np.float32)
Y = (np.sin(X[:, :1]) + X[:, 1:2]).astype(np.float32)
LAYERS = [
    (RNG.normal(size=(3, 4)), RNG.normal(size=4)),
    (RNG.normal(size=(4, 1)), RNG.normal(size=1)),
]
FRAMEWORKS = ["torch", "keras"]


def torch_twin():
    import torch

    def model(width=4):
        layers = [torch.nn.Linear(3, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)]
        network = torch.nn.Sequential(*layers)
        if width == 4:
            for layer, (kernel, bias) in zip(layers[::2], LAYERS, strict=True):
                layer.load_state_dict(
                    {"weight": torch.tensor(kernel.T), "bias": torch.tensor(bias)}
                )
        return network

    def weights(network):
        return np.concatenate([p.detach().numpy().T.ravel() for p in network.parameters()])

    return SimpleNamespace(
        fit=importlib.import_module("companion.training.trainer_torch").fit,
        model=model,
        weights=weights,
        sgd=lambda network, rate=0.1: torch.optim.SGD(network.parameters(), lr=rate),
        rate=lambda optimizer: optimizer.param_groups[0]["lr"],
        loss=torch.nn.functional.mse_loss,
    )


def keras_twin():
    import keras

    def model(width=4):
        network = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(width, "tanh"), keras.layers.Dense(1)]
        )
        if width == 4:
            network.set_weights([array for layer in LAYERS for array in layer])
        return network

    return SimpleNamespace(
        fit=importlib.import_module("companion.training.trainer_keras").fit,
        model=model,
        weights=lambda network: np.concatenate([w.ravel() for w in network.get_weights()]),
        sgd=lambda network, rate=0.1: keras.optimizers.SGD(rate),
        rate=lambda optimizer: float(optimizer.learning_rate),
        loss="mean_squared_error",
    )


@pytest.fixture(params=FRAMEWORKS)
def twin(request):
    return {"torch": torch_twin, "keras": keras_twin}[request.param]()


def train(twin, data=(X, Y), model=None, **options):
    """Train for a short time; return (model, history)."""
    model = model or twin.model()
    defaults = {"loss": twin.loss, "batch_size": 4, "seed": 3}
    if "optimizer" not in options:
        defaults["optimizer"] = twin.sgd(model)
    return model, twin.fit(model, data, **(defaults | options))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_twins_have_the_same_signature_and_the_same_loss_curve():
    torch, keras = torch_twin(), keras_twin()
    signatures = [inspect.signature(twin.fit) for twin in (torch, keras)]
    assert signatures[0] == signatures[1]
    options = {"epochs": 3, "clip_norm": 0.5, "schedule": lambda step: 1 / (1 + step)}
    runs = [train(twin, **options)[1].series("loss") for twin in (torch, keras)]
    assert len(runs[0][0]) == 18
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_allclose(runs[0][1], runs[1][1], atol=1e-5, rtol=0)
    assert np.ptp(runs[0][1]) > 0.1


def test_schedule_clipping_callbacks_evaluation_and_stopping(twin):
    seen = {}

    def watch(step, model, history):
        seen[step] = twin.weights(model)
        assert history.last("loss") == history.series("loss")[1][step - 1]
        return np.bool_(step == 5)  # what a comparison of NumPy numbers returns

    model = twin.model()
    start = twin.weights(model)
    optimizer = twin.sgd(model, 1.0)
    model, history = train(
        twin,
        model=model,
        optimizer=optimizer,
        steps=9,
        schedule=lambda step: [1.0, 0.0, 0.5, 1.0, 1.0][step],
        clip_norm=0.01,
        callbacks=[lambda *_: None, watch],
        evaluate=lambda model: {"answer": 42, "first": twin.weights(model)[0]},
        evaluate_every=2,
    )
    assert list(seen) == [1, 2, 3, 4, 5]
    points = [start, *seen.values()]
    moves = [np.linalg.norm(b - a) for a, b in pairwise(points)]
    np.testing.assert_allclose(moves, [0.01, 0, 0.005, 0.01, 0.01], atol=1e-6)
    assert twin.rate(optimizer) == 1.0
    assert history.series("loss")[0].tolist() == [0, 1, 2, 3, 4]
    steps, values = history.series("first")
    assert steps.tolist() == [2, 4] and values.tolist() == [seen[2][0], seen[4][0]]
    assert history.last("answer") == 42


def test_a_function_gives_the_batches_and_an_epoch_is_the_default_period(twin):
    asked = []

    def batch_at(step):
        asked.append(step)
        return X[step : step + 5], Y[step : step + 5]

    model, history = train(twin, batch_at, steps=3, evaluate=lambda model: {"one": 1.0})
    assert {0, 1, 2} == set(asked)
    assert history.series("one")[0].tolist() == [3]
    other = twin.model()
    for step in range(3):
        train(twin, batch_at(step), model=other, epochs=1, batch_size=5)
    np.testing.assert_allclose(twin.weights(model), twin.weights(other), atol=1e-7)
    _, history = train(twin, epochs=2, batch_size=10, evaluate=lambda model: {"one": 1.0})
    assert history.series("one")[0].tolist() == [3, 6]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_the_step(twin, tmp_path, bad):
    def batch_at(step):
        return X[:4], np.full((4, 1), bad if step == 3 else 0.0, np.float32)

    options = {"steps": 9, "checkpoint": tmp_path, "checkpoint_every": 1}
    with pytest.raises(FloatingPointError, match=rf"the loss is {bad} at step 3 \(the first is 0"):
        train(twin, batch_at, **options)
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert record["step"] == 3 and len(record["history"]["loss"]["values"]) == 3


def test_a_run_goes_on_from_its_checkpoint(twin, tmp_path):
    whole, expected = train(twin, epochs=2)
    options = {"checkpoint": tmp_path, "checkpoint_every": 4, "resume": True}
    train(twin, steps=8, **options)  # in the middle of the second epoch
    model, history = train(twin, epochs=2, **options)
    np.testing.assert_array_equal(twin.weights(model), twin.weights(whole))
    assert history == expected
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert (record["step"], record["epoch"], record["stopped"]) == (12, 2, False)
    finished = content(tmp_path)
    model, history = train(twin, epochs=2, **options)  # nothing is left to do
    np.testing.assert_array_equal(twin.weights(model), twin.weights(whole))
    assert history == expected and content(tmp_path) == finished


def test_a_run_that_a_callback_ended_stays_ended(twin, tmp_path):
    options = {"epochs": 2, "checkpoint": tmp_path, "callbacks": [lambda step, *_: step >= 3]}
    model, history = train(twin, **options)
    again, same = train(twin, resume=True, **options)
    np.testing.assert_array_equal(twin.weights(again), twin.weights(model))
    assert same == history and len(history.series("loss")[0]) == 3


def test_a_checkpoint_of_another_run_is_refused_and_left_alone(twin, tmp_path):
    train(twin, steps=1, checkpoint=tmp_path)
    before = content(tmp_path)
    wider = twin.model(width=5)
    cases = [
        ({"model": wider}, r"is \(.*4.*\) \S*float32 in .*, and \(.*5.*\) \S*float32 in the m"),
        ({"batch_size": 5}, "belongs to another run: batch_size was 4 and is 5"),
        ({"seed": 4}, "seed was 3 and is 4"),
        ({"clip_norm": 1.0}, "clip_norm was None and is 1.0"),
        ({"data": (X[:20], Y[:20])}, "samples was 21 and is 20"),
    ]
    for options, message in cases:
        model = options.get("model") or twin.model()
        weights = twin.weights(model)
        with pytest.raises(CheckpointError, match=message):
            train(twin, **(options | {"model": model}), epochs=1, checkpoint=tmp_path, resume=True)
        np.testing.assert_array_equal(twin.weights(model), weights)
        assert content(tmp_path) == before
    model = twin.model()
    with pytest.raises(CheckpointError, match=r"optimizer was .* and is "):
        train(
            twin,
            model=model,
            optimizer=twin.sgd(model, 0.2),
            epochs=1,
            checkpoint=tmp_path,
            resume=True,
        )
    with pytest.raises(FileExistsError, match="pass resume=True to go on from it"):
        train(twin, epochs=1, checkpoint=tmp_path)
    assert content(tmp_path) == before


def test_a_checkpoint_of_the_other_framework_is_refused(tmp_path):
    torch, keras = torch_twin(), keras_twin()
    train(torch, steps=1, checkpoint=tmp_path)
    before = content(tmp_path)
    with pytest.raises(CheckpointError, match="framework was 'torch' and is 'keras'"):
        train(keras, steps=2, checkpoint=tmp_path, resume=True)
    assert content(tmp_path) == before


def linger(*_):
    time.sleep(0.11)  # tqdm draws at most ten times a second


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_only(twin, monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        train(twin, steps=2, callbacks=[linger])
        assert bool(stream.getvalue()) == stream.isatty()
    assert re.search(r"1/2 .*loss \d\S*, \d+ samples/s", stream.getvalue())


def test_progress_is_shown_in_a_notebook(twin, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr("companion.training.run.in_notebook", lambda: True)
    train(twin, steps=2, callbacks=[linger])
    assert "samples/s" in sys.stderr.getvalue()


def boom(*_):
    raise AssertionError("must not be called")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "epochs is None and steps None; expected exactly one"),
        ({"epochs": 1, "steps": 1}, "epochs is 1 and steps 1; expected exactly one"),
        ({"epochs": 1, "data": X}, "data is a ndarray; expected a tuple (inputs, targets)"),
        ({"epochs": 1, "batch_size": 0}, "batch_size is 0; expected an integer of at least 1"),
        ({"epochs": 1, "model": "mlp", "optimizer": None}, "model is a str; expected a "),
        ({"epochs": 1, "loss": None}, "loss is None; expected "),
        ({"epochs": 1, "optimizer": 0.1}, "optimizer is 0.1; expected "),
        ({"epochs": 1, "schedule": 0.1}, "schedule is 0.1; expected a function"),
        ({"epochs": 1, "schedule": lambda step: -1}, "schedule(0) is -1.0; expected a finite"),
        ({"epochs": 1, "clip_norm": 0}, "clip_norm is 0; expected a positive number or None"),
        ({"epochs": 1, "clip_norm": True}, "clip_norm is True; expected a positive number"),
        ({"epochs": 1, "evaluate": "mse"}, "evaluate is 'mse'; expected a function"),
        ({"epochs": 1, "evaluate_every": 2}, "evaluate_every is 2, but evaluate is None"),
        (
            {"epochs": 1, "evaluate": boom, "evaluate_every": 0},
            "evaluate_every is 0; expected an integer of at least 1",
        ),
        ({"epochs": 1, "callbacks": [3]}, "each of callbacks is 3; expected a function"),
        ({"epochs": 1, "checkpoint_every": 2}, "checkpoint_every is 2 and resume False, but check"),
        ({"epochs": 1, "resume": True}, "resume True, but checkpoint is None"),
        ({"epochs": 1, "precision": "int8"}, "precision is 'int8'"),
    ],
)
def test_wrong_arguments_are_named(twin, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        train(twin, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"callbacks": [lambda *_: 1.0]}, TypeError, "a callback returned 1.0; expected True"),
        ({"evaluate": lambda model: 0.5}, TypeError, "evaluate returned 0.5; expected a dict"),
        ({"evaluate": lambda model: {"a": "b"}}, TypeError, "a is 'b'; expected a real number"),
        ({"evaluate": lambda model: {"loss": 1}}, ValueError, "evaluate returned the name 'loss'"),
    ],
)
def test_wrong_answers_of_functions_are_named(twin, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        train(twin, steps=1, **options)
