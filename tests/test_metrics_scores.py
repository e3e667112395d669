"""Metrics of scores: equal to scikit-learn's, ties and missing classes included."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve as sklearn_calibration_curve

from companion import metrics_scores as scores_of

# Few different values, so that ties are common.
SCORED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=40)
FORECASTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=1, max_size=40)


@given(SCORED)
def test_the_roc_curve_and_its_area_are_scikit_learns(pairs):
    y_true, scores = np.array(pairs).T
    assume(0 < y_true.sum() < len(y_true))
    expected = sklearn_metrics.roc_curve(y_true, scores, drop_intermediate=False)
    for ours, theirs in zip(scores_of.roc_curve(y_true, scores), expected, strict=True):
        assert np.allclose(ours, theirs)
    expected = sklearn_metrics.roc_auc_score(y_true, scores)
    assert scores_of.auc(y_true, scores) == pytest.approx(expected, abs=1e-12)


@given(SCORED)
def test_the_area_is_the_share_of_pairs_in_the_right_order(pairs):
    y_true, scores = np.array(pairs).T
    assume(0 < y_true.sum() < len(y_true))
    positive, negative = scores[y_true == 1], scores[y_true == 0]
    u = stats.mannwhitneyu(positive, negative).statistic
    expected = u / (len(positive) * len(negative))
    assert scores_of.auc(y_true, scores) == pytest.approx(expected, abs=1e-12)
    assert scores_of.auc(y_true, -scores) == pytest.approx(1 - expected, abs=1e-12)


@given(SCORED)
def test_precision_and_recall_by_threshold_are_scikit_learns(pairs):
    y_true, scores = np.array(pairs).T
    assume(y_true.sum() > 0)
    expected = sklearn_metrics.precision_recall_curve(y_true, scores)
    for ours, theirs in zip(
        scores_of.precision_recall_curve(y_true, scores), expected, strict=True
    ):
        assert np.allclose(ours, theirs)
    expected = sklearn_metrics.average_precision_score(y_true, scores)
    assert scores_of.average_precision(y_true, scores) == pytest.approx(expected, abs=1e-12)


@given(FORECASTS, st.integers(1, 12))
def test_calibration_and_brier_score_are_scikit_learns(pairs, bins):
    y_true, twentieths = np.array(pairs).T
    probability = twentieths / 20  # many lie on an edge between two bins
    expected = sklearn_metrics.brier_score_loss(y_true, probability, pos_label=1)
    assert scores_of.brier_score(y_true, probability) == pytest.approx(expected, abs=1e-12)
    observed, predicted = sklearn_calibration_curve(
        np.append(y_true, [0, 1]), np.append(probability, [0.5, 0.5]), n_bins=bins
    )  # scikit-learn refuses a single class
    found = scores_of.calibration_curve(
        np.append(y_true, [0, 1]), np.append(probability, [0.5, 0.5]), bins
    )
    assert np.allclose(found[0], predicted) and np.allclose(found[1], observed)
    assert found[2].sum() == len(y_true) + 2


def test_calibration_error_by_hand():
    y_true = [0, 1, 1, 1, 0]
    probability = [0.1, 0.3, 0.9, 0.8, 0.7]
    # Two bins: 0.2 against 1/2 over two examples, 0.8 against 2/3 over three.
    expected = (2 * 0.3 + 3 * (0.8 - 2 / 3)) / 5
    found = scores_of.expected_calibration_error(y_true, probability, bins=2)
    assert found == pytest.approx(expected)
    assert scores_of.expected_calibration_error([1, 1], [1.0, 1.0]) == 0
    assert scores_of.expected_calibration_error([0, 0], [1.0, 1.0]) == 1


def test_extreme_scores():
    y_true = [0, 0, 1, 1]
    assert scores_of.auc(y_true, [1, 2, 3, 4]) == 1
    assert scores_of.auc(y_true, [7, 7, 7, 7]) == 1 / 2
    assert scores_of.average_precision(y_true, [1, 2, 3, 4]) == 1
    assert scores_of.average_precision(y_true, [7, 7, 7, 7]) == 1 / 2
    assert scores_of.average_precision([1, 1], [3, 4]) == 1  # no negatives: nothing can be wrong
    assert scores_of.brier_score([True, False], [0.5, 0.5]) == 1 / 4


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_class_is_named(missing):
    y_true = [1 - missing] * 3
    for function in (scores_of.roc_curve, scores_of.auc):
        with pytest.raises(ValueError, match=rf"y_true has no {missing}; expected both classes"):
            function(y_true, [1, 2, 3])


def test_recall_needs_a_positive():
    for function in (scores_of.precision_recall_curve, scores_of.average_precision):
        with pytest.raises(ValueError, match="y_true has no 1; expected at least one"):
            function([0, 0], [1, 2])


@pytest.mark.parametrize(
    ("y_true", "scores", "message"),
    [
        ([], [], "y_true is empty"),
        ([0, 1], [], "scores is empty; expected one number for each example"),
        ([0, 1], [1, 2, 3], "y_true has 2, scores has 3"),
        ([0, 2], [1, 2], r"y_true\[1\] is 2; expected 0 or 1: compare with the positive class"),
        (["no", "yes"], [1, 2], r"y_true\[0\] is 'no'; expected 0 or 1"),
        ([0, 1], [[1, 2]], r"scores has shape \(1, 2\); expected \(n,\)"),
        ([0, 1], [1, np.nan], r"scores\[1\] is nan; expected a finite number"),
        ([0, 1], ["1", "2"], "scores has the type <U1; expected numbers"),
    ],
)
def test_bad_scores_are_refused(y_true, scores, message):
    for function in (scores_of.auc, scores_of.average_precision):
        with pytest.raises(ValueError, match=message):
            function(y_true, scores)


def test_probabilities_and_bins_are_checked():
    for function in (scores_of.brier_score, scores_of.expected_calibration_error):
        with pytest.raises(ValueError, match=r"probability\[1\] is 1.5; expected a probability"):
            function([0, 1], [0.5, 1.5])
        with pytest.raises(ValueError, match="y_true has 2, probability has 1"):
            function([0, 1], [0.5])
    with pytest.raises(ValueError, match="bins is 0; expected an integer of at least 1"):
        scores_of.calibration_curve([0, 1], [0.5, 0.5], bins=0)
