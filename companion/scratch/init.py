"""Random initial weights that let signals neither die out nor blow up on their way through layers.

An output of a layer adds up `fan_in` products; on the way back, an input adds up `fan_out`. Glorot
and Bengio (2010), torch's Xavier, keep the variance of both, in the mean. He et al. (2015), torch's
Kaiming, keep that of the outputs and make up for what ReLU cuts off. Weights are (out, in, ...).
"""

import math


def xavier_uniform(shape, rng):
    """Draw evenly, with the standard deviation √(2 / (fan_in + fan_out))."""
    return math.sqrt(6 / sum(fans(shape))) * rng.uniform(-1, 1, shape)


def xavier_normal(shape, rng):
    """Draw normally, with the standard deviation √(2 / (fan_in + fan_out))."""
    return math.sqrt(2 / sum(fans(shape))) * rng.normal(0, 1, shape)


def kaiming_uniform(shape, rng):
    """Draw evenly, with the standard deviation √(2 / fan_in)."""
    return math.sqrt(6 / fans(shape)[0]) * rng.uniform(-1, 1, shape)


def kaiming_normal(shape, rng):
    """Draw normally, with the standard deviation √(2 / fan_in)."""
    return math.sqrt(2 / fans(shape)[0]) * rng.normal(0, 1, shape)


def fans(shape):
    """Return fan_in and fan_out of a weight (out, in) or (out, in, height, width)."""
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"shape is {shape}; expected (out, in) or (out, in, height, width)")
    pixels = math.prod(shape[2:])
    return shape[1] * pixels, shape[0] * pixels
