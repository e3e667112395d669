"""What dividing a computation gains and costs: the formulas behind a plan for several devices.

Notation: p devices (or stages), n bytes, m micro-batches, Ψ parameters. Every cost is a model: it
leaves out what overlaps with computing, what shares a wire, and what the allocator wastes.

- Amdahl (1967), *Validity of the Single Processor Approach to Achieving Large-Scale Computing
  Capabilities*, doi:10.1145/1465482.1465560; Gustafson (1988), *Reevaluating Amdahl's Law*,
  doi:10.1145/42411.42415.
- Thakur, Rabenseifner and Gropp (2005), *Optimization of Collective Communication Operations in
  MPICH*, doi:10.1177/1094342005051521: a message of n bytes takes α + n·β. We leave out their γ,
  the time for adding two numbers.
- Rajbhandari and others (2020), *ZeRO*, arXiv:1910.02054, section 5.
- Huang and others (2019), *GPipe*, arXiv:1811.06965, section 2.3.
"""

from dataclasses import dataclass

import numpy as np

from companion.checks import natural

__all__ = [
    "ModelStates",
    "amdahl",
    "bubble_fraction",
    "gustafson",
    "ring_all_reduce",
    "tree_all_reduce",
    "zero_states",
]


def amdahl(serial, devices):
    """Return how many times faster p devices finish the same work.

        speed-up = 1 / (s + (1 − s) / p)

    Args:
        serial: s, the share of the time on one device that cannot be divided, 0 to 1.
        devices: p, at least 1; numbers or arrays that broadcast.

    Raises:
        ValueError: If an argument is out of range.
    """
    serial, devices = _share(serial), _devices(devices)
    return 1 / (serial + (1 - serial) / devices)


def gustafson(serial, devices):
    """Return how many times as much work p devices finish in the same time.

        speed-up = s + (1 − s) · p

    Args:
        serial: s, the share of the time on p devices in which only one works, 0 to 1. This is
            another share than Amdahl's.
        devices: p, at least 1; numbers or arrays that broadcast.

    Raises:
        ValueError: If an argument is out of range.
    """
    serial, devices = _share(serial), _devices(devices)
    return serial + (1 - serial) * devices


def ring_all_reduce(devices, size, alpha, beta):
    """Return the seconds of an all-reduce in a ring: 2 (p − 1) messages of n / p bytes each.

    Args:
        devices: p, at least 1.
        size: n, the bytes that each device holds.
        alpha: Seconds that a message takes however short it is.
        beta: Seconds per byte.

    All may be arrays that broadcast.

    Raises:
        ValueError: If p is below 1 or another argument is negative.
    """
    p, size, alpha, beta = _communication(devices, size, alpha, beta)
    return 2 * (p - 1) * (alpha + size / p * beta)


def tree_all_reduce(devices, size, alpha, beta):
    """Return the seconds of a reduction up a binary tree and a broadcast down it.

    Each way takes ⌈log₂ p⌉ messages of n bytes one after the other. Arguments as of
    `ring_all_reduce`.
    """
    p, size, alpha, beta = _communication(devices, size, alpha, beta)
    return 2 * np.ceil(np.log2(p)) * (alpha + size * beta)


@dataclass(frozen=True)
class ModelStates:
    """Bytes per device that last from step to step; activations come on top."""

    parameters: float
    gradients: float
    optimizer: float

    @property
    def total(self):
        """All three together."""
        return self.parameters + self.gradients + self.optimizer


def zero_states(
    parameters, devices, stage, *, parameter_bytes=2, gradient_bytes=2, optimizer_bytes=12
):
    """Return the `ModelStates` of one device in data-parallel training with ZeRO.

    Stage 0 keeps everything on each device; 1 divides the states of the optimiser; 2 the gradients
    as well; 3 the parameters as well. The defaults are the paper's: half precision, and Adam with a
    copy of the parameters and two moments in single precision (4 + 4 + 4 bytes).

    Args:
        parameters: Ψ, at least 1.
        devices: p, at least 1.
        stage: 0, 1, 2 or 3.
        parameter_bytes: Bytes per parameter.
        gradient_bytes: Bytes per gradient.
        optimizer_bytes: Bytes of the optimiser per parameter.

    Raises:
        ValueError: If an argument is out of range.
    """
    count, p = natural("parameters", parameters, 1), natural("devices", devices, 1)
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage is {stage!r}; expected 0, 1, 2 or 3")
    sizes = {"parameters": parameter_bytes, "gradients": gradient_bytes}
    sizes["optimizer"] = optimizer_bytes
    for name, size in sizes.items():
        if size < 0:
            raise ValueError(f"the bytes of {name} are {size!r}; expected 0 or more")
    first_divided = {"parameters": 3, "gradients": 2, "optimizer": 1}  # from which stage on
    return ModelStates(
        **{
            name: size * count / (p if stage >= first_divided[name] else 1)
            for name, size in sizes.items()
        }
    )


def bubble_fraction(stages, micro_batches):
    """Return the share of a step that each stage of a pipeline waits: (p − 1) / (m + p − 1).

    It holds for GPipe and for 1F1B (one forward, one backward), if all stages take equally long.

    Args:
        stages: p, at least 1.
        micro_batches: m, at least 1.

    Raises:
        ValueError: If an argument is not an integer of at least 1.
    """
    stages = natural("stages", stages, 1)
    return (stages - 1) / (natural("micro_batches", micro_batches, 1) + stages - 1)


def _share(serial):
    serial = np.asarray(serial, dtype=float)
    if not np.all((serial >= 0) & (serial <= 1)):
        raise ValueError(f"serial is {serial}; expected a share from 0 to 1")
    return serial


def _devices(devices):
    devices = np.asarray(devices, dtype=float)
    if not np.all(devices >= 1):
        raise ValueError(f"devices is {devices}; expected at least 1")
    return devices


def _communication(devices, size, alpha, beta):
    checked = [_devices(devices)]
    for name, value in (("size", size), ("alpha", alpha), ("beta", beta)):
        value = np.asarray(value, dtype=float)
        if not np.all(value >= 0):
            raise ValueError(f"{name} is {value}; expected 0 or more")
        checked.append(value)
    return checked
