"""Checks of the arguments that the metrics share: labels, scores, probabilities, proportions."""

import math

import numpy as np

__all__ = ["as_labels", "as_outcomes", "as_scores", "confidence_level", "same_length"]


def as_labels(name, values):
    """Return class labels as an array (n,) of integers, booleans or strings.

    Whole numbers stored as floats become integers. Other floats are refused, because they are
    mostly probabilities that somebody forgot to turn into labels.

    Raises:
        ValueError: If there is no label, or the values are no list of labels.
    """
    labels = _vector(name, values, "one label for each example")
    if labels.dtype.kind == "f":
        broken = np.flatnonzero(~np.isfinite(labels) | (labels != np.round(labels)))
        if len(broken):
            place = broken[0]
            raise ValueError(
                f"{name}[{place}] is {labels[place]}; expected class labels (integers or strings): "
                "turn probabilities into labels first"
            )
        return labels.astype(np.int64)
    if labels.dtype.kind not in "biuU":
        raise ValueError(
            f"{name} has the type {labels.dtype}; expected class labels (integers or strings)"
        )
    return labels


def as_outcomes(name, values):
    """Return what happened, 0 or 1 for each example, as booleans (n,).

    Raises:
        ValueError: If there is none, or a value is neither 0 nor 1.
    """
    outcomes = as_labels(name, values)
    strange = np.flatnonzero((outcomes != 0) & (outcomes != 1))
    if len(strange):
        raise ValueError(
            f"{name}[{strange[0]}] is {outcomes[strange[0]].item()!r}; expected 0 or 1: "
            f"compare with the positive class first, {name} == positive"
        )
    return outcomes.astype(bool)


def as_scores(name, values, *, probabilities=False):
    """Return finite numbers as float64 (n,); probabilities must lie from 0 to 1.

    Raises:
        ValueError: If there is none, or one is not a finite number, or no probability.
    """
    scores = _vector(name, values, "one number for each example")
    if scores.dtype.kind not in "biuf":
        raise ValueError(f"{name} has the type {scores.dtype}; expected numbers")
    scores = scores.astype(np.float64)
    broken = ~np.isfinite(scores)
    if probabilities:
        broken |= (scores < 0) | (scores > 1)
    if broken.any():
        place = np.flatnonzero(broken)[0]
        accepted = "a probability from 0 to 1" if probabilities else "a finite number"
        raise ValueError(f"{name}[{place}] is {scores[place]}; expected {accepted}")
    return scores


def same_length(**arrays):
    """Require arrays, given by their names, to be equally long.

    Raises:
        ValueError: If two differ.
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{found}; expected one value for each example in all of them")


def confidence_level(value):
    """Return a confidence such as 0.95, which must lie between 0 and 1.

    Raises:
        ValueError: If it does not.
    """
    if isinstance(value, bool) or not math.isfinite(value) or not 0 < value < 1:
        raise ValueError(f"confidence is {value!r}; expected a number between 0 and 1 such as 0.95")
    return float(value)


def _vector(name, values, content):
    """Return an array with one axis that holds something."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected (n,), {content}")
    if len(array) == 0:
        raise ValueError(f"{name} is empty; expected {content}")
    return array
