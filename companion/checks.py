"""Checks of arguments that several parts of the package make."""

import math
import numbers

import numpy as np

__all__ = ["image_batch", "natural", "number", "one_of"]


def natural(name, value, smallest):
    """Return an argument that has to be an integer of at least `smallest`.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"{name} is {value!r}; expected an integer of at least {smallest}")
    return int(value)


def number(name, value, low, high=math.inf, *, below=False):
    """Return an argument that has to be a finite number from `low` to `high`.

    Args:
        name: The argument's name, for the message.
        value: What was given.
        low: The smallest number that is accepted.
        high: The largest; infinity for none.
        below: Whether `high` itself is refused.

    Raises:
        ValueError: If it is none.
    """
    known = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if (
        not known
        or not math.isfinite(value)
        or not low <= value <= high
        or (below and value == high)
    ):
        end = "" if high == math.inf else f" and {'below' if below else 'at most'} {high}"
        raise ValueError(f"{name} is {value!r}; expected a number of at least {low}{end}")
    return float(value)


def one_of(name, value, accepted):
    """Return an argument that has to be one of some names.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(value, str) or value not in accepted:
        names = ", ".join(map(repr, accepted))
        raise ValueError(f"{name} is {value!r}; expected one of {names}")
    return value


def image_batch(images):
    """Return images that have to be float32 from 0 to 1, at least one of them.

    Args:
        images: An array of shape (n, h, w) or (n, h, w, c).

    Raises:
        TypeError: If they are no float32 array.
        ValueError: If the shape or a value is another.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.float32:
        what = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images are {what}; expected a NumPy array of float32 from 0 to 1")
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise ValueError(
            f"images have shape {images.shape}; expected (n, h, w) or (n, h, w, c), none of them 0"
        )
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # a NaN is neither
        raise ValueError(
            f"images range from {low:g} to {high:g}; expected 0 to 1: divide bytes by 255"
        )
    return images
