"""Checks of arguments that several parts of the package make."""

import numpy as np

__all__ = ["natural"]


def natural(name, value, smallest):
    """Return an argument that has to be an integer of at least `smallest`.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"{name} is {value!r}; expected an integer of at least {smallest}")
    return int(value)
