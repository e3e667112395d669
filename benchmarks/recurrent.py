"""Training a recurrent network: with our cells by hand, and with the fused kernel of torch.nn.LSTM.

Both sides embed the same tokens, run one layer of the same size over them, and predict each next
token with the same linear layer, loss and optimiser; only the recurrent layer differs.
"""

import dataclasses
import sys
import time

import numpy as np

from benchmarks.side_by_side import compare, main

VOCABULARY, WIDTH, HIDDEN, LENGTH, BATCH = 97, 128, 128, 64, 16


def around(layer):
    """Return what a reader would write around a recurrent layer of torch."""
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            self.recurrent = layer(WIDTH, HIDDEN, batch_first=True)
            self.head = nn.Linear(HIDDEN, VOCABULARY)

        def forward(self, tokens):
            return self.head(self.recurrent(self.embedding(tokens))[0])

    return Network()


def training(model):
    """Return a function that does one step of training."""
    import torch
    from torch.nn.functional import cross_entropy

    tokens = torch.from_numpy(
        np.random.default_rng(0).integers(VOCABULARY, size=(BATCH, LENGTH + 1))
    )
    inputs, targets = tokens[:, :-1], tokens[:, 1:].flatten()
    optimizer = torch.optim.AdamW(model.parameters())

    def step():
        loss = cross_entropy(model(inputs).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def competitors(kind):
    """A training step with each implementation of one kind of cell: "rnn", "lstm" or "gru"."""
    import torch

    from companion.language.rnn_torch import RecurrentNetwork
    from companion.language.sequence_config import RecurrentConfig

    config = RecurrentConfig(VOCABULARY, VOCABULARY, WIDTH, HIDDEN, kind, each_token=True)
    fused = dataclasses.replace(config, fused=True)
    name = f"torch.nn.{kind.upper()}"
    return {
        name: training(around(getattr(torch.nn, kind.upper()))),
        "fused kernel": training(RecurrentNetwork(fused)),
        "cell by hand": training(RecurrentNetwork(config)),
    }


def build(rounds, threads):
    """Yield the comparisons.

    On one thread, whatever is asked for, because the layers are small; by the processor's time in
    this process, which other programs disturb least.
    """
    for kind in ("rnn", "lstm", "gru"):
        yield compare(
            f"training a recurrent network, {kind}, processor time",
            competitors(kind),
            baseline=f"torch.nn.{kind.upper()}",
            bar={"fused kernel": 0.9} if kind == "lstm" else None,
            rounds=rounds,
            threads=1,
            timer=time.process_time,
            units=(BATCH * LENGTH, "tokens"),
        )


if __name__ == "__main__":
    sys.exit(main(build))
