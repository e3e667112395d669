"""Coloured digits: the grammar, what is held out, painting, and reading it again."""

import re
from itertools import combinations

import numpy as np
import pytest

from companion.data import digits
from companion.data.coloured_digits import COLOURS, DIGITS, captions, encode, generate, paint, read


def test_each_sentence_says_its_facts():
    texts, facts, _ = captions()
    assert len(set(texts)) == len(texts) == 10 * 5 * 4 * 2
    names = tuple(COLOURS)
    forms = (r"a (?P<ink>\w+) (?P<digit>\w+) beside a (?P<line>\w+) line",)
    forms += (r"a (?P<line>\w+) line beside a (?P<ink>\w+) (?P<digit>\w+)",)
    for index, (text, (digit, ink, line)) in enumerate(zip(texts, facts, strict=True)):
        found = re.fullmatch(forms[index % 2], text)
        said = [
            DIGITS.index(found["digit"]),
            names.index(found["ink"]),
            names.index(found["line"]),
        ]
        assert said == [digit, ink, line]
        assert ink != line


def test_every_fifth_combination_is_held_out_but_every_pair_is_seen():
    _, facts, held_out = captions()
    assert held_out.mean() == 0.2
    assert (held_out[::2] == held_out[1::2]).all(), "both forms of a combination go together"
    for parts in combinations(range(3), 2):
        pairs, seen = ({tuple(row) for row in rows[:, parts]} for rows in (facts, facts[~held_out]))
        assert pairs == seen


def test_the_same_words_in_another_order_are_other_sentences():
    texts = ["a red seven beside a blue line", "a blue line beside a red seven"]
    tokens, vocabulary = encode([*texts, "a blue seven beside a red line"])
    assert tokens.dtype == np.int64
    assert tokens.shape == (3, 7)
    assert vocabulary == 18
    assert (np.sort(tokens, axis=1) == np.sort(tokens[0])).all()
    assert len(np.unique(tokens, axis=0)) == 3


def test_ink_is_coloured_by_its_amount_and_the_line_covers_the_first_column():
    painted = paint(np.array([[[0.5, 0.25, 1]]]), np.array([3]), np.array([2]))
    assert painted.dtype == np.float32
    assert painted.tolist() == [[[[0, 0, 1], [0.25, 0.25, 0], [1, 1, 0]]]]  # blue, then yellow


@pytest.mark.parametrize("part", ["train", "test"])
def test_what_is_generated_fits_its_sentence_and_its_part(part):
    images, numbers = generate(3000, part, seed=1)
    assert images.dtype == np.float32
    assert images.shape == (3000, 8, 8, 3)
    again, _ = generate(3000, part, seed=1)
    assert (images == again).all()
    _, facts, held_out = captions()
    assert (held_out[numbers] == (part == "test")).all()
    assert set(numbers) == set(np.flatnonzero(held_out == (part == "test")))
    ink, line, cover = read(images)
    assert (np.stack([ink, line], axis=1) == facts[numbers, 1:]).all(axis=1).mean() > 0.995
    grey, labels = digits.load(8)
    rows = digits.split()[part == "test"]
    distances = np.abs(cover[:50, None] - grey[rows])[..., 1:].max(axis=(2, 3))
    same = (labels[rows][distances.argmin(axis=1)] == facts[numbers[:50], 0]) & (
        distances.min(axis=1) < 1e-5
    )
    assert same.mean() > 0.95


@pytest.mark.parametrize("noise", [0, 0.1])
def test_what_was_painted_is_read_again(noise):
    images = digits.load(8)[0]
    rng = np.random.default_rng(0)
    ink = rng.integers(5, size=len(images))
    line = (ink + rng.integers(1, 5, size=len(images))) % 5
    painted = paint(images, ink, line)
    painted += noise * rng.normal(size=painted.shape).astype(np.float32)
    found_ink, found_line, cover = read(painted)
    assert (found_ink == ink).mean() > 0.995
    assert (found_line == line).mean() > 0.995
    right = found_line == line
    assert np.abs(cover - images)[..., 1:][right & (found_ink == ink)].mean() < 1e-6 + noise


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encode(["a pink seven"]), "pink"),
        (lambda: encode([]), "the 0 sentences have"),
        (lambda: encode(["a red", "seven"]), r"have \[1, 2\] words"),
        (lambda: generate(0), "n is 0"),
        (lambda: generate(1, "all"), "part is 'all'"),
        (lambda: generate(1, seed=-1), "seed is -1"),
        (lambda: paint(np.zeros((2, 8, 8)), np.array([0]), np.array([1])), "ink is int64 of shape"),
        (lambda: paint(np.zeros((1, 8, 8)), np.array([0]), np.array([5])), "line is int64"),
        (lambda: read(np.zeros((1, 8, 8))), r"shape \(1, 8, 8\); expected \(N, H, W, 3\)"),
        (lambda: read(np.zeros((0, 8, 8, 3))), r"shape \(0, 8, 8, 3\)"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
