"""N-gram models against counting one by one, and as distributions."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from companion.text.ngrams import surprises

RNG = np.random.default_rng(0)
TRAINING = RNG.choice(5, size=400, p=[0.4, 0.3, 0.2, 0.07, 0.03])
TEXT = RNG.choice(6, size=60)  # 5 never occurs in the training text


def counted(training, order, sparing):
    """Tables of one Counter per context and length, by the definitions."""
    tables = [defaultdict(Counter) for _ in range(order + 1)]
    for length, table in enumerate(tables):
        fronts = set()
        for i in range(length, len(training)):
            context = tuple(training[i - length : i])
            if sparing and length < order:
                front = tuple(training[i - length - 1 : i + 1])
                if i == length or front in fronts:
                    continue
                fronts.add(front)
            table[context][training[i]] += 1
    return tables


def slow(training, text, order, vocabulary, discount, sparing):
    """The same surprises, one token after the other."""
    tables, found = counted(training.tolist(), order, sparing), []
    text = text.tolist()
    for i, token in enumerate(text):
        p = 1 / vocabulary
        for length, table in enumerate(tables):
            if length <= i and (follow := table.get(tuple(text[i - length : i]))):
                shared = discount * len(follow) * p
                p = (max(follow[token] - discount, 0) + shared) / follow.total()
        found.append(-np.log2(p))
    return found


@pytest.mark.parametrize("sparing", [False, True])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_it_is_counting_one_by_one(order, sparing):
    found = surprises(TRAINING, TEXT, order, 6, discount=0.7, sparing=sparing)
    np.testing.assert_allclose(found, slow(TRAINING, TEXT, order, 6, 0.7, sparing))


@pytest.mark.parametrize("sparing", [False, True])
def test_the_chances_of_all_next_tokens_sum_to_one(sparing):
    for context in ([0, 1], [5, 0], [3, 4], [4, 4]):
        last = [surprises(TRAINING, [*context, k], 2, 6, sparing=sparing)[-1] for k in range(6)]
        assert sum(2.0 ** -np.array(last)) == pytest.approx(1)


def test_a_text_that_repeats_is_no_surprise():
    training = np.tile([0, 1, 2, 3], 50)
    assert surprises(training, training[:40], 3, 4)[3:].max() < 0.1


def test_texts_shorter_than_the_order():
    assert surprises([0, 1], [1], 4, 2).shape == (1,)
    assert surprises([0], [0, 0, 1], 4, 2, sparing=True).shape == (3,)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"training": [0, 6]}, ValueError, "training ranges from 0 to 6; expected 0 to 5"),
        ({"text": []}, TypeError, "text is float64; expected integers"),
        ({"text": np.zeros((2, 2), int)}, ValueError, r"text has shape \(2, 2\)"),
        ({"order": -1}, ValueError, "order is -1"),
        ({"order": 40}, ValueError, "order is 40 with a vocabulary of 6; expected at most 23"),
        ({"order": 6, "vocabulary": 512}, ValueError, "expected at most 5, so that"),
        ({"vocabulary": 1}, ValueError, "vocabulary is 1"),
        ({"discount": 1}, ValueError, "discount is 1"),
    ],
)
def test_bad_arguments_are_refused(change, error, message):
    arguments = {"training": TRAINING, "text": TEXT, "order": 2, "vocabulary": 6} | change
    with pytest.raises(error, match=message):
        surprises(**arguments)
