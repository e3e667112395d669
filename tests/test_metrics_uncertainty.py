"""Intervals and comparisons: equal to SciPy's, and covering as often as they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from companion.metrics_uncertainty import bootstrap_interval, mcnemar, wilson_interval


@given(st.integers(1, 300), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_is_scipys(n, data, confidence):
    successes = data.draw(st.integers(0, n))
    reference = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    found = wilson_interval(successes, n, confidence)
    assert found == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert 0 <= found[0] <= successes / n <= found[1] <= 1


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 3), st.integers(0, 3))
def test_mcnemar_is_scipys_binomial_test(only_a, only_b, both, neither):
    counts = [only_a, only_b, both, neither]
    if sum(counts) == 0:
        counts[2] = 1
    correct_a = np.repeat([1, 0, 1, 0], counts)
    correct_b = np.repeat([0, 1, 1, 0], counts)
    result = mcnemar(correct_a, correct_b)
    assert result[:2] == (only_a, only_b)
    different = only_a + only_b
    expected = stats.binomtest(only_a, different).pvalue if different else 1.0
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_with_more_coins_than_a_float_can_count():
    correct_a = np.repeat([True, False], [2600, 2400])
    result = mcnemar(correct_a, ~correct_a)
    expected = stats.binomtest(2400, 5000).pvalue
    assert result.p_value == pytest.approx(expected, rel=1e-8)


def test_the_bootstrap_is_scipys():
    values = np.random.default_rng(1).gamma(2.0, size=80)
    found = bootstrap_interval(np.mean, values, repeats=20_000, seed=2)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    length = reference.high - reference.low
    assert found == pytest.approx((reference.low, reference.high), abs=0.05 * length)


def test_the_bootstrap_keeps_rows_together_and_follows_the_seed():
    x = np.random.default_rng(4).normal(size=50)
    gap = bootstrap_interval(lambda a, b: np.abs(a - b).max(), x, x, repeats=20)
    assert gap == (0.0, 0.0)
    table = np.column_stack([x, x])  # rows may be vectors
    first, again, other = (
        bootstrap_interval(np.mean, table, repeats=50, seed=seed) for seed in (5, 5, 6)
    )
    assert first == again != other
    assert bootstrap_interval(np.mean, [3.0], repeats=1) == (3.0, 3.0)


def test_a_bootstrap_of_the_mean_covers_it():
    rng = np.random.default_rng(7)
    held = 0
    for repeat in range(200):
        low, high = bootstrap_interval(
            np.mean, rng.normal(size=60), confidence=0.8, repeats=200, seed=repeat
        )
        held += low < 0 < high
    assert 140 < held < 175  # 160 expected, 5.7 is one standard deviation; a little short for n=60


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(1, 0), "n is 0; expected an integer of at least 1"),
        (lambda: wilson_interval(-1, 5), "successes is -1; expected an integer of at least 0"),
        (lambda: wilson_interval(0.9, 5), "successes is 0.9; expected an integer"),
        (lambda: wilson_interval(6, 5), "successes is 6; expected at most n, which is 5"),
        (lambda: wilson_interval(1, 5, 95), "confidence is 95; expected a number between 0 and 1"),
        (lambda: mcnemar([], []), "correct_a is empty"),
        (lambda: mcnemar([1, 0], [1]), "correct_a has 2, correct_b has 1"),
        (lambda: mcnemar([1, 3], [1, 0]), r"correct_a\[1\] is 3; expected 0 or 1"),
        (lambda: bootstrap_interval(np.mean), r"arrays have the shapes \[\]; expected at least"),
        (lambda: bootstrap_interval(np.mean, []), r"arrays have the shapes \[\(0,\)\]"),
        (lambda: bootstrap_interval(np.mean, 3.0), r"arrays have the shapes \[\(\)\]"),
        (lambda: bootstrap_interval(max, [1], [1, 2]), r"arrays\[0\] has 1, arrays\[1\] has 2"),
        (lambda: bootstrap_interval(np.mean, [1], repeats=0), "repeats is 0"),
        (lambda: bootstrap_interval(np.mean, [1], seed=-1), "seed is -1"),
        (lambda: bootstrap_interval(np.mean, [1], confidence=1), "confidence is 1; expected"),
        (lambda: bootstrap_interval(np.mean, [np.nan]), "statistic gave nan for resample 0"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
