"""Training in PyTorch: the loop that every chapter uses, written out.

The returned `History` holds "loss", that of each step's whole batch before the update, and what
`evaluate` returns. Steps count from 0; evaluations, callbacks and checkpoints come after an update
and count the updates so far.

**The same run again.** The order of the samples depends on `seed` and the epoch only. A run that
was killed and is started again with `resume=True` ends with the same weights bit for bit: a
checkpoint holds the weights, the state of the optimiser, the history, and the states of the random
generators of torch, NumPy and Python. It cannot hold what callbacks or learning-rate schedulers
remember, so let them use `step` and `history` only.

**Several processes.** The same script runs under `torchrun`. Each process takes its share of every
batch, and DistributedDataParallel (Li et al., 2020) averages the gradients; shares of unequal size
are weighted. `evaluate` and callbacks run in every process; progress and checkpoints are left to
process 0, and all of them have to see the checkpoint's folder. Batch normalisation takes its
statistics over a share, not over the whole batch.
"""

from contextlib import contextmanager

import torch
from safetensors.torch import load_file, save
from torch.nn.parallel import DistributedDataParallel

from companion.training.batches import Batches
from companion.training.checkpoint import (
    CheckpointError,
    Store,
    require_same_config,
    require_same_tensors,
    under,
)
from companion.training.processes import place
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
    """Train a model and return what was measured; the model is left in evaluation mode.

    Args:
        model: A `torch.nn.Module`.
        data: (inputs, targets), equally long tensors or arrays, or tuples of these; or a function
            batch_at(step) that returns such a pair for one batch. Floating arrays become float32.
        loss: A function loss(model(inputs), targets) that returns the mean over the batch.
        optimizer: A `torch.optim.Optimizer` over parameters of the model.
        epochs: How often each sample is used. Give either this or `steps`.
        steps: Number of updates.
        batch_size: Samples per update, over all processes; a function chooses its own.
        schedule: schedule(step) is what the optimiser's learning rate is multiplied by.
        clip_norm: Largest Euclidean norm of all gradients together.
        evaluate: evaluate(model) returns numbers by name; called in evaluation mode.
        evaluate_every: Updates between evaluations, by default an epoch; also done at the end.
        callbacks: Functions callback(step, model, history); one that returns True ends the run.
        checkpoint: The folder for checkpoints.
        checkpoint_every: Updates between checkpoints, by default an epoch; also done at the end.
        resume: Whether to go on from the checkpoint if there is one.
        seed: A non-negative integer for the order of the samples.
        device: Where to train; by default where the model is.
        precision: "auto" is bfloat16 autocast on cuda and float32 elsewhere; or "float32".

    Returns:
        The `History` of the run, from its first step on.

    Raises:
        ValueError: If an argument is none of these.
        TypeError: If `evaluate` or a callback returns something else.
        FloatingPointError: If the loss is infinite or NaN; the message names the step.
        CheckpointError: If the checkpoint is damaged or of another run; it is left as it is.
        FileExistsError: If there is a checkpoint and `resume` is False.
    """
    _check(model, loss, optimizer, precision)
    batches = Batches(data, epochs, steps, batch_size, seed)
    store = Store(checkpoint, checkpoint_every, resume)
    run = Run(batches, store, schedule, clip_norm, evaluate, evaluate_every, callbacks)
    here = place(device or next(model.parameters()).device, precision, batches)
    model.to(here.device)
    run.config |= {"framework": "torch", "processes": here.world, "precision": precision}
    run.config["optimizer"] = _described(optimizer)
    _restore(run, model, optimizer, here)
    _train(run, model, loss, optimizer, here)
    model.eval()
    return run.history


def _train(run, model, loss, optimizer, here):
    """Go through the steps that are left."""
    network = DistributedDataParallel(model) if here.world > 1 else model
    with run.progress(show=here.rank == 0) as advance:
        for step in run.steps():
            model.train()
            inputs, targets, weight = here.share(run.batches.at(step))
            with here.autocast():
                value = loss(network(inputs), targets) * weight
            run.record_loss(step, here.mean(value))

            optimizer.zero_grad()
            value.backward()
            if run.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), run.clip_norm)
            with _scaled(optimizer, run.rate_factor(step)):
                optimizer.step()

            updates = step + 1
            if run.evaluation_due(updates):
                run.record_evaluation(updates, _evaluated(model, run.evaluate))
            run.stopped = here.any(run.call_back(updates, model))
            if run.checkpoint_due(updates):
                _save(run, model, optimizer, here, updates)
            advance(step)
            if run.stopped:
                break


@contextmanager
def _scaled(optimizer, factor):
    """Multiply the learning rates for one update."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate * factor
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


def _evaluated(model, evaluate):
    """Return what `evaluate` measures without dropout and without gradients."""
    model.eval()
    with torch.no_grad():
        return evaluate(model)


def _save(run, model, optimizer, here, updates):
    """Write a checkpoint: every process tells its random states, process 0 writes, all wait."""
    states = here.gather(here.random_state())
    if here.rank == 0:
        tensors, scalars = _tensors(model, optimizer, states)
        run.store.write(tensors, run.facts(updates) | {"optimizer": scalars}, save)
    here.wait()  # so that none looks for the checkpoint before it is there


def _tensors(model, optimizer, states):
    """Collect what a checkpoint holds; states of the optimiser that are no tensors come second."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    scalars = {}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            kind = tensors if isinstance(value, torch.Tensor) else scalars
            kind[f"optimizer/{index}/{name}"] = value
    for rank, state in enumerate(states):
        tensors |= {f"random/{rank}/{name}": tensor for name, tensor in state.items()}
    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return copies, scalars


def _restore(run, model, optimizer, here):
    """Go back to the checkpoint, if there is one; look at all of it before changing anything."""
    saved = run.store.read(load_file)
    steps = here.gather(saved and saved[1]["step"])
    if len(set(steps)) > 1:
        raise CheckpointError(
            f"the processes find checkpoints of the steps {steps} in {run.store.folder}; "
            "expected a folder that all of them see"
        )
    if saved is None:
        return
    tensors, facts = saved
    require_same_config(run.store.folder, facts["config"], run.config)
    weights = under("model/", tensors)
    require_same_tensors(run.store.folder, weights, model.state_dict())
    state = {}
    for name, value in under("optimizer/", tensors | facts["optimizer"]).items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    model.load_state_dict(weights)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    here.restore_random_state(under(f"random/{here.rank}/", tensors))
    run.restore(facts)


def _described(optimizer):
    """Name the optimiser and its settings in plain values, to compare them on resuming."""
    groups = []
    for group in optimizer.param_groups:
        plain = {name: _plain(value) for name, value in group.items() if name != "params"}
        groups.append(plain | {"parameters": len(group["params"])})
    return {"name": type(optimizer).__name__, "groups": groups}


def _plain(value):
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _check(model, loss, optimizer, precision):
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; expected a torch.nn.Module")
    if not callable(loss):
        raise ValueError(f"loss is {loss!r}; expected a function loss(outputs, targets)")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer is {optimizer!r}; expected a torch.optim.Optimizer")
    known = {id(parameter) for parameter in model.parameters()}
    for group in optimizer.param_groups:
        if any(id(parameter) not in known for parameter in group["params"]):
            raise ValueError("optimizer holds parameters that are not the model's; expected none")
    if precision not in ("auto", "float32"):
        raise ValueError(f"precision is {precision!r}; expected 'auto' or 'float32'")
