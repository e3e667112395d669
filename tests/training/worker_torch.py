"""A PyTorch training that the test kills: python worker_torch.py RESULTS [CHECKPOINT].

It prints the number of each update, so that the test knows where the run is.
"""

import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from companion.training.trainer_torch import fit

EPOCHS, STEPS_PER_EPOCH = 12, 7


def tell(step, model, history):
    # A draw from each generator shows in the history if one of them is not restored.
    history.record(step, noise=random.random() + np.random.random() + torch.rand(()).item())  # noqa: NPY002
    print(step, flush=True)
    time.sleep(0.01)


def main(results, checkpoint=None):
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    inputs = torch.randn(50, 6)
    targets = inputs[:, :1] * inputs[:, 1:2]
    layers = [nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1)]
    model = nn.Sequential(*layers)
    history = fit(
        model,
        (inputs, targets),
        loss=nn.functional.mse_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        epochs=EPOCHS,
        batch_size=8,
        schedule=lambda step: min(1, (step + 1) / 10),
        callbacks=[tell],
        checkpoint=checkpoint,
        checkpoint_every=checkpoint and 3,
        resume=checkpoint is not None,
    )
    save_file(model.state_dict(), Path(results) / "weights.safetensors")
    history.to_csv(Path(results) / "history.csv")
    foreign = {"keras", "tensorflow"} & set(sys.modules)
    assert not foreign, f"a user of PyTorch has to import {foreign}"


if __name__ == "__main__":
    main(*sys.argv[1:])
