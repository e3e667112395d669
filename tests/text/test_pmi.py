"""PMI and its factorisation: against counts by hand, NumPy's own decomposition, and structure."""

import re

import numpy as np
import pytest
from scipy import sparse

from companion.text.pmi import cooccurrence, factorise, positive_pmi


def test_near_words_are_counted_by_hand():
    found = cooccurrence([0, 1, 2, 1], 4, window=2).toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1  # 0 1 side by side
    expected[1, 2] = expected[2, 1] = 2  # 1 2 and 2 1
    expected[0, 2] = expected[2, 0] = 0.5  # 0 2 at distance 2
    expected[1, 1] = 2 * 0.5  # 1 with itself, seen from both
    np.testing.assert_array_equal(found, expected)


def test_pmi_is_its_definition():
    counts = np.random.default_rng(0).integers(0, 5, size=(6, 6)).astype(float)
    counts += counts.T
    joint = counts / counts.sum()
    with np.errstate(divide="ignore"):
        pmi = np.log(joint / joint.sum(axis=1, keepdims=True) / joint.sum(axis=0))
    np.testing.assert_allclose(positive_pmi(counts, power=1).toarray(), np.maximum(pmi, 0))
    shifted = positive_pmi(sparse.coo_matrix(counts), shift=2, power=1).toarray()
    np.testing.assert_allclose(shifted, np.maximum(pmi - np.log(2), 0))
    smooth = joint.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore"):
        pmi = np.log(joint / joint.sum(axis=1, keepdims=True) / (smooth / smooth.sum()))
    np.testing.assert_allclose(positive_pmi(counts).toarray(), np.maximum(pmi, 0))


def test_the_counts_are_not_changed_and_words_without_neighbours_stay_0():
    counts = sparse.csr_matrix(np.array([[0, 3.0, 0], [3, 0, 0], [0, 0, 0]]))
    before = counts.copy()
    found = positive_pmi(counts).toarray()
    assert (counts != before).nnz == 0
    assert np.isfinite(found).all() and not found[2].any() and not found[:, 2].any()


def test_the_factors_are_those_of_the_singular_value_decomposition():
    matrix = np.abs(np.random.default_rng(0).normal(size=(12, 12)))
    u, sigma, _ = np.linalg.svd(matrix)
    found = factorise(sparse.csr_matrix(matrix), 3)
    expected = u[:, :3] * np.sqrt(sigma[:3])
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-6)
    np.testing.assert_array_equal(factorise(sparse.csr_matrix(matrix), 3), found)


def test_words_in_the_same_company_have_similar_vectors():
    """Words 0 and 1 stand beside 4, words 2 and 3 beside 5, and never beside each other."""
    choice = np.random.default_rng(0).integers(2, size=(2, 1000))
    tokens = np.stack(
        [np.array([[0], [2]]) + choice, np.full((2, 1000), [[4], [5]])], axis=2
    ).ravel()
    vectors = factorise(positive_pmi(cooccurrence(tokens, 6, window=1)), 3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.9 and unit[2] @ unit[3] > 0.9
    assert max(abs(unit[0] @ unit[2]), abs(unit[1] @ unit[3])) < 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cooccurrence([1], 2), "there is one token; expected at least 2"),
        (lambda: cooccurrence([1, 2], 2), "ids up to 2; expected 0 to 1"),
        (lambda: cooccurrence([1, 0], 2, 0), "window is 0"),
        (lambda: positive_pmi(np.zeros((2, 2))), "the sum 0; expected (V, V), none below 0"),
        (lambda: positive_pmi(np.ones((2, 3))), "the counts have shape (2, 3)"),
        (lambda: positive_pmi(np.array([[2, -1], [1, 1]])), "none below 0"),
        (lambda: positive_pmi(np.eye(2), shift=0.5), "shift is 0.5; expected a number of at least"),
        (lambda: positive_pmi(np.eye(2), power=2), "power is 2"),
        (lambda: factorise(np.eye(3), 3), "width is 3; expected less than the 3 words"),
        (lambda: factorise(np.eye(3), 0), "width is 0"),
        (lambda: factorise(np.eye(3), 1, seed=-1), "seed is -1"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
