"""Numbers to translate: the split that does not leak, lengths, zeros, seeds, and bad arguments."""

import re

import numpy as np
import pytest

from companion.data.numeral_pairs import generate
from companion.data.numerals import to_chinese, to_english


def test_the_texts_are_those_of_the_numbers():
    english, chinese, numbers = generate(300)
    assert numbers.dtype == np.int64 and numbers.shape == (300,)
    assert english == [to_english(n) for n in numbers.tolist()]
    assert chinese == [to_chinese(n) for n in numbers.tolist()]


def test_no_number_is_in_both_parts_whatever_the_seed():
    trained = {n for seed in range(3) for n in generate(8000, digits=(1, 5), seed=seed)[2].tolist()}
    tested = {n for seed in range(3) for n in generate(8000, "test", (1, 5), seed)[2].tolist()}
    assert not trained & tested
    assert set(range(100)) <= trained, "other numbers are made of these"
    every = [n for n in range(100, 1000) if n not in trained]
    assert 0.12 < len(every) / 900 < 0.28, "a fifth is for the test"


@pytest.mark.parametrize(("part", "low"), [("train", 1), ("test", 3)])
def test_lengths_are_about_equally_likely(part, low):
    sizes = [len(str(n)) for n in generate(12_000, part)[2].tolist()]
    counts = np.bincount(sizes, minlength=13)[low:]
    assert len(counts) == 13 - low
    # A tenth of the mean is three standard deviations; train has all of the shortest two.
    counts = counts[2:] if part == "train" else counts
    assert np.abs(counts / counts.mean() - 1).max() < 0.15


def test_digits_limit_the_length_and_zeros_add_zeros():
    _, _, numbers = generate(2000, digits=(6, 7))
    assert numbers.min() >= 10**5 and numbers.max() < 10**7
    shares = []
    for zeros in (0, 1):
        digits = "".join(str(n)[1:] for n in generate(2000, digits=(8, 8), zeros=zeros)[2])
        shares.append(digits.count("0") / len(digits))
    assert abs(shares[0] - 0.1) < 0.02 and abs(shares[1] - 0.55) < 0.02


def test_the_seed_decides():
    assert generate(50, seed=1)[0] == generate(50, seed=1)[0] != generate(50, seed=2)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"part": "valid"}, "part is 'valid'; expected one of 'train', 'test'"),
        ({"seed": -1}, "seed is -1"),
        ({"zeros": 2}, "zeros is 2; expected a number of at least 0 and at most 1"),
        ({"digits": (3, 2)}, "digits is (3, 2); expected the smallest and the largest"),
        ({"digits": (1, 13)}, "digits is (1, 13)"),
        ({"digits": 5}, "digits is 5; expected"),
        ({"digits": (0, 5)}, "digits is 0; expected an integer of at least 1"),
        ({"part": "test", "digits": (1, 2)}, "of the test part, from 3 to 12"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(**{"n": 2, **arguments})
