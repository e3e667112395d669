"""Seeds, the device, and the switch between laptop scale and full scale."""

import importlib.util
import os
import random
import sys

import numpy as np

__all__ = ["at_scale", "device", "seed_everything"]

SCALES = ("laptop", "full")

# Shifts of COMPANION_SEED must not run into the bases 0, 1, 2, … that a chapter uses itself.
_SHIFT = 1_000

# TensorFlow fills standard error with notes about the machine when it is imported. They say
# nothing about the course; a reader who wants them sets the variable to 0.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def seed_everything(base=0):
    """Seed Python, NumPy and every framework that has been imported.

    Args:
        base: A non-negative integer. The environment variable COMPANION_SEED (default 0) shifts
            it, so that the whole course can be run under other seeds.

    Returns:
        The seed that was used, for generators of one's own: `np.random.default_rng(seed)`.

    Raises:
        ValueError: If `base` or COMPANION_SEED is not a non-negative integer.
    """
    seed = _natural("base", base) + _SHIFT * _natural(
        "COMPANION_SEED", os.environ.get("COMPANION_SEED", "0")
    )
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries still draw from the global generator
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)
    return seed


def device():
    """Name the device for PyTorch: "cuda" where there is a GPU, else "mps", else "cpu".

    Imports torch if it is installed, so that a later `seed_everything` reaches it; without torch
    the answer is "cpu". Keras chooses its device itself.
    """
    if importlib.util.find_spec("torch") is None:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def at_scale(*, laptop, full):
    """Choose a value by the environment variable COMPANION_SCALE ("laptop" if it is not set).

    Args:
        laptop: The value for two CPU cores, a minute and no network.
        full: The value for real data sets, longer training and a GPU.

    Raises:
        ValueError: If COMPANION_SCALE has another value.
    """
    scale = os.environ.get("COMPANION_SCALE", "laptop")
    if scale not in SCALES:
        raise ValueError(f"COMPANION_SCALE is {scale!r}; expected one of {', '.join(SCALES)}")
    return {"laptop": laptop, "full": full}[scale]


def _natural(name, value):
    """Read a non-negative integer that fits NumPy's 32-bit seeds after the shift."""
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or int(text) > 1_000_000:
        raise ValueError(f"{name} is {value!r}; expected an integer from 0 to 1000000")
    return int(text)
