"""What only the Keras trainer promises."""

import keras
import numpy as np
import pytest

from companion.training.checkpoint import CheckpointError
from companion.training.trainer_keras import fit

X = np.linspace(-1, 1, 36, dtype=np.float32).reshape(12, 3)
Y = np.sin(X.sum(axis=1, keepdims=True))


def dropout_model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    # Not built, as no input shape is given; batch normalisation has weights that do not train.
    return keras.Sequential(
        [layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)]
    )


def values(model):
    return [variable.numpy().tolist() for variable in model.variables]


def test_it_equals_plain_compile_and_fit():
    orders = [np.random.default_rng([7, epoch]).permutation(12) for epoch in range(3)]
    rows = np.concatenate(orders)
    plain = dropout_model()
    plain.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01, global_clipnorm=0.3))
    record = plain.fit(X[rows], Y[rows], batch_size=4, shuffle=False, verbose=0)

    model = dropout_model()
    optimizer = keras.optimizers.Adam(0.01)
    options = {"epochs": 3, "batch_size": 4, "clip_norm": 0.3, "seed": 7}
    history = fit(model, (X, Y), loss="mse", optimizer=optimizer, **options)
    assert values(model) == values(plain)
    mean = history.series("loss")[1].mean()
    assert mean == pytest.approx(record.history["loss"][0], abs=1e-6)
    assert optimizer.global_clipnorm is None


def test_dropout_batch_norm_and_averaged_weights_resume_exactly(tmp_path):
    def run(**options):
        model = dropout_model()
        optimizer = keras.optimizers.Adam(0.01, use_ema=True)
        history = fit(model, (X, Y), loss="mse", optimizer=optimizer, batch_size=5, **options)
        return values(model), history

    whole = run(steps=7)
    options = {"checkpoint": tmp_path, "resume": True}
    run(steps=4, **options)
    assert run(steps=7, **options) == whole
    assert run(steps=7, **options) == whole  # nothing left but the averaging at the end


def test_inputs_may_be_a_tuple_and_evaluate_may_use_keras():
    left, right = keras.Input((3,)), keras.Input((3,))
    outputs = keras.layers.Dense(1)(keras.layers.Multiply()([left, right]))
    model = keras.Model((left, right), outputs)
    data = ((X, X), (X**2).sum(axis=1, keepdims=True))

    def evaluate(model):
        return {"error": model.evaluate(*data, verbose=0)}

    history = fit(model, data, loss="mse", optimizer="sgd", epochs=10, evaluate=evaluate)
    steps, errors = history.series("error")
    assert steps.tolist() == list(range(1, 11))
    # Every batch is the whole set: the loss before an update is the error after the last one.
    np.testing.assert_allclose(history.series("loss")[1][1:], errors[:-1], rtol=1e-5)
    assert errors[-1] < errors[0]


def test_a_model_with_other_variables_is_refused(tmp_path):
    model = dropout_model()
    fit(model, (X, Y), loss="mse", optimizer="adam", steps=1, checkpoint=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1)])
    message = "holds model/2/gamma, which the model has not"
    with pytest.raises(CheckpointError, match=message):
        options = {"checkpoint": tmp_path, "resume": True}
        fit(other, (X, Y), loss="mse", optimizer="adam", steps=2, **options)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        ({}, {"device": "cuda"}, r"device is 'cuda'; expected None: .* `with keras\.device"),
        ({"clipnorm": 1.0}, {"clip_norm": 1.0}, "clip_norm is 1.0, but the optimizer clips"),
        (
            {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 10)},
            {"schedule": lambda step: 1.0},
            "schedule is given, but the optimizer has one of its own",
        ),
    ],
)
def test_what_keras_does_itself_is_refused(optimizer, options, message):
    with pytest.raises(ValueError, match=message):
        adam = keras.optimizers.Adam(**optimizer)
        fit(dropout_model(), (X, Y), loss="mse", optimizer=adam, epochs=1, **options)


def test_precision_is_the_policy_of_the_model():
    model = keras.Sequential([keras.layers.Dense(1)])
    fit(model, (X, Y), loss="mse", optimizer="sgd", steps=1, precision="float32")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.Sequential([keras.layers.Dense(1)])
    finally:
        keras.config.set_dtype_policy(before)
    message = "precision is 'float32' for a model that computes in bfloat16"
    with pytest.raises(ValueError, match=message):
        fit(model, (X, Y), loss="mse", optimizer="sgd", steps=1, precision="float32")
    fit(model, (X, Y), loss="mse", optimizer="sgd", steps=1)


def test_torchrun_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="WORLD_SIZE is 2; expected 1: torchrun is for PyTorch"):
        fit(dropout_model(), (X, Y), loss="mse", optimizer="sgd", steps=1)
