"""A Keras training that the test kills: python worker_keras.py RESULTS [CHECKPOINT].

It prints the number of each update, so that the test knows where the run is.
"""

import random
import sys
import time
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import save_file

from companion.training.trainer_keras import fit

EPOCHS, STEPS_PER_EPOCH = 12, 7


def tell(step, model, history):
    # A draw from each generator shows in the history if one of them is not restored.
    history.record(step, noise=random.random() + np.random.random())  # noqa: NPY002
    print(step, flush=True)
    time.sleep(0.01)


def main(results, checkpoint=None):
    keras.utils.set_random_seed(0)
    inputs = np.random.normal(size=(50, 6))  # noqa: NPY002
    targets = inputs[:, :1] * inputs[:, 1:2]
    layers = keras.layers
    hidden = [layers.Dense(32), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3)]
    model = keras.Sequential([*hidden, layers.Dense(1)])
    history = fit(
        model,
        (inputs, targets),
        loss="mse",
        optimizer=keras.optimizers.Adam(0.01),
        epochs=EPOCHS,
        batch_size=8,
        schedule=lambda step: min(1, (step + 1) / 10),
        callbacks=[tell],
        checkpoint=checkpoint,
        checkpoint_every=checkpoint and 3,
        resume=checkpoint is not None,
    )
    weights = {str(index): value for index, value in enumerate(model.get_weights())}
    save_file(weights, Path(results) / "weights.safetensors")
    history.to_csv(Path(results) / "history.csv")
    assert "torch" not in sys.modules, "a user of Keras has to import torch"


if __name__ == "__main__":
    main(*sys.argv[1:])
