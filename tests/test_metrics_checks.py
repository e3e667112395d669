"""The metrics' shared checks: what comes back. Refusals are tested with the metrics themselves."""

import numpy as np
import pytest

from companion.metrics_checks import as_labels, as_outcomes, as_scores, confidence_level


def test_labels_keep_their_kind_and_whole_floats_become_integers():
    assert as_labels("y", [1.0, 2.0]).dtype == np.int64
    assert as_labels("y", ["a", "bc"]).tolist() == ["a", "bc"]
    assert as_labels("y", [True, False]).dtype == bool


def test_outcomes_are_booleans_and_scores_float64():
    assert as_outcomes("y", [0.0, 1.0]).tolist() == [False, True]
    assert as_scores("s", [True, False]).tolist() == [1.0, 0.0]
    assert as_scores("s", np.float32([0, 1]), probabilities=True).dtype == np.float64


@pytest.mark.parametrize("value", [0, 1, -0.5, True, float("nan")])
def test_a_confidence_lies_between_0_and_1(value):
    with pytest.raises(ValueError, match=r"confidence is .*; expected a number between 0 and 1"):
        confidence_level(value)
    assert confidence_level(np.float64(0.9)) == 0.9
