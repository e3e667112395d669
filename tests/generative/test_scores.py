"""Scores of samples against closed forms, brute force and their values for equal distributions."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import special_ortho_group

from companion.generative.scores import (
    density_coverage,
    features_frechet_distance,
    frechet_distance,
    precision_recall,
)

RNG = np.random.default_rng(0)


def _covariance(size, rank=None):
    factor = RNG.normal(size=(size, rank or size + 2))
    return factor @ factor.T


def test_frechet_distance_in_closed_form():
    mean, other = np.array([1.0, 2.0]), np.array([4.0, -2.0])
    a, b = np.array([4.0, 9.0]), np.array([1.0, 16.0])
    assert frechet_distance(mean, np.diag(a), mean, np.diag(a)) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(mean, np.diag(a), other, np.diag(a)) == pytest.approx(25)
    # Independent parts: |μ₁ − μ₂|² + Σ (σ₁ − σ₂)².
    assert frechet_distance(mean, np.diag(a), other, np.diag(b)) == pytest.approx(25 + 1 + 1)
    assert frechet_distance([0], [[0]], [3], [[4]]) == pytest.approx(9 + 4)


@pytest.mark.parametrize("rank", [None, 2])
def test_frechet_distance_as_it_is_written_in_the_paper(rank):
    mean, other = RNG.normal(size=(2, 5))
    one, two = _covariance(5, rank), _covariance(5)
    # A matrix without full rank has no root that sqrtm finds, so it is lifted by very little.
    root = sqrtm((one + (1e-10 * np.eye(5) if rank else 0)) @ two).real
    expected = np.sum((mean - other) ** 2) + np.trace(one + two - 2 * root)
    assert frechet_distance(mean, one, other, two) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(other, two, mean, one) == pytest.approx(expected, rel=1e-4)
    turn = special_ortho_group.rvs(5, random_state=0)
    turned = (turn @ mean, turn @ one @ turn.T, turn @ other, turn @ two @ turn.T)
    assert frechet_distance(*turned) == pytest.approx(expected, rel=1e-4)


def test_frechet_distance_of_features():
    real, fake = RNG.normal(size=(50, 3)), RNG.normal(size=(40, 3)) * 2 + 1
    expected = frechet_distance(real.mean(0), np.cov(real.T), fake.mean(0), np.cov(fake.T))
    assert features_frechet_distance(real, fake) == pytest.approx(expected)
    assert features_frechet_distance(real, real + np.array([3, 0, 4])) == pytest.approx(25)
    single = features_frechet_distance(real[:, :1], 2 * real[:, :1])
    deviation, mean = real[:, 0].std(ddof=1), real[:, 0].mean()
    assert single == pytest.approx(mean**2 + deviation**2)
    assert features_frechet_distance(real.astype("float32"), fake) == pytest.approx(expected)


def _ball(rows, i, k):
    return sorted(math.dist(rows[i], rows[j]) for j in range(len(rows)) if j != i)[k - 1]


@pytest.mark.parametrize("k", [1, 3])
def test_neighbour_scores_by_brute_force(k):
    real, fake = RNG.normal(size=(12, 2)), RNG.normal(size=(9, 2)) + 0.5
    inside = [[math.dist(x, y) <= _ball(real, i, k) for y in fake] for i, x in enumerate(real)]
    around = [[math.dist(x, y) <= _ball(fake, j, k) for j, y in enumerate(fake)] for x in real]
    precision = sum(any(row[j] for row in inside) for j in range(9)) / 9
    recall = sum(any(row) for row in around) / 12
    assert precision_recall(real, fake, k) == pytest.approx((precision, recall))
    assert 0 < precision < 1 or 0 < recall < 1, "the case tells nothing apart"
    density = sum(map(sum, inside)) / (9 * k)
    coverage = sum(map(any, inside)) / 12
    assert density_coverage(real, fake, k) == pytest.approx((density, coverage))


def test_samples_of_the_same_distribution_have_the_scores_that_theory_gives():
    n, m, k, runs = 20, 15, 3, 600
    found = np.array(
        [density_coverage(RNG.normal(size=(n, 2)), RNG.normal(size=(m, 2)), k) for _ in range(runs)]
    )
    covered = 1 - math.prod((n - j) / (n + m - j) for j in range(1, k + 1))
    error = found.std(axis=0) / math.sqrt(runs)
    assert (np.abs(found.mean(axis=0) - [1, covered]) < 4 * error).all()
    assert error.max() < 0.02


def test_the_scores_tell_collapse_from_noise():
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    real = np.concatenate([RNG.normal(size=(100, 2)) + centre for centre in centres])
    collapsed = np.concatenate([RNG.normal(size=(100, 2)) + centre for centre in centres[:2]])
    precision, recall = precision_recall(real, collapsed)
    density, coverage = density_coverage(real, collapsed)
    assert precision > 0.9 and 0.4 < recall < 0.6
    assert 0.8 < density < 1.2 and 0.4 < coverage < 0.55
    scattered = RNG.uniform(-30, 40, (400, 2))
    assert precision_recall(real, scattered)[0] < 0.3 and density_coverage(real, scattered)[0] < 0.3
    assert precision_recall(real, real + 100) == density_coverage(real, real + 100) == (0, 0)


def test_copies_of_the_data_count_as_inside():
    real = RNG.normal(size=(10, 3))
    assert precision_recall(real, real, 1) == (1, 1)
    assert density_coverage(real, real, 2)[0] >= 0.5  # each lies at least in its own ball
    assert density_coverage(real, real, 2)[1] == 1
    same = np.ones((4, 3))
    assert density_coverage(same, same[:1], 1) == (4, 1)
    assert density_coverage(real, real[:1], 1)[1] >= 0.1  # one sample is enough


@pytest.mark.parametrize(
    "score",
    [features_frechet_distance, precision_recall, density_coverage],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (
            np.ones(5),
            np.ones((9, 2)),
            r"real is float64 of shape \(5,\); expected numbers of shape",
        ),
        (np.ones((9, 2)), np.ones((9, 0)), r"fake is float64 of shape \(9, 0\); expected numbers"),
        (np.ones((9, 2)), np.ones((0, 2)), r"fake is float64 of shape \(0, 2\); expected numbers"),
        (np.ones((9, 2)), [["a", "b"]], r"fake is <U1 of shape \(1, 2\); expected numbers of"),
        (np.ones((9, 2)), np.ones((9, 3)), "real has 2 numbers per row and fake 3; expected the"),
        (np.ones((1, 2)), np.ones((9, 2)), "real has 1 rows; expected at least [26]"),
        (np.full((9, 2), np.nan), np.ones((9, 2)), "real has numbers that are infinite or NaN"),
        (np.ones((9, 2)), np.full((9, 2), np.inf), "fake has numbers that are infinite or NaN"),
    ],
)
def test_feature_sets_that_do_not_fit_are_refused(score, real, fake, message):
    with pytest.raises(ValueError, match=message):
        score(real, fake)


@pytest.mark.parametrize("k", [0, 1.5, 9])
@pytest.mark.parametrize("score", [precision_recall, density_coverage])
def test_neighbours_that_there_are_not_are_refused(score, k):
    expected = "9 rows; expected at least 10" if k == 9 else f"k is {k}; expected an integer of at"
    with pytest.raises(ValueError, match=expected):
        score(np.ones((9, 2)), np.ones((9, 2)), k)


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        ([[1.0]], [[1.0]], r"the means have shapes \(1, 1\) and \(2,\); expected \(D,\)"),
        ([1.0], [[1.0]], r"the means have shapes \(1,\) and \(2,\); expected \(D,\)"),
        ([1, 1], [1, 1], r"covariance has shape \(2,\); expected finite numbers of shape \(2, 2\)"),
        ([1, 1], np.full((2, 2), np.nan), "expected finite numbers of shape"),
        ([1, 1], [[1, 2], [2, 1]], "and has the eigenvalue -1; expected a symmetric matrix"),
        ([1, 1], [[1, 0.5], [0, 1]], "covariance differs from its transpose by 0.5 and has"),
    ],
)
def test_moments_that_are_none_are_refused(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(mean, covariance, [0, 0], np.eye(2))
