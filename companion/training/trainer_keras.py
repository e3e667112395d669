"""Training in Keras: `compile` and `fit`, with the same options and records as the PyTorch loop.

The keywords, the order of the samples, the `History`, the checkpoints and what they promise are
those of `companion.training.trainer_torch`; only what Keras does in its own way differs:

- `loss` and `optimizer` are what `compile` takes: loss(targets, outputs), or a name.
- A loss that is not finite ends the run after its update, not before.
- `fit` of Keras reads a few batches ahead in another thread, so a function batch_at(step) must not
  draw from the global random generators. Randomness inside the model comes from the layers'
  `SeedGenerator`s, whose states a checkpoint holds; `tf.random` has none that could be saved.
- Precision belongs to the model's dtype policy, the device to the scope where it was built, and
  several processes to `keras.distribution`.
"""

import json
import os
import re
from contextlib import contextmanager

import keras
import numpy as np
from safetensors.numpy import load_file, save

from companion.training.batches import Batches, map_parts
from companion.training.checkpoint import (
    Store,
    random_state,
    require_same_config,
    require_same_tensors,
    restore_random_state,
    under,
)
from companion.training.run import Run

__all__ = ["fit"]


def fit(
    model,
    data,
    *,
    loss,
    optimizer,
    epochs=None,
    steps=None,
    batch_size=32,
    schedule=None,
    clip_norm=None,
    evaluate=None,
    evaluate_every=None,
    callbacks=(),
    checkpoint=None,
    checkpoint_every=None,
    resume=False,
    seed=0,
    device=None,
    precision="auto",
):
    """Train a model and return what was measured; the model is left compiled.

    Args:
        model: A `keras.Model`.
        data: (inputs, targets), equally long arrays or tuples of arrays; or a function
            batch_at(step) that returns such a pair for one batch.
        loss: A loss of Keras: its name, an object, or a function loss(targets, outputs).
        optimizer: An optimiser of Keras or its name.
        epochs: How often each sample is used. Give either this or `steps`.
        steps: Number of updates.
        batch_size: Samples per update; a function chooses its own.
        schedule: schedule(step) is what the optimiser's learning rate is multiplied by.
        clip_norm: Largest Euclidean norm of all gradients together.
        evaluate: evaluate(model) returns numbers by name.
        evaluate_every: Updates between evaluations, by default an epoch; also done at the end.
        callbacks: Functions callback(step, model, history); one that returns True ends the run.
        checkpoint: The folder for checkpoints.
        checkpoint_every: Updates between checkpoints, by default an epoch; also done at the end.
        resume: Whether to go on from the checkpoint if there is one.
        seed: A non-negative integer for the order of the samples.
        device: None; build the model under `keras.device(…)` to place it.
        precision: "auto" is the model's dtype policy; "float32" requires that it is float32.

    Returns:
        The `History` of the run, from its first step on.

    Raises:
        ValueError: If an argument is none of these.
        TypeError: If `evaluate` or a callback returns something else.
        FloatingPointError: If the loss is infinite or NaN; the message names the step.
        CheckpointError: If the checkpoint is damaged or of another run; it is left as it is.
        FileExistsError: If there is a checkpoint and `resume` is False.
    """
    _check(model, loss, optimizer, device, precision)
    optimizer = keras.optimizers.get(optimizer)
    batches = Batches(_arrays(data), epochs, steps, batch_size, seed)
    store = Store(checkpoint, checkpoint_every, resume)
    run = Run(batches, store, schedule, clip_norm, evaluate, evaluate_every, callbacks)
    if not model.built:
        model(map_parts(lambda part: part[:1], batches.at(0)[0]), training=False)
    model.compile(loss=loss, optimizer=optimizer)
    model.optimizer.build(model.trainable_variables)
    run.config |= {"framework": "keras", "precision": precision}
    run.config["optimizer"] = _described(optimizer, run)
    _restore(run, model)
    with _clipped(optimizer, run.clip_norm), run.progress() as advance:
        if run.steps():
            loop = _Loop(run, optimizer, advance)
            model.fit(_Dataset(run), shuffle=False, verbose=0, callbacks=[loop])
        else:  # `fit` of Keras ends with this, after the last checkpoint
            optimizer.finalize_variable_values(model.trainable_variables)
    return run.history


class _Dataset(keras.utils.PyDataset):
    """The batches that are left, as one epoch of Keras."""

    def __init__(self, run):
        super().__init__()
        self._batches, self._steps = run.batches, run.steps()

    def __len__(self):
        return len(self._steps)

    def __getitem__(self, index):
        return self._batches.at(self._steps[index])


