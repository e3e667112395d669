import numpy as np
import pytest
from scipy import stats

from companion.deploy.monitor import (
    drifted_columns,
    holm,
    kolmogorov_smirnov,
    population_stability,
    worse_than,
)

RNG = np.random.default_rng(0)
REFERENCE, WINDOW = RNG.normal(size=(170, 4)), RNG.normal([0, 0.3, 1, 3], size=(50, 4))


def test_kolmogorov_smirnov_equals_scipy():
    tied = np.round(WINDOW, 1), np.round(REFERENCE, 1)
    for old, new in ((REFERENCE, WINDOW), (WINDOW, REFERENCE), tied):
        gaps, p_values = kolmogorov_smirnov(old, new)
        expected = [stats.ks_2samp(a, b, method="asymp") for a, b in zip(old.T, new.T, strict=True)]
        assert np.allclose(gaps, [found.statistic for found in expected], atol=1e-12)
        assert np.allclose(p_values, [found.pvalue for found in expected], atol=1e-9)


def test_population_stability_by_hand():
    reference, window = np.arange(8.0)[:, None], np.array([[0.0], [1.0], [2.0], [7.0]])
    p, q = np.array([4.5, 4.5]) / 9, np.array([3.5, 1.5]) / 5
    found = population_stability(reference, window, bins=2)
    assert np.allclose(found, np.sum((q - p) * np.log(q / p)))


def test_population_stability_rises_with_the_change_and_stays_finite():
    found = population_stability(REFERENCE, WINDOW + np.array([0, 0, 0, 1000]))
    assert (np.diff(found) > 0).all() and np.isfinite(found).all()
    assert (population_stability(REFERENCE, REFERENCE) < 1e-12).all()


def test_population_stability_of_no_change_depends_on_the_size():
    for n in (50, 500):
        found = population_stability(RNG.normal(size=(1000, 300)), RNG.normal(size=(n, 300))).mean()
        assert abs(found / (9 * (1 / 1000 + 1 / n)) - 1) < 0.15, n


def test_holm_by_hand():
    assert np.allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert np.allclose(holm([0.9, 0.8]), [1, 1])


def test_drifted_columns_are_named():
    columns, adjusted = drifted_columns(REFERENCE, WINDOW)
    assert columns.tolist() == [2, 3]
    assert adjusted.shape == (4,) and adjusted[3] < adjusted[2] < 0.01 < adjusted[0]


def test_false_alarms_are_as_rare_as_promised():
    alarms = [
        len(drifted_columns(RNG.normal(size=(100, 10)), RNG.normal(size=(50, 10)), 0.1)[0]) > 0
        for _ in range(300)
    ]
    assert 0 < np.mean(alarms) < 0.16  # 0.1 and three and a half standard errors


def test_worse_than_equals_scipy():
    correct = np.array([1] * 40 + [0] * 10)
    suspected, p_value = worse_than(0.95, correct)
    expected = stats.binomtest(40, 50, 0.95, alternative="less").pvalue
    assert suspected and np.isclose(p_value, expected)
    assert not worse_than(0.8, correct)[0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: kolmogorov_smirnov(REFERENCE, WINDOW[:, :2]), "shapes"),
        (lambda: kolmogorov_smirnov(REFERENCE, WINDOW[:0]), "shapes"),
        (lambda: kolmogorov_smirnov(REFERENCE[0], WINDOW), "shapes"),
        (lambda: population_stability(REFERENCE, WINDOW * np.nan), "finite"),
        (lambda: population_stability(REFERENCE, WINDOW, bins=1), "bins is 1"),
        (lambda: drifted_columns(REFERENCE, WINDOW, level=0), "level is 0"),
        (lambda: worse_than(0.9, []), "correct has shape"),
        (lambda: worse_than(0.9, [0.5]), "correct has shape"),
        (lambda: worse_than(1.1, [1]), "expected is 1.1"),
        (lambda: worse_than(0.9, [1], level=1), "level is 1"),
    ],
)
def test_bad_arguments(call, named):
    with pytest.raises(ValueError, match=named):
        call()
