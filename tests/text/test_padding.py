"""Sentences in one array and back, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.text.padding import END, PADDING, SPECIAL, START, pad, unpad
from companion.text.vocabulary import Vocabulary


def test_sentences_are_filled_up_at_their_end():
    found = pad([[5, 6, 7], np.array([8])])
    assert found.dtype == np.int64 and found.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert pad([[5], [6, 7]], start=True, end=True).tolist() == [[1, 5, 2, 0], [1, 6, 7, 2]]
    assert pad([[5]], longest=3).tolist() == [[5, 0, 0]]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(3, 99), min_size=1, max_size=6), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_they_come_back(rows, start, end):
    found = unpad(pad(rows, start=start, end=end))
    assert [row.tolist() for row in found] == rows


def test_what_comes_behind_the_end_does_not_count():
    assert [row.tolist() for row in unpad([[5, 2, 7], [2, 5, 5], [0, 5, 5]])] == [[5], [], []]


def test_the_special_tokens_are_the_first_of_a_vocabulary():
    vocabulary = Vocabulary([*SPECIAL, "a"])
    assert vocabulary.encode(SPECIAL).tolist() == [PADDING, START, END]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad([]), "rows is empty; expected at least one sequence"),
        (lambda: pad([[3], []]), "row 1 is []; expected a sequence of at least one token id"),
        (lambda: pad([[3, 0]]), "row 0 is [3, 0]; expected"),
        (lambda: pad([[-1]]), "row 0 is [-1]; expected"),
        (lambda: pad([[1.5]]), "row 0 is [1.5]; expected"),
        (lambda: pad(["ab"]), "row 0 is 'ab'; expected"),
        (lambda: pad([[3, 4]], longest=1), "row 0 has 2 tokens; expected at most 1"),
        (lambda: pad([[3, 4]], end=True, longest=2), "row 0 has 3 tokens; expected at most 2"),
        (lambda: unpad([3, 4]), "the array is int64 of shape (2,); expected integers (B, T)"),
        (lambda: unpad([[0.5]]), "the array is float64"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
