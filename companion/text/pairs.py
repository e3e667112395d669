"""Pairs of words that stand near each other, and noise words: the training data of skip-gram.

Mikolov, Sutskever, Chen, Corrado and Dean (2013), arXiv:1310.4546, sections 2.2 and 2.3. A text is
an array of word ids, V words in all. c(w) is how often a word occurs, f(w) its share of the text:

    kept with probability  min(1, √(t / f(w)))        frequent words tell little            (5)
    noise drawn with       P(w) ∝ c(w)^0.75           rarer words come more often than in the text

The window around a centre has a random half-width from 1 to its largest, as in the published
program, so near words count more.
"""

import numpy as np

from companion.checks import natural, number

__all__ = ["count", "noise", "pairs", "skip_gram_batches", "subsample"]


def count(tokens, vocabulary):
    """Return how often each word occurs: int64, shape (V,).

    Args:
        tokens: Word ids, integers of shape (n,).
        vocabulary: How many different words there are, V.

    Raises:
        ValueError: If the ids are no such integers, or one is not below V.
    """
    tokens, vocabulary = _checked(tokens), natural("vocabulary", vocabulary, 2)
    if tokens.max() >= vocabulary:
        raise ValueError(
            f"the tokens have ids up to {tokens.max()}; expected 0 to {vocabulary - 1}"
        )
    return np.bincount(tokens, minlength=vocabulary)


def subsample(tokens, seed, threshold=1e-3):
    """Leave out occurrences of frequent words by chance, equation 5.

    Args:
        tokens: Word ids, integers of shape (n,).
        seed: Of NumPy's generator, at least 0.
        threshold: t; words with a smaller share of the text are all kept. 1e-5 is for billions of
            words, 1e-3 for hundreds of thousands.

    Returns:
        The ids that are left, in their order.

    Raises:
        ValueError: If an argument is none of these.
    """
    tokens, rng = _checked(tokens), np.random.default_rng(natural("seed", seed, 0))
    if number("threshold", threshold, 0, 1) == 0:
        raise ValueError("threshold is 0, which would leave nothing; expected a number above 0")
    share = np.bincount(tokens) / len(tokens)  # f
    keep = np.sqrt(threshold / np.maximum(share, threshold))  # min(1, …)
    return tokens[rng.random(len(tokens)) < keep[tokens]]


def pairs(tokens, window, seed):
    """Return each pair of a word and one near it.

    Args:
        tokens: Word ids, integers of shape (n,), n at least 2.
        window: The largest distance, at least 1.
        seed: Of NumPy's generator, at least 0.

    Returns:
        centres: Word ids, shape (P,); first all pairs of neighbours, then those further apart.
        contexts: Word ids, shape (P,).

    Raises:
        ValueError: If an argument is none of these.
    """
    tokens, window = _checked(tokens, 2), natural("window", window, 1)
    rng = np.random.default_rng(natural("seed", seed, 0))
    reach = rng.integers(1, window + 1, size=len(tokens))  # half-widths, (n,)
    centres, contexts = [], []
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        left, right = tokens[:-distance], tokens[distance:]
        wide = reach >= distance
        centres += [left[wide[:-distance]], right[wide[distance:]]]
        contexts += [right[wide[:-distance]], left[wide[distance:]]]
    return np.concatenate(centres), np.concatenate(contexts)


def noise(counts, shape, rng, power=0.75):
    """Draw noise words.

    Args:
        counts: How often each word occurs, shape (V,), not all 0.
        shape: Of the result.
        rng: A NumPy generator.
        power: Of the counts: 1 draws words as the text does, 0 each word equally often.

    Returns:
        Word ids, int64; a word that never occurs is never drawn.

    Raises:
        ValueError: If the counts or the power are none.
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or not (counts >= 0).all() or not counts.any():
        raise ValueError(
            f"the counts have shape {counts.shape}; expected (V,), none below 0, one above it"
        )
    weights = np.where(counts > 0, np.float64(counts) ** number("power", power, 0, 1), 0.0)
    steps = np.cumsum(weights)
    return np.searchsorted(steps, rng.random(shape) * steps[-1], side="right")


def skip_gram_batches(tokens, vocabulary, *, window=5, negatives=5, batch_size=256, seed=0):
    """Return a function that makes the batch of a step, as the trainers take it.

    Pairs are drawn with replacement, with the probabilities that `pairs` gives to them. Thin the
    text out with `subsample` before.

    Args:
        tokens: Word ids, integers of shape (n,), n at least 2.
        vocabulary: How many different words there are, V.
        window: The largest distance between centre and context.
        negatives: Noise words per pair, K.
        batch_size: Pairs per batch, B.
        seed: At least 0; the other numbers are at least 1.

    Returns:
        batch_at(step), the same batch for the same step: ((centres, candidates), targets), ids (B,)
        and (B, 1 + K), the true context first, and float32 (B, 1 + K), 1 for it, 0 for the noise.

    Raises:
        ValueError: If an argument is none of these.
    """
    tokens = _checked(tokens, 2)
    counts = count(tokens, vocabulary)
    negatives, size = natural("negatives", negatives, 1), natural("batch_size", batch_size, 1)
    distances, seed = min(natural("window", window, 1), len(tokens) - 1), natural("seed", seed, 0)
    reached = 1 - np.arange(distances) / window  # of the half-widths, at distance 1, 2, …
    reached *= len(tokens) - np.arange(1, distances + 1)  # as many pairs as there are places

    def batch_at(step):
        rng = np.random.default_rng([seed, natural("step", step, 0)])
        distance = 1 + rng.choice(distances, size=size, p=reached / reached.sum())  # (B,)
        left = np.floor(rng.random(size) * (len(tokens) - distance)).astype(np.int64)
        centres, contexts = tokens[left], tokens[left + distance]
        turned = rng.random(size) < 0.5  # the centre is on the right
        centres, contexts = np.where(turned, (contexts, centres), (centres, contexts))
        others = noise(counts, (size, negatives), rng)
        candidates = np.concatenate([contexts[:, None], others], axis=1)  # (B, 1 + K)
        return (centres, candidates), np.eye(1, 1 + negatives, dtype=np.float32).repeat(size, 0)

    return batch_at


def _checked(tokens, smallest=1):
    """Return word ids as an array of integers."""
    tokens = np.asarray(tokens)
    known = tokens.ndim == 1 and np.issubdtype(tokens.dtype, np.integer)
    if not known or len(tokens) < smallest or tokens.min() < 0:
        raise ValueError(
            f"the tokens are {tokens.dtype} of shape {tokens.shape}; expected integers of shape "
            f"(n,), none below 0, n at least {smallest}"
        )
    return tokens.astype(np.int64, copy=False)
