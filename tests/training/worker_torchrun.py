"""The same script for one process or several: [torchrun …] worker_torchrun.py RESULTS.

Each process writes what it saw into RESULTS/<rank>.json.
"""

import json
import os
import sys
from pathlib import Path

import torch
from torch import nn

from companion.training.trainer_torch import fit

RANK, WORLD = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def model_of(dropout):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))


def train(samples=19, dropout=0.0, batch_size=8, optimizer=torch.optim.Adam, **options):
    """Return (flat weights, history) of a short training; batches hold 8, 8 and 3 samples."""
    model = model_of(dropout)
    data = torch.linspace(-1, 1, samples * 4).reshape(samples, 4).cos()
    targets = data.sum(dim=1, keepdim=True) ** 2
    history = fit(
        model,
        (data, targets),
        loss=nn.functional.mse_loss,
        optimizer=optimizer(model.parameters(), lr=0.02),
        batch_size=batch_size,
        clip_norm=1.0,
        **options,
    )
    return nn.utils.parameters_to_vector(model.parameters()).tolist(), history


def error_of(**options):
    try:
        train(**options)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return None


def main(results):
    torch.set_num_threads(1)
    weights, history = train(epochs=4)
    seen = {"weights": weights, "loss": history.series("loss")[1].tolist()}

    # With 17 samples, the last batch holds one, and nothing is left for the second process.
    seen["single"] = train(samples=17, epochs=1)[1].series("loss")[1].tolist()

    # Only the last process asks to stop; all of them have to.
    _, stopped = train(epochs=4, callbacks=[lambda step, *_: RANK == WORLD - 1 and step == 5])
    seen["stopped_after"] = len(stopped.series("loss")[0])

    folder = Path(results) / "checkpoint"
    seen["whole"], _ = train(dropout=0.5, steps=11)
    train(dropout=0.5, steps=7, checkpoint=folder, resume=True)
    torch.manual_seed(99)
    seen["resumed"], _ = train(dropout=0.5, steps=11, checkpoint=folder, resume=True)
    seen["lost"] = error_of(steps=12, checkpoint=folder if RANK == 0 else "lost", resume=True)
    seen["draw"] = torch.rand(()).item()  # where this process's own generator stands
    seen["indivisible"] = error_of(batch_size=7, epochs=1)
    seen["nan"] = None
    try:
        train(epochs=9, optimizer=torch.optim.SGD, schedule=lambda step: 1e30)
    except FloatingPointError as error:
        seen["nan"] = str(error)
    (Path(results) / f"{RANK}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
