"""Losses, named as in `torch.nn.functional`; each is a mean. Shapes: N samples, C classes.

Logits are what a network returns, before softmax or sigmoid. The losses on logits go through
log-sum-exp, so that no logit is too large for them. Targets are arrays.
"""

import numpy as np

from companion.scratch.functional import as_indices, log_softmax, softplus


def mse_loss(prediction, target):
    """Average the squares of the differences."""
    return (_difference(prediction, target) ** 2).mean()


def huber_loss(prediction, target, delta=1.0):
    """Average d²/2 where |d| ≤ delta, and delta · (|d| - delta/2) elsewhere (Huber, 1964)."""
    if not delta > 0:
        raise ValueError(f"delta is {delta}; expected a positive number")
    difference = _difference(prediction, target)
    # Both cases are c·d - c²/2, where c is d cut off at ±delta; the derivative by d is c in both.
    cut = np.clip(difference.data, -delta, delta)
    return (difference * cut - cut**2 / 2).mean()


def cross_entropy(logits, target):
    """Average -log softmax(logits)[target] for logits (N, C) and N whole numbers below C."""
    if logits.ndim != 2 or np.shape(target) != logits.shape[:1]:
        raise ValueError(f"logits {logits.shape}, target {np.shape(target)}; expected (N, C), (N,)")
    target = as_indices(target, logits.shape[1])
    return -log_softmax(logits)[np.arange(len(target)), target].mean()


def binary_cross_entropy_with_logits(logits, target):
    """Average -target · log p - (1 - target) · log(1 - p), where p = sigmoid(logits)."""
    _difference(logits, target)
    if np.min(target) < 0 or np.max(target) > 1:
        raise ValueError(f"target is {np.min(target)} to {np.max(target)}; expected 0 to 1")
    return (logits * (1 - np.asarray(target)) + softplus(-logits)).mean()


def _difference(prediction, target):
    if prediction.shape != np.shape(target):  # (N, 1) and (N,) would broadcast to (N, N)
        raise ValueError(f"shapes {prediction.shape} and {np.shape(target)}; expected equal ones")
    return prediction - target
