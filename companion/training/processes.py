"""The place of this process among those that train a PyTorch model together: often the only one.

`torchrun` starts the same script in several processes and tells each its number through environment
variables. Everything here does nothing much in a process of its own.
"""

import atexit
import os
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist

from companion.training.batches import map_parts, split
from companion.training.checkpoint import random_state, restore_random_state

__all__ = ["Place", "place"]


@dataclass(frozen=True)
class Place:
    """One process, its device and its precision.

    Args:
        device: The `torch.device` that it computes on.
        precision: "auto" or "float32".
        rank: Its number, from 0.
        world: The number of processes.
    """

    device: torch.device
    precision: str
    rank: int = 0
    world: int = 1

    def autocast(self):
        """Return the context of a forward pass: bfloat16 on cuda if "auto", else as it is."""
        if self.device.type == "cuda" and self.precision == "auto":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def share(self, batch):
        """Return the triple (inputs, targets, weight) of this process, as tensors on its device.

        See `companion.training.batches.split`.
        """
        inputs, targets, weight = split(batch, self.rank, self.world)
        return *map_parts(self._tensor, (inputs, targets)), weight

    def mean(self, value):
        """Return the mean of a scalar tensor over the processes as a float."""
        if self.world == 1:
            return value.item()
        total = value.detach().clone()
        dist.all_reduce(total)
        return total.item() / self.world

    def any(self, flag):
        """Tell whether the flag is set in any process."""
        if self.world == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(flags)
        return flags.item() > 0

    def gather(self, value):
        """Return the list of what each process holds."""
        if self.world == 1:
            return [value]
        values = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def wait(self):
        """Wait until every process is here."""
        if self.world > 1:
            dist.barrier()

    def random_state(self):
        """Return the states of the generators of torch, NumPy and Python as tensors by name."""
        state = {name: torch.from_numpy(array) for name, array in random_state().items()}
        state["torch"] = torch.get_rng_state()
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def restore_random_state(self, state):
        """Set the generators to what `random_state` returned."""
        restore_random_state({name: tensor.numpy() for name, tensor in state.items()})
        torch.set_rng_state(state["torch"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.device)

    def _tensor(self, part):
        tensor = torch.as_tensor(part)
        if isinstance(part, np.ndarray) and tensor.is_floating_point():
            tensor = tensor.to(torch.get_default_dtype())  # NumPy's float64 is rarely meant
        return tensor.to(self.device)


def place(device, precision, batches):
    """Join the other processes, if there are any, and stay with them to the end of the script.

    Args:
        device: Where to compute; under torchrun, "cuda" is the GPU of the process's local number.
        precision: "auto" or "float32".
        batches: The `Batches` to be shared.

    Returns:
        The `Place` of this process.

    Raises:
        ValueError: If the batch size is no multiple of the number of processes.
    """
    device = torch.device(device)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Place(device, precision)
    if batches.count is not None and batches.batch_size % world:
        raise ValueError(
            f"batch_size is {batches.batch_size} for {world} processes; expected a multiple"
        )
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)  # and not before: processes cannot join a second time
    rank = dist.get_rank()
    if rank > 0:  # a script seeds all its processes alike, but their dropout must differ
        torch.manual_seed(torch.initial_seed() + rank)
    return Place(device, precision, rank, world)


def _leave():
    if dist.is_initialized():
        dist.destroy_process_group()
