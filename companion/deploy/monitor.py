"""Whether the world is still the one that a model was trained for.

Three questions, of which only the last needs labels:

    inputs        does each column still look as it did in training?       `drifted_columns`
    outputs       does the model still answer as it did on its holdout?    the same, on one column
    performance   is it right as often as it was?                          `worse_than`

Shapes: m reference rows, n rows of the window that is looked at, d columns.
"""

import numpy as np
from scipy import stats

__all__ = ["drifted_columns", "holm", "kolmogorov_smirnov", "population_stability", "worse_than"]


def population_stability(reference, window, bins=10):
    """Population stability index of each column, Σ (q − p) ln(q / p) over bins.

    p and q are the shares of the reference and of the window in bins that hold equal shares of
    the reference. Half a row is added to each bin, because an empty one would make the index
    infinite. Where nothing has changed its mean is about (bins − 1)(1/m + 1/n): a fixed limit
    such as 0.25 means something else for each size of the window (Yurdakul and Naranjo 2020).

    Args:
        reference: Shape (m, d).
        window: Shape (n, d).
        bins: At least 2.

    Returns:
        Shape (d,), 0 or more.

    Raises:
        ValueError: If a shape does not fit or there are too few bins.
    """
    reference, window = _tables(reference, window)
    if bins < 2:
        raise ValueError(f"bins is {bins}; expected at least 2")
    result = np.empty(reference.shape[1])
    for column in range(len(result)):
        edges = np.quantile(reference[:, column], np.arange(1, bins) / bins)  # (bins - 1,)
        p, q = (
            np.bincount(np.searchsorted(edges, table[:, column]), minlength=bins) + 0.5
            for table in (reference, window)
        )
        p, q = p / p.sum(), q / q.sum()
        result[column] = np.sum((q - p) * np.log(q / p))
    return result


def kolmogorov_smirnov(reference, window):
    """Two-sample test of each column: the largest gap between the two distribution functions.

    Args:
        reference: Shape (m, d).
        window: Shape (n, d).

    Returns:
        The gaps, shape (d,), from 0 to 1, and their p-values, shape (d,): the probability of such
        a gap or a larger one if nothing had changed (asymptotic; too large where values tie).

    Raises:
        ValueError: If a shape does not fit.
    """
    reference, window = _tables(reference, window)
    (m, d), n = reference.shape, len(window)
    gaps = np.empty(d)
    for column in range(d):
        old, new = np.sort(reference[:, column]), np.sort(window[:, column])
        both = np.concatenate([old, new])
        below = [np.searchsorted(values, both, side="right") / len(values) for values in (old, new)]
        gaps[column] = np.abs(below[0] - below[1]).max()
    return gaps, stats.kstwo.sf(gaps, round(m * n / (m + n)))


def holm(p_values):
    """Adjust p-values for their number, so that any of them is below a level by chance that rarely.

    The smallest is multiplied by their number d, the next by d − 1, and so on (Holm 1979). Holds
    whether the tests depend on each other or not.

    Args:
        p_values: Shape (d,).

    Returns:
        Shape (d,), at most 1, in the order of `p_values`.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    raised = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(raised)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def drifted_columns(reference, window, level=0.01):
    """Tell which columns of a window do not look like the reference.

    Args:
        reference: Shape (m, d).
        window: Shape (n, d).
        level: How often at most a window is suspected that has not changed, above 0 and below 1.

    Returns:
        The numbers of the columns whose adjusted p-value is below the level, and all adjusted
        p-values, shape (d,).

    Raises:
        ValueError: If a shape does not fit or the level is out of range.
    """
    adjusted = holm(kolmogorov_smirnov(reference, window)[1])
    return np.flatnonzero(adjusted < _level(level)), adjusted


def worse_than(expected, correct, level=0.01):
    """Tell whether a model is right less often than expected (exact binomial test).

    Args:
        expected: The share of right answers that was promised, from 0 to 1.
        correct: Whether it was right, for each labelled answer, shape (n,), n at least 1.
        level: How often at most a model is suspected that keeps its promise.

    Returns:
        The pair (whether it is suspected, p-value).

    Raises:
        ValueError: If an argument is out of range.
    """
    correct = np.asarray(correct)
    if correct.ndim != 1 or len(correct) == 0 or not np.isin(correct, (0, 1)).all():
        raise ValueError(f"correct has shape {correct.shape}; expected n values, each 0 or 1")
    if not 0 <= expected <= 1:
        raise ValueError(f"expected is {expected}; expected a share from 0 to 1")
    p_value = float(stats.binom.cdf(correct.sum(), len(correct), expected))
    return p_value < _level(level), p_value


def _level(level):
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number above 0 and below 1")
    return level


def _tables(reference, window):
    reference, window = np.asarray(reference, dtype=float), np.asarray(window, dtype=float)
    shapes = reference.shape, window.shape
    if (
        len(shapes[0]) != 2
        or len(shapes[1]) != 2
        or shapes[0][1] != shapes[1][1]
        or 0 in sum(shapes, ())
    ):
        raise ValueError(f"reference and window have the shapes {shapes}; expected (m, d), (n, d)")
    if not (np.isfinite(reference).all() and np.isfinite(window).all()):
        raise ValueError("reference and window: expected finite numbers")
    return reference, window
