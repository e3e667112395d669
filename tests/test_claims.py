"""Claims hold, fail and refuse as they say."""

import math
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from companion import claims
from companion.claims import CLAIM_MIME, claim


def test_a_true_claim_prints_a_tick_the_sentence_and_the_value(capsys):
    claim("two is more than one", 2 > 1, measured=2.00004, source="D2 §4.3")
    assert capsys.readouterr().out == "✓ two is more than one (measured 2) [D2 §4.3]\n"


def test_a_false_claim_names_the_sentence_and_the_value():
    with pytest.raises(AssertionError, match=r"one is more than two \(measured 0\.3333\)"):
        claim("one is more than two", 1 > 2, measured=1 / 3)


def test_a_false_claim_without_a_value_says_so():
    with pytest.raises(AssertionError, match="nothing was measured"):
        claim("one is more than two", False)


@pytest.mark.parametrize("text", ["", "   ", None, 3])
def test_an_empty_sentence_is_refused(text):
    with pytest.raises(ValueError, match="expected a sentence"):
        claim(text, True)


@pytest.mark.parametrize("condition", [1, math.nan, "yes", None, np.array([True, True])])
def test_a_condition_that_is_no_boolean_is_refused(condition):
    with pytest.raises(TypeError, match="expected True or False"):
        claim("a sentence", condition)


@pytest.mark.parametrize("measured", [math.nan, math.inf, np.float32("nan"), (1.0, math.nan)])
def test_a_measured_value_that_is_not_finite_is_refused(measured):
    with pytest.raises(ValueError, match="expected a finite number"):
        claim("a sentence", True, measured=measured)


@pytest.mark.parametrize("measured", [np.ones(2), {"a": 1}, 1j])
def test_a_measured_value_that_cannot_be_shown_is_refused(measured):
    with pytest.raises(TypeError, match="expected a number"):
        claim("a sentence", True, measured=measured)


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (0.123456, "0.1235"),
        (np.float32(2.5), "2.5"),
        (np.array([1.5]), "1.5"),
        (12, "12"),
        (1_234_567, "1,234,567"),
        (True, "True"),
        ("3 of 4", "3 of 4"),
        ((1.0, 2), "1, 2"),
    ],
)
def test_values_are_shown_with_four_digits(measured, shown, capsys):
    claim("a sentence", np.bool_(True), measured=measured)
    assert f"(measured {shown})" in capsys.readouterr().out


def test_a_notebook_gets_a_rich_output_with_an_anchor(monkeypatch):
    monkeypatch.setattr(claims, "in_notebook", lambda: True)
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            claim("a < b & so on", True, measured=1, source="D0 §3.2")
    finally:
        InteractiveShell.clear_instance()
    (output,) = captured.outputs
    assert output.data[CLAIM_MIME] == {
        "text": "a < b & so on",
        "measured": "1",
        "source": "D0 §3.2",
        "id": "claim-a-b-so-on",
    }
    page = output.data["text/html"]
    assert "a &lt; b &amp; so on" in page
    assert re.search(r'id="claim-a-b-so-on"', page)


def test_a_plain_session_is_no_notebook():
    assert claims.in_notebook() is False