class _Loop(keras.callbacks.Callback):
    """What the PyTorch loop does around an update."""

    def __init__(self, run, optimizer, advance):
        super().__init__()
        self._run, self._optimizer, self._advance = run, optimizer, advance
        self._step = run.start
        self._rate = None

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # Keras reports a running mean; this makes it the batch's loss
        if self._run.schedule is not None:
            self._rate = float(self._optimizer.learning_rate)
            self._optimizer.learning_rate = self._rate * self._run.rate_factor(self._step)

    def on_train_batch_end(self, batch, logs=None):
        run, model = self._run, self.model
        if run.schedule is not None:
            self._optimizer.learning_rate = self._rate
        run.record_loss(self._step, float(logs["loss"]))
        updates = self._step + 1
        if run.evaluation_due(updates):
            run.record_evaluation(updates, run.evaluate(model))
        run.stopped = run.call_back(updates, model)
        if run.checkpoint_due(updates):
            _save(run, model, updates)
        self._advance(self._step)
        self._step = updates
        model.stop_training = run.stopped


@contextmanager
def _clipped(optimizer, norm):
    """Let the optimiser clip the gradients for the time of a run."""
    before = optimizer.global_clipnorm
    optimizer.global_clipnorm = before if norm is None else norm
    try:
        yield
    finally:
        optimizer.global_clipnorm = before


def _variables(model):
    """Name everything that training changes; Keras's own numbering depends on earlier models."""
    named = {}
    for index, variable in enumerate(model.variables):
        named[f"model/{index}/{re.sub(r'_[0-9]+$', '', variable.name)}"] = variable
    for index, variable in enumerate(model.optimizer.variables):
        named[f"optimizer/{index}"] = variable
    return named


def _read(variables):
    """Copy the values into arrays; a scalar too, which TensorFlow returns as a number of NumPy."""
    return {name: np.array(variable.numpy()) for name, variable in variables.items()}


def _save(run, model, updates):
    arrays = {f"variables/{name}": array for name, array in _read(_variables(model)).items()}
    arrays |= {f"random/{name}": array for name, array in random_state().items()}
    run.store.write(arrays, run.facts(updates), save)


def _restore(run, model):
    """Go back to the checkpoint, if there is one; look at all of it before changing anything."""
    saved = run.store.read(load_file)
    if saved is None:
        return
    tensors, facts = saved
    require_same_config(run.store.folder, facts["config"], run.config)
    arrays, variables = under("variables/", tensors), _variables(model)
    require_same_tensors(run.store.folder, arrays, _read(variables))
    for name, variable in variables.items():
        variable.assign(arrays[name])
    restore_random_state(under("random/", tensors))
    run.restore(facts)


def _arrays(data):
    """Turn tensors into NumPy arrays; anything else is left for `Batches` to judge."""
    if callable(data):
        return data
    array = keras.ops.convert_to_numpy
    return map_parts(lambda part: array(part) if hasattr(part, "shape") else part, data)


def _described(optimizer, run):
    """Name the optimiser and its settings in plain values, to compare them on resuming."""
    settings = json.loads(json.dumps(optimizer.get_config(), default=repr))
    if run.schedule is not None and not isinstance(settings["learning_rate"], float):
        raise ValueError("schedule is given, but the optimizer has one of its own; expected None")
    clipping = [settings[name] for name in ("clipnorm", "clipvalue", "global_clipnorm")]
    if run.clip_norm is not None and any(clipping):
        raise ValueError(
            f"clip_norm is {run.clip_norm}, but the optimizer clips already; expected None"
        )
    return settings | {"name": type(optimizer).__name__}  # Keras numbers its own names


def _check(model, loss, optimizer, device, precision):
    if not isinstance(model, keras.Model):
        raise ValueError(f"model is a {type(model).__name__}; expected a keras.Model")
    if loss is None:
        raise ValueError("loss is None; expected a loss of Keras, its name or a function")
    if not isinstance(optimizer, str | keras.optimizers.Optimizer):
        raise ValueError(f"optimizer is {optimizer!r}; expected one of Keras or its name")
    if device is not None:
        raise ValueError(
            f"device is {device!r}; expected None: Keras trains where the model was built, "
            "which `with keras.device(...)` decides"
        )
    policy = model.dtype_policy.compute_dtype
    if precision not in ("auto", "float32") or (precision == "float32" and policy != precision):
        raise ValueError(
            f"precision is {precision!r} for a model that computes in {policy}; expected 'auto', "
            "or 'float32' for a model of that dtype policy"
        )
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ValueError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}; expected 1: torchrun is for PyTorch, "
            "and Keras uses `keras.distribution`"
        )
