"""N-gram models: the next token from the few before it, by counting.

Absolute discounting, after Chen and Goodman (1999), *An empirical study of smoothing techniques for
language modeling*, doi:10.1006/csla.1999.0128: a context c was seen n_c times in the training text,
followed by d_c different tokens, n_ck times by token k. Every count gives up a fixed part D, which
the shorter context c′, without the first token, spreads:

    q_m(k | c) = (max(n_ck - D, 0) + D · d_c · q_{m-1}(k | c′)) / n_c        q_{-1} = 1/V

A context that was never seen leaves the answer to the shorter one. Counted *sparingly*, after
Kneser and Ney (1995), doi:10.1109/ICASSP.1995.479394, n_ck of all but the longest context is the
number of different tokens in front of c k: what a longer context knows already need not be said
again. Everything is done for whole texts at once, by sorting.

Shapes: N tokens in the training text, n in the text that is predicted, V in the vocabulary.
"""

import numpy as np

from companion.checks import natural, number

__all__ = ["surprises"]


def surprises(training, text, order, vocabulary, *, discount=0.8, sparing=False):
    """Return how surprised a model of one text is by each token of another.

    Args:
        training: Ids, integers from 0 to V - 1, shape (N,).
        text: Ids likewise, shape (n,).
        order: Tokens of context, at least 0; V to the power of order + 1 must fit 63 bits.
        vocabulary: V, at least 2.
        discount: D, from 0 to 1, below 1.
        sparing: Whether shorter contexts count sparingly.

    Returns:
        Surprises -log2 q in bits, float64, shape (n,).

    Raises:
        TypeError: If the ids are no integers.
        ValueError: If an argument is none of these.
    """
    order, vocabulary = natural("order", order, 0), natural("vocabulary", vocabulary, 2)
    discount = number("discount", discount, 0, 1, below=True)
    if vocabulary ** (order + 1) >= 2**63:
        raise ValueError(
            f"order is {order} with a vocabulary of {vocabulary}; expected at most "
            f"{_longest(vocabulary)}, so that a context fits 63 bits"
        )
    training, text = _ids("training", training, vocabulary), _ids("text", text, vocabulary)
    chances = np.full(len(text), 1 / vocabulary)
    for length in range(min(order, len(training) - 1, len(text) - 1) + 1):
        seen = sparing and length < order
        kinds, counts = _kinds(training, length, vocabulary, seen)
        chances[length:] = _mixed(
            _grams(text, length, vocabulary), chances[length:], kinds, counts, vocabulary, discount
        )
    return -np.log2(chances)


def _longest(vocabulary):
    """Return the largest order whose n-grams fit 63 bits."""
    order = 0
    while vocabulary ** (order + 2) < 2**63:
        order += 1
    return order


def _ids(name, tokens, vocabulary):
    tokens = np.asarray(tokens)
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"{name} is {tokens.dtype}; expected integers, token ids")
    if tokens.ndim != 1 or not tokens.size:
        raise ValueError(f"{name} has shape {tokens.shape}; expected at least one token in a row")
    if tokens.min() < 0 or tokens.max() >= vocabulary:
        raise ValueError(
            f"{name} ranges from {tokens.min()} to {tokens.max()}; expected 0 to {vocabulary - 1}"
        )
    return tokens.astype(np.int64)


def _grams(tokens, length, vocabulary):
    """Return each token with the `length` tokens before it as one number: (n - length,)."""
    count = len(tokens) - length
    found = np.zeros(count, dtype=np.int64)
    for start in range(length + 1):
        found = found * vocabulary + tokens[start : start + count]
    return found


def _kinds(training, length, vocabulary, sparing):
    """Return the different n-grams of a text in ascending order, and how often each counts."""
    if not sparing or len(training) < length + 2:
        return np.unique(_grams(training, length, vocabulary), return_counts=True)
    longer = np.unique(_grams(training, length + 1, vocabulary))
    return np.unique(longer % vocabulary ** (length + 1), return_counts=True)


def _mixed(grams, chances, kinds, counts, vocabulary, discount):
    """Return the probabilities of n-grams from their counts and those of shorter contexts."""
    contexts, starts = np.unique(kinds // vocabulary, return_index=True)
    totals = np.add.reduceat(counts, starts)  # n_c
    different = np.diff(np.append(starts, len(kinds)))  # d_c
    place, known = _find(contexts, grams // vocabulary)
    own, there = _find(kinds, grams)
    count = np.where(there, counts[own], 0)  # n_ck
    shared = discount * different[place] * chances
    return np.where(known, (np.maximum(count - discount, 0) + shared) / totals[place], chances)


def _find(ordered, wanted):
    """Return where numbers stand in an ascending array, and whether they stand there at all."""
    place = np.searchsorted(ordered, wanted).clip(max=len(ordered) - 1)
    return place, ordered[place] == wanted
