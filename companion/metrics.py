"""Metrics of class labels: the confusion matrix and what is counted in it.

The truth stands in the rows and the prediction in the columns, as in scikit-learn. For one class,
called the positive one, the cells have names:

    tp: positive, and found           fn: positive, and missed
    fp: negative, and wrongly raised  tn: negative, and left alone

    precision = tp / (tp + fp)   of those that were raised, how many are right
    recall    = tp / (tp + fn)   of those that are positive, how many were found
    F1        = 2 tp / (2 tp + fp + fn), the harmonic mean of the two

Scores, probabilities and thresholds are the subject of `companion.metrics_scores`, intervals and
comparisons that of `companion.metrics_uncertainty`. All of them need NumPy only.

Shapes: n examples, K classes.
"""

import numpy as np

from companion.metrics_checks import as_labels, same_length

__all__ = ["accuracy", "confusion_matrix", "f1", "precision", "recall"]

AVERAGES = ("binary", "macro", "micro", "weighted", None)


def confusion_matrix(y_true, y_pred, classes=None):
    """Count how often each class is predicted as each.

    Args:
        y_true: The classes, shape (n,): integers, booleans or strings.
        y_pred: The predicted classes, shape (n,).
        classes: The classes in the order of rows and columns; by default all that occur, sorted.
            Classes that do not occur get a row and a column of zeros.

    Returns:
        Integers, shape (K, K): entry [i, j] counts examples of class i that are predicted as j.

    Raises:
        ValueError: If the labels are empty, not finite, of another shape or of unequal number, or
            `classes` misses or repeats one.
    """
    return _counts(y_true, y_pred, classes)[0]


def accuracy(y_true, y_pred):
    """Share of the examples that are predicted correctly, from 0 to 1.

    Args:
        y_true: The classes, shape (n,).
        y_pred: The predicted classes, shape (n,).

    Raises:
        ValueError: As `confusion_matrix`.
    """
    matrix = confusion_matrix(y_true, y_pred)
    return float(np.trace(matrix) / matrix.sum())


def precision(y_true, y_pred, *, average="binary", positive=1, classes=None, undefined=0.0):
    """Of the examples that were given a class, the share that belong to it.

    Args:
        y_true: The classes, shape (n,).
        y_pred: The predicted classes, shape (n,).
        average: "binary" for the class `positive` alone, where at most two classes occur;
            "macro" for the mean over the classes; "weighted" for the mean weighted by how often
            each class occurs in `y_true`; "micro" for the ratio of the summed counts; None for one
            value per class.
        positive: The class that "binary" looks at.
        classes: See `confusion_matrix`.
        undefined: The value for a class where the ratio is 0/0.

    Returns:
        A number from 0 to 1 (or `undefined`); for `average=None` an array, shape (K,).

    Raises:
        ValueError: As `confusion_matrix`; if `average` is unknown, or "binary" does not fit.
    """
    return _average(_precision, y_true, y_pred, average, positive, classes, undefined)


def recall(y_true, y_pred, *, average="binary", positive=1, classes=None, undefined=0.0):
    """Of the examples that belong to a class, the share that were found.

    Arguments, result and errors are those of `precision`.
    """
    return _average(_recall, y_true, y_pred, average, positive, classes, undefined)


def f1(y_true, y_pred, *, average="binary", positive=1, classes=None, undefined=0.0):
    """Harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn).

    Arguments, result and errors are those of `precision`. The ratio is 0/0 only for a class that
    neither occurs nor is predicted.
    """
    return _average(_f1, y_true, y_pred, average, positive, classes, undefined)


def _precision(tp, fp, fn):
    return tp, tp + fp


def _recall(tp, fp, fn):
    return tp, tp + fn


def _f1(tp, fp, fn):
    return 2 * tp, 2 * tp + fp + fn


def _average(ratio, y_true, y_pred, average, positive, classes, undefined):
    """Compute a ratio of counts class by class and average it as `precision` describes."""
    if average not in AVERAGES:
        raise ValueError(f"average is {average!r}; expected one of {AVERAGES}")
    matrix, names = _counts(y_true, y_pred, classes)
    tp = np.diag(matrix)
    fp, fn = matrix.sum(axis=0) - tp, matrix.sum(axis=1) - tp  # (K,)
    if average == "micro":
        above, below = (part.sum(keepdims=True) for part in ratio(tp, fp, fn))
    else:
        above, below = ratio(tp, fp, fn)
    values = np.full(len(below), float(undefined))
    np.divide(above, below, out=values, where=below > 0)
    if average is None:
        return values
    if average == "binary":
        place = _place_of(positive, names)
        return float(undefined if place is None else values[place])
    support = matrix.sum(axis=1)
    return float(np.average(values, weights=support if average == "weighted" else None))


def _place_of(positive, names):
    """Return the row of the positive class; None where nothing is positive."""
    if len(names) > 2:
        raise ValueError(
            f"average is 'binary', but there are {len(names)} classes: {names.tolist()}; "
            "expected at most two, or average='macro', 'micro', 'weighted' or None"
        )
    found = np.flatnonzero(names == positive)
    if len(found):
        return found[0]
    if len(names) == 2 or names.dtype.kind != np.asarray(positive).dtype.kind:
        raise ValueError(f"positive is {positive!r}; expected one of {names.tolist()}")
    return None


def _counts(y_true, y_pred, classes):
    """Return the confusion matrix (K, K) and the classes (K,)."""
    y_true, y_pred = as_labels("y_true", y_true), as_labels("y_pred", y_pred)
    same_length(y_true=y_true, y_pred=y_pred)
    if (y_true.dtype.kind == "U") != (y_pred.dtype.kind == "U"):
        raise ValueError(
            f"y_true holds {y_true.dtype} and y_pred {y_pred.dtype}; expected the same kind of "
            "labels in both, numbers or strings"
        )
    both = np.concatenate([y_true, y_pred])
    names, index = np.unique(both, return_inverse=True)
    if classes is not None:
        names, index = _in_order(names, index, as_labels("classes", classes))
    k, n = len(names), len(y_true)
    pairs = k * index[:n] + index[n:]  # one number for each cell of the matrix
    return np.bincount(pairs, minlength=k * k).reshape(k, k), names


def _in_order(names, index, classes):
    """Number the labels by their place in `classes` instead of among the sorted names."""
    if len(np.unique(classes)) < len(classes):
        raise ValueError(f"classes is {classes.tolist()}; expected each class once")
    place = {name: position for position, name in enumerate(classes.tolist())}
    missing = [name for name in names.tolist() if name not in place]
    if missing:
        raise ValueError(f"classes is {classes.tolist()}; {missing} occur and are not among them")
    return classes, np.array([place[name] for name in names.tolist()])[index]
