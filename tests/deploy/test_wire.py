import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.deploy.wire import Refused, feedback_of, question_of, read_json

NAMES, CLASSES = ("a", "b"), ("no", "yes")
FINE = {"id": "one-1", "features": {"b": 2, "a": 0.5}}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_question_is_read_in_the_order_of_the_model():
    identifier, row = question_of(read_json(json.dumps(FINE).encode()), NAMES)
    assert identifier == "one-1" and row.tolist() == [0.5, 2.0] and row.dtype == np.float64
    ids = {question_of({"features": FINE["features"]}, NAMES)[0] for _ in range(3)}
    assert len(ids) == 3


def test_feedback_is_read():
    assert feedback_of({"id": "one", "label": "yes"}, CLASSES) == ("one", "yes")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "expected a JSON object"),
        (b"{", 400, "expected a JSON object"),
        (b"{'a': 1}", 400, "expected a JSON object"),
        (b'{"a": NaN}', 400, "NaN is no number"),
        (b'{"a": -Infinity}', 400, "-Infinity is no number"),
        (b'{"a": 1, "a": 2}', 400, "stands twice"),
        (b"\xff{}", 400, "UTF-8"),
        (b"[" * 60_000, 400, "expected a JSON object"),
        (b"1" * 60_000, 400, "expected a JSON object"),
        (b"[1]", 422, r"got \[1\]; expected a JSON object"),
        (b"null", 422, "got None"),
    ],
)
def test_what_is_no_json_object(body, status, says):
    with pytest.raises(Refused, match=says) as refused:
        read_json(body)
    assert refused.value.status == status
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"features": [1, 2]}, "expected an object of 2 numbers"),
        ({"features": {"a": 1}}, r"1 missing \['b'\], 0 unknown"),
        ({"features": {"a": 1, "b": 2, "c": 3}}, r"0 missing \[\], 1 unknown \['c'\]"),
        ({"features": {"a": 1, "b": "2"}}, "'b': got '2'; expected a number"),
        ({"features": {"a": 1, "b": True}}, "'b': got True; expected a number"),
        ({"features": {"a": None, "b": 2}}, "'a': got None; expected a number"),
        ({"features": {"a": -1, "b": 2}}, "expected a finite number, 0 or more"),
        ({"features": {"a": float("inf"), "b": 2}}, "expected a finite number"),
        ({"features": {"a": float("nan"), "b": 2}}, "expected a finite number"),
        ({"features": {"a": 10**400, "b": 2}}, "expected a finite number"),
        ({"id": ""}, "expected 1 to 64"),
        ({"id": 7}, "expected 1 to 64"),
        ({"id": "a b"}, "expected 1 to 64"),
        ({"id": "a\n"}, "expected 1 to 64"),
        ({"id": "é" * 9}, "expected 1 to 64"),
        ({"more": 1}, r"unknown \['more'\]; expected the fields \['features'\] and perhaps"),
    ],
)
def test_what_is_no_question(change, says):
    with pytest.raises(Refused, match=says) as refused:
        question_of(FINE | change, NAMES)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, r"missing \['id', 'label'\]"),
        ({"id": "one", "label": "maybe"}, r"got 'maybe'; expected one of \['no', 'yes'\]"),
        ({"id": "one", "label": ["yes"]}, "expected one of"),
        ({"id": None, "label": "yes"}, "id: got None"),
        ({"id": "one", "label": "yes", "sure": 1}, "unknown"),
    ],
)
def test_what_is_no_feedback(sent, says):
    with pytest.raises(Refused, match=says):
        feedback_of(sent, CLASSES)


@given(st.binary(max_size=60) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_sent_is_read_or_refused(body):
    try:
        found = read_json(body)
        question_of(found, NAMES)
    except Refused as refused:
        assert 400 <= refused.status < 500
        json.dumps({"error": refused.message}, ensure_ascii=False).encode()


@given(ANYTHING, ANYTHING)
def test_whatever_stands_in_the_fields_is_read_or_refused(first, second):
    for call, argument in ((question_of, NAMES), (feedback_of, CLASSES)):
        for sent in (
            {"id": first, "features": second},
            {"features": {"a": first, "b": second}},
            {"id": first, "label": second},
        ):
            try:
                call(sent, argument)
            except Refused as refused:
                assert refused.status == 422
                json.dumps({"error": refused.message}, ensure_ascii=False).encode()
