"""Metrics of labels: equal to scikit-learn's, and errors that help."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from companion import metrics

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)
BINARY = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
RATIOS = {
    "precision": (metrics.precision, sklearn_metrics.precision_score),
    "recall": (metrics.recall, sklearn_metrics.recall_score),
    "f1": (metrics.f1, sklearn_metrics.f1_score),
}


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(PAIRS)
def test_counts_and_accuracy_are_scikit_learns(pairs):
    y_true, y_pred = np.array(pairs).T
    expected = sklearn_metrics.confusion_matrix(y_true, y_pred)
    assert np.array_equal(metrics.confusion_matrix(y_true, y_pred), expected)
    classes = [3, 1, 0, 2]
    expected = sklearn_metrics.confusion_matrix(y_true, y_pred, labels=classes)
    assert np.array_equal(metrics.confusion_matrix(y_true, y_pred, classes), expected)
    expected = sklearn_metrics.accuracy_score(y_true, y_pred)
    assert metrics.accuracy(y_true, y_pred) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", RATIOS)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@given(PAIRS, st.sampled_from([0.0, 1.0]))
def test_averages_are_scikit_learns(name, average, pairs, undefined):
    ours, theirs = RATIOS[name]
    y_true, y_pred = np.array(pairs).T
    expected = theirs(y_true, y_pred, average=average, zero_division=undefined)
    found = ours(y_true, y_pred, average=average, undefined=undefined)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", RATIOS)
@given(BINARY)
def test_two_classes_are_scikit_learns_also_where_one_is_missing(name, pairs):
    ours, theirs = RATIOS[name]
    y_true, y_pred = np.array(pairs).T
    expected = theirs(y_true, y_pred, zero_division=0.0)
    assert ours(y_true, y_pred) == pytest.approx(expected, abs=1e-12)


def test_the_four_counts_by_hand():
    y_true = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    y_pred = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    assert metrics.confusion_matrix(y_true, y_pred).tolist() == [[4, 2], [1, 3]]
    assert metrics.precision(y_true, y_pred) == 3 / 5
    assert metrics.recall(y_true, y_pred) == 3 / 4
    assert metrics.f1(y_true, y_pred) == 6 / 9
    assert metrics.accuracy(y_true, y_pred) == 7 / 10
    assert metrics.recall(y_true, y_pred, positive=0) == 4 / 6


def test_strings_booleans_and_whole_floats_are_labels():
    y_true, y_pred = ["ham", "spam", "spam"], ["ham", "spam", "ham"]
    assert metrics.recall(y_true, y_pred, positive="spam") == 1 / 2
    assert metrics.confusion_matrix(y_true, y_pred, ["spam", "ham"]).tolist() == [[1, 1], [0, 1]]
    flags = np.array([True, False, True])
    assert metrics.recall(flags, [1.0, 0.0, 0.0]) == 1 / 2


def test_a_ratio_of_nothing_is_what_the_caller_says():
    assert metrics.precision([1, 0], [0, 0]) == 0.0
    assert np.isnan(metrics.precision([1, 0], [0, 0], undefined=np.nan))
    assert np.isnan(metrics.recall([0, 0], [0, 0], undefined=np.nan))
    per_class = metrics.recall([0, 0], [0, 1], classes=[0, 1], average=None, undefined=np.nan)
    assert per_class[0] == 1 / 2 and np.isnan(per_class[1])
    macro = metrics.f1([0, 0], [0, 0], classes=[0, 1], average="macro", undefined=0.0)
    assert macro == 1 / 2


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([], [], r"y_true is empty; expected one label for each example"),
        ([0, 1], [], r"y_pred is empty"),
        ([0, 1], [1], r"y_true has 2, y_pred has 1; expected one value for each example"),
        ([[0, 1]], [0, 1], r"y_true has shape \(1, 2\); expected \(n,\)"),
        (0, 1, r"y_true has shape \(\); expected \(n,\)"),
        ([0, 1], [0.2, 1.0], r"y_pred\[0\] is 0.2; expected class labels .* probabilities"),
        ([0, np.nan], [0, 1], r"y_true\[1\] is nan; expected class labels"),
        ([0, 1], [0, None], r"y_pred has the type object; expected class labels"),
        (["a", "b"], [0, 1], r"y_true holds <U1 and y_pred int64; expected the same kind"),
    ],
)
def test_bad_labels_are_refused(y_true, y_pred, message):
    for function in (metrics.confusion_matrix, metrics.accuracy, metrics.f1):
        with pytest.raises(ValueError, match=message):
            function(y_true, y_pred)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1], {"average": "mean"}, r"average is 'mean'; expected one of \('binary', 'macro'"),
        ([0, 1, 2], {}, r"'binary', but there are 3 classes: \[0, 1, 2\]; expected at most two"),
        ([1, 2], {"positive": 0}, r"positive is 0; expected one of \[1, 2\]"),
        (["a", "a"], {}, r"positive is 1; expected one of \['a'\]"),
        ([0, 1], {"classes": [0, 0, 1]}, r"classes is \[0, 0, 1\]; expected each class once"),
        ([0, 5], {"classes": [0, 1]}, r"classes is \[0, 1\]; \[5\] occur and are not among them"),
    ],
)
def test_options_that_do_not_fit_are_refused(labels, options, message):
    for function in (metrics.precision, metrics.recall, metrics.f1):
        with pytest.raises(ValueError, match=message):
            function(labels, labels, **options)
