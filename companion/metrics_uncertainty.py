"""How far a metric can be trusted: intervals, and the comparison of two models.

A test set is a sample. Another one would give another number; an interval says how different.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from companion.checks import natural
from companion.metrics_checks import as_outcomes, confidence_level, same_length

__all__ = ["McNemar", "bootstrap_interval", "mcnemar", "wilson_interval"]


class McNemar(NamedTuple):
    """The result of `mcnemar`.

    Attributes:
        only_a: Number of examples that A alone gets right.
        only_b: Number of examples that B alone gets right.
        p_value: Probability of a difference at least as large if both were equally good.
    """

    only_a: int
    only_b: int
    p_value: float


def bootstrap_interval(statistic, *arrays, confidence=0.95, repeats=1000, seed=0):
    """Percentile interval of a statistic over samples drawn from the sample (Efron 1979).

    Rows are drawn with replacement, the same rows from all arrays, so that what belongs together
    stays together. For small samples and statistics near an end of their range the interval is too
    short: see `wilson_interval` for a proportion.

    Args:
        statistic: A function of the arrays that returns a number.
        *arrays: One or more, with n rows each.
        confidence: Share of the resampled values that the interval spans.
        repeats: How often to resample, at least 1.
        seed: Of NumPy's generator, at least 0.

    Returns:
        The lower and the upper end.

    Raises:
        ValueError: If there is no array, they are empty or differ in length, an option is out of
            range, or a resampled value is not a finite number.
    """
    confidence = confidence_level(confidence)
    arrays = [np.asarray(values) for values in arrays]
    if not arrays or any(values.ndim == 0 or len(values) == 0 for values in arrays):
        shapes = [values.shape for values in arrays]
        raise ValueError(f"arrays have the shapes {shapes}; expected at least one, with rows")
    same_length(**{f"arrays[{place}]": values for place, values in enumerate(arrays)})
    rng = np.random.default_rng(natural("seed", seed, smallest=0))
    n = len(arrays[0])
    results = np.empty(natural("repeats", repeats, smallest=1))
    for repeat in range(len(results)):
        rows = rng.integers(n, size=n)
        results[repeat] = statistic(*(values[rows] for values in arrays))
        if not math.isfinite(results[repeat]):
            raise ValueError(
                f"statistic gave {results[repeat]} for resample {repeat}; expected a "
                "finite number for any sample of the rows"
            )
    low, high = np.quantile(results, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def wilson_interval(successes, n, confidence=0.95):
    """Interval for a proportion of which n trials are known (Wilson 1927).

    It holds the proportions p from which the observed one is at most z standard errors
    sqrt(p (1 - p) / n) away, with the normal quantile z.

    Args:
        successes: How many trials succeeded, from 0 to n.
        n: How many trials there were, at least 1.
        confidence: How often the interval should hold the true proportion.

    Returns:
        The lower and the upper end, both from 0 to 1.

    Raises:
        ValueError: If an argument is out of range.
    """
    n = natural("n", n, smallest=1)
    successes = natural("successes", successes, smallest=0)
    if successes > n:
        raise ValueError(f"successes is {successes}; expected at most n, which is {n}")
    z = NormalDist().inv_cdf((1 + confidence_level(confidence)) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # The share lies inside; saying so keeps rounding from putting an end beyond it.
    return max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach))


def mcnemar(correct_a, correct_b):
    """Exact test whether two models are equally good on the same examples (McNemar 1947).

    Examples that both get right, or both wrong, do not tell them apart. If the models are equally
    good, each of the others is a fair coin, so the number that A alone gets right is binomial. The
    p-value is twice the smaller tail, and at most 1.

    Args:
        correct_a: Whether model A is right, for each example, shape (n,).
        correct_b: Whether model B is right, for the same examples in the same order, shape (n,).

    Returns:
        A `McNemar`.

    Raises:
        ValueError: If the arrays are empty, differ in length, or hold anything but 0 and 1.
    """
    correct_a, correct_b = as_outcomes("correct_a", correct_a), as_outcomes("correct_b", correct_b)
    same_length(correct_a=correct_a, correct_b=correct_b)
    only_a = int(np.sum(correct_a & ~correct_b))
    only_b = int(np.sum(correct_b & ~correct_a))
    p_value = min(1.0, 2 * _fair_coins_at_most(min(only_a, only_b), only_a + only_b))
    return McNemar(only_a, only_b, p_value)


def _fair_coins_at_most(heads, n):
    """Probability that n fair coins show at most `heads` heads."""
    # Binomial coefficients overflow from n = 1030 on; their logarithms do not.
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(heads + 1)
    ]
    return math.fsum(map(math.exp, logs))
