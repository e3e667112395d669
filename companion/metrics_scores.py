"""Metrics of scores and probabilities: thresholds, ROC, precision and recall, calibration.

A score says how positive an example looks; a threshold turns it into a label: positive where
score >= threshold. The curves of this module try every threshold that makes a difference. A
probability is a score that can be checked: of the examples given 0.8, eight in ten should be
positive. `y_true` holds 0 and 1 (or booleans) everywhere. Conventions are scikit-learn's.

For several classes, calibration is asked of the answer that the model chose: pass whether it was
right as `y_true`, and its probability as `probability` (Guo and others 2017, arXiv:1706.04599).

Shapes: n examples, T thresholds.
"""

import numpy as np

from companion.checks import natural
from companion.metrics_checks import as_outcomes, as_scores, same_length

__all__ = [
    "auc",
    "average_precision",
    "brier_score",
    "calibration_curve",
    "expected_calibration_error",
    "precision_recall_curve",
    "roc_curve",
]


def roc_curve(y_true, scores):
    """Rates of false and of true alarms at every threshold, from the strictest on.

    Args:
        y_true: 0 or 1, shape (n,); both must occur.
        scores: The higher, the more positive, shape (n,).

    Returns:
        false_positive_rate: Share of the negatives that are raised, shape (T,), from 0 to 1.
        true_positive_rate: Share of the positives that are raised (recall), shape (T,).
        thresholds: Falling, shape (T,): infinity, which raises nothing, then each different score.

    Raises:
        ValueError: If the arrays are empty, differ in length, hold something else, or one of the
            two classes is missing.
    """
    raised, found, thresholds = _alarms(y_true, scores)
    positives, negatives = found[-1], raised[-1] - found[-1]
    for name, count in (("1", positives), ("0", negatives)):
        if count == 0:
            raise ValueError(f"y_true has no {name}; expected both classes, a ROC compares them")
    false_positive_rate = np.append(0.0, (raised - found) / negatives)
    return false_positive_rate, np.append(0.0, found / positives), np.append(np.inf, thresholds)


def auc(y_true, scores):
    """Area under the ROC curve.

    It is the probability that a positive example gets a higher score than a negative one, both
    drawn at random, where a tie counts one half (Hanley and McNeil 1982).

    Args:
        y_true: 0 or 1, shape (n,); both must occur.
        scores: Shape (n,).

    Returns:
        A number from 0 to 1; scores without a relation to the truth give 1/2 on average.

    Raises:
        ValueError: As `roc_curve`.
    """
    x, y, _ = roc_curve(y_true, scores)
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def precision_recall_curve(y_true, scores):
    """Precision and recall at every threshold, from the mildest on.

    Args:
        y_true: 0 or 1, shape (n,); at least one 1.
        scores: Shape (n,).

    Returns:
        precision: Shape (T + 1,). The last entry is 1, for a threshold that raises nothing.
        recall: Shape (T + 1,), from 1 to 0.
        thresholds: The different scores, rising, shape (T,).

    Raises:
        ValueError: As `roc_curve`, except that the negatives may be missing.
    """
    raised, found, thresholds = _alarms(y_true, scores)
    if found[-1] == 0:
        raise ValueError("y_true has no 1; expected at least one, recall is a share of them")
    precision, recall = found / raised, found / found[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def average_precision(y_true, scores):
    """Mean precision over the positives, each at the threshold that just finds it.

    It is the area under the steps of the precision-recall curve. Scores without a relation to the
    truth give about the share of positives.

    Args:
        y_true: 0 or 1, shape (n,); at least one 1.
        scores: Shape (n,).

    Raises:
        ValueError: As `precision_recall_curve`.
    """
    precision, recall, _ = precision_recall_curve(y_true, scores)
    return float(-np.sum(np.diff(recall) * precision[:-1]))


def brier_score(y_true, probability):
    """Mean squared difference between what happened and its probability (Brier 1950).

    Args:
        y_true: 0 or 1, shape (n,).
        probability: Of a 1, shape (n,).

    Returns:
        A number from 0, for certain and right, to 1; always saying 1/2 gives 1/4.

    Raises:
        ValueError: If the arrays are empty, differ in length, or hold something else.
    """
    y_true, probability = _forecasts(y_true, probability)
    return float(np.mean((probability - y_true) ** 2))


def calibration_curve(y_true, probability, bins=10):
    """Compare probabilities with frequencies, in bins of equal width.

    Args:
        y_true: 0 or 1, shape (n,).
        probability: Of a 1, shape (n,).
        bins: How many bins divide 0 to 1. A bin includes its upper edge, the first also 0.

    Returns:
        predicted: Mean probability in each bin that is not empty, shape (B,).
        observed: Share of ones there, shape (B,).
        count: Number of examples there, shape (B,).

    Raises:
        ValueError: As `brier_score`, or if `bins` is not a natural number.
    """
    y_true, probability = _forecasts(y_true, probability)
    bins = natural("bins", bins, smallest=1)
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probability)  # (n,)
    count = np.bincount(place, minlength=bins)
    used = count > 0
    predicted = np.bincount(place, weights=probability, minlength=bins)[used] / count[used]
    observed = np.bincount(place, weights=y_true, minlength=bins)[used] / count[used]
    return predicted, observed, count[used]


def expected_calibration_error(y_true, probability, bins=10):
    """Mean gap between probability and frequency over the bins, weighted by their examples.

    A sample gives too high a value: even perfect probabilities leave gaps by chance.

    Args:
        y_true: 0 or 1, shape (n,).
        probability: Of a 1, shape (n,).
        bins: See `calibration_curve`.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: As `calibration_curve`.
    """
    predicted, observed, count = calibration_curve(y_true, probability, bins)
    return float(np.average(np.abs(predicted - observed), weights=count))


def _alarms(y_true, scores):
    """Count, for each different score as threshold, falling: all raised, and the true ones."""
    y_true, scores = as_outcomes("y_true", y_true), as_scores("scores", scores)
    same_length(y_true=y_true, scores=scores)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each group of ties
    return last + 1, np.cumsum(y_true[order])[last], ranked[last]


def _forecasts(y_true, probability):
    y_true = as_outcomes("y_true", y_true)
    probability = as_scores("probability", probability, probabilities=True)
    same_length(y_true=y_true, probability=probability)
    return y_true, probability
