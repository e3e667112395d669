"""What the trainers cost over hand-written training: same model, data, batches and updates.

A trainer itself does a fixed amount of work in each step. A small step, of half a millisecond as in
the shortest chapters, shows it at its worst; a step of some milliseconds is more common. Each call
trains for some epochs, and goes on from the weights of the last one.
"""

import sys
import time

import numpy as np

from benchmarks.side_by_side import compare, main

SAMPLES, INPUTS, OUTPUTS, EPOCHS = 4096, 64, 10, 4
SMALL = {"hidden": 128, "batch": 64}
MEDIUM = {"hidden": 1024, "batch": 256}


def data():
    """Points of ten overlapping classes: inputs (SAMPLES, INPUTS), labels (SAMPLES,)."""
    rng = np.random.default_rng(0)
    labels = rng.integers(OUTPUTS, size=SAMPLES)
    centres = rng.normal(size=(OUTPUTS, INPUTS))
    inputs = centres[labels] + rng.normal(size=(SAMPLES, INPUTS))
    return inputs.astype(np.float32), labels


def plain_loop(model, optimizer, inputs, labels, batch, epochs=1):
    """Train in PyTorch as a reader would write it; returns the loss of each update."""
    import torch
    from torch.nn.functional import cross_entropy

    model.train()
    losses = []
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(batch):
            loss = cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def torch_competitors(hidden, batch):
    """The torch trainer, and the loop that a reader would write instead of it."""
    import torch
    from torch.nn.functional import cross_entropy

    from companion.training.trainer_torch import fit

    inputs, labels = map(torch.from_numpy, data())

    def start():
        torch.manual_seed(0)
        layers = torch.nn.Linear(INPUTS, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, OUTPUTS)
        model = torch.nn.Sequential(*layers)
        return model, torch.optim.Adam(model.parameters())

    own, own_optimizer = start()

    def loop():
        return plain_loop(own, own_optimizer, inputs, labels, batch, EPOCHS)

    model, optimizer = start()

    def trainer():
        settings = {"epochs": EPOCHS, "batch_size": batch, "seed": 0}
        return fit(model, (inputs, labels), loss=cross_entropy, optimizer=optimizer, **settings)

    return {"hand-written loop": loop, "trainer_torch.fit": trainer}


def keras_competitors(hidden, batch):
    """The Keras trainer, and `compile` and `fit` as they are."""
    import keras

    from companion.training.trainer_keras import fit

    inputs, labels = data()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def start():
        keras.utils.set_random_seed(0)
        layers = keras.layers
        first = layers.Dense(hidden, activation="relu")
        return keras.Sequential([layers.Input((INPUTS,)), first, layers.Dense(OUTPUTS)])

    own = start()

    def plain():
        own.compile(optimizer=keras.optimizers.Adam(), loss=loss)
        return own.fit(inputs, labels, epochs=EPOCHS, batch_size=batch, verbose=0)

    model = start()

    def trainer():
        settings = {"epochs": EPOCHS, "batch_size": batch, "optimizer": keras.optimizers.Adam()}
        return fit(model, (inputs, labels), loss=loss, **settings)

    return {"compile and fit": plain, "trainer_keras.fit": trainer}


def build(rounds, threads):
    """Yield the comparisons.

    The clock is the processor's time in this process, which other programs disturb least. One
    thread, whatever is asked for: matrices as small as these gain little from more, and threads
    that wait for each other would count as work.
    """
    options = {"rounds": rounds, "threads": 1, "timer": time.process_time}
    options["units"] = (SAMPLES * EPOCHS, "samples")
    for size, setting, bar in (("small", SMALL, 0.6), ("medium", MEDIUM, 0.9)):
        name = f"training a {size} MLP in torch, processor time"
        yield compare(
            name, torch_competitors(**setting), baseline="hand-written loop", bar=bar, **options
        )
    yield compare(
        "training a small MLP in Keras, processor time",
        keras_competitors(**SMALL),
        baseline="compile and fit",
        bar=0.75,
        **options,
    )


if __name__ == "__main__":
    sys.exit(main(build))
