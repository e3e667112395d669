"""A training step of the NumPy engine against torch: an MLP on handwritten digits, one thread.

    python -m benchmarks.scratch [--rounds N] [--json FILE]

A step forgets the gradients, runs a batch of 64 digits forward and backward and updates 17,226
weights, all in float32. The batches take turns. The engine's step includes turning an array into
a `Tensor`; torch's tensors are ready.
"""

import sys
from itertools import cycle

import numpy as np

from benchmarks.side_by_side import compare, main

BATCH = 64
SETTINGS = {"SGD": {"lr": 0.01, "momentum": 0.9}, "Adam": {"lr": 0.001}}


def build(**options):
    """Compare the steps with both optimisers; the bar is a third of torch's speed."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    pixels = (pixels / 16).astype(np.float32)
    starts = range(0, len(labels) - BATCH + 1, BATCH)
    batches = [(pixels[i : i + BATCH], labels[i : i + BATCH]) for i in starts]
    for name, settings in SETTINGS.items():
        theirs, weights = torch_step(batches, name, settings)
        ours = scratch_step(batches, name, settings, weights)
        for _ in range(3):
            assert np.isclose(ours(), theirs(), rtol=1e-4), "the two must compute the same"
        yield compare(
            f"MLP training step, {name}",
            {"torch": theirs, "companion.scratch": ours},
            baseline="torch",
            bar=1 / 3,
            units=(BATCH, "samples"),
            **options,
        )


def torch_step(batches, optimizer, settings):
    """Return a function that takes a step in torch, and a copy of the weights before it."""
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    optimizer = getattr(torch.optim, optimizer)(model.parameters(), **settings)
    ready = cycle([(torch.tensor(pixels), torch.tensor(labels)) for pixels, labels in batches])

    def step():
        pixels, labels = next(ready)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(pixels), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, {name: weight.clone() for name, weight in model.state_dict().items()}


def scratch_step(batches, optimizer, settings, weights):
    """Return a function that takes the same step in the engine."""
    from companion.scratch import optimisers
    from companion.scratch.layers import Linear, Sequential
    from companion.scratch.losses import cross_entropy
    from companion.scratch.tensor import Tensor

    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(64, 128, rng), Tensor.relu, Linear(128, 64, rng), Tensor.relu, Linear(64, 10, rng)
    )
    model.load_state_dict(weights)
    optimizer = getattr(optimisers, optimizer)(model.parameters(), **settings)
    ready = cycle(batches)

    def step():
        pixels, labels = next(ready)
        optimizer.zero_grad()
        loss = cross_entropy(model(Tensor(pixels)), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    sys.exit(main(build, ["--threads", "1", *sys.argv[1:]]))
