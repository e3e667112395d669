"""Word vectors by counting: positive pointwise mutual information and its factorisation.

Levy and Goldberg (2014), *Neural word embedding as implicit matrix factorization*, NeurIPS:
skip-gram with K noise words factorises, implicitly, this matrix:

    PMI(c, o) − log K,      PMI(c, o) = log [ P(c, o) / (P(c) P(o)) ]

Levy, Goldberg and Dagan (2015), *Improving distributional similarity with lessons learned from word
embeddings*, TACL 3, pages 211 to 225, say how to do the same by counting: what is negative becomes
0, since the PMI of words that never meet is −∞; P(o) is smoothed by the power 0.75, as in noise
sampling; and of M ≈ U Σ Wᵀ, the word vectors are the rows of U √Σ.
"""

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from companion.checks import natural, number
from companion.text.pairs import count

__all__ = ["cooccurrence", "factorise", "positive_pmi"]


def cooccurrence(tokens, vocabulary, window=5):
    """Count how often words stand near each other.

    A pair at distance d counts 1 − (d − 1) / window: the share of the random windows of
    `companion.text.pairs.pairs` that hold it.

    Args:
        tokens: Word ids, integers of shape (n,), n at least 2.
        vocabulary: How many different words there are, V.
        window: The largest distance, at least 1.

    Returns:
        A sparse matrix in CSR form, float64, symmetric, shape (V, V).

    Raises:
        ValueError: If an argument is none of these.
    """
    vocabulary, window = natural("vocabulary", vocabulary, 2), natural("window", window, 1)
    if count(tokens, vocabulary).sum() < 2:
        raise ValueError("there is one token; expected at least 2")
    tokens = np.asarray(tokens)
    total = sparse.csr_matrix((vocabulary, vocabulary))
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        left, right = tokens[:-distance], tokens[distance:]
        weights = np.full(len(left), 1 - (distance - 1) / window)
        total = total + sparse.csr_matrix((weights, (left, right)), total.shape)
    return total + total.T


def positive_pmi(counts, shift=1.0, power=0.75):
    """Return max(0, PMI − log shift).

    Args:
        counts: How often words stand near each other, shape (V, V); sparse or not.
        shift: K, the number of noise words that the matrix is to correspond to; at least 1.
        power: Of the counts of contexts, from 0 to 1; 1 leaves the definition as it is.

    Returns:
        A sparse matrix in CSR form, float64, shape (V, V), in nats.

    Raises:
        ValueError: If the matrix is not square, has a negative number or is 0, or another argument
            is none of these.
    """
    counts = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    if counts.shape[0] != counts.shape[1] or not (counts.data >= 0).all() or not counts.sum() > 0:
        raise ValueError(
            f"the counts have shape {counts.shape} and the sum {counts.sum():g}; expected (V, V), "
            "none below 0, one above it"
        )
    shift, power = number("shift", shift, 1), number("power", power, 0, 1)
    counts.eliminate_zeros()
    centre = np.asarray(counts.sum(axis=1)).ravel()  # (V,)
    context = np.asarray(counts.sum(axis=0)).ravel() ** power
    rows, columns = counts.nonzero()
    ratio = counts.data / centre[rows] / (context[columns] / context.sum())
    counts.data = np.maximum(np.log(ratio / shift), 0)
    counts.eliminate_zeros()
    return counts


def factorise(matrix, width, seed=0):
    """Return the word vectors U √Σ of a truncated singular value decomposition.

    Args:
        matrix: What `positive_pmi` returned, shape (V, V).
        width: Numbers per vector, E, below V.
        seed: Of the randomised algorithm, at least 0.

    Returns:
        Float64, shape (V, E); the directions come in the order of their singular values.

    Raises:
        ValueError: If the width is not from 1 to V − 1, or the seed is none.
    """
    if natural("width", width, 1) >= matrix.shape[0]:
        raise ValueError(f"width is {width}; expected less than the {matrix.shape[0]} words")
    found = TruncatedSVD(width, random_state=natural("seed", seed, 0))
    return found.fit_transform(matrix) / np.sqrt(np.maximum(found.singular_values_, 1e-12))
