"""Sinusoidal positions: vectors that tell a Transformer where a token stands."""

import numpy as np

from companion.checks import natural

__all__ = ["sinusoids"]


def sinusoids(length, width):
    """Return the vectors of section 3.5 of Vaswani et al. (2017).

    Place p gets sin(p / 10000^(2i/E)) as its number 2i and the cosine of the same as 2i + 1. The
    vector of p + k is that of p, turned by angles that depend on k only.

    Args:
        length: How many places, T, at least 1.
        width: Numbers per vector, E, even.

    Returns:
        Float32, shape (T, E).

    Raises:
        ValueError: If a number is not such an integer.
    """
    length, width = natural("length", length, 1), natural("width", width, 2)
    if width % 2:
        raise ValueError(f"width is {width}; expected an even number")
    speeds = 10_000.0 ** (-np.arange(0, width, 2) / width)  # radians per place, (E/2,)
    angles = np.arange(length)[:, None] * speeds  # (T, E/2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype("f4")
