"""Pairs of near words and noise: counted by hand, and held to their distributions."""

import re
from collections import Counter

import numpy as np
import pytest

from companion.text.pairs import count, noise, pairs, skip_gram_batches, subsample


def test_words_are_counted():
    np.testing.assert_array_equal(count([2, 0, 2], 5), [1, 0, 2, 0, 0])


def test_pairs_of_neighbours_are_each_word_with_the_ones_beside_it():
    centres, contexts = pairs([5, 6, 7, 8], 1, seed=0)
    found = sorted(zip(centres.tolist(), contexts.tolist(), strict=True))
    assert found == [(5, 6), (6, 5), (6, 7), (7, 6), (7, 8), (8, 7)]


def test_distances_come_up_as_the_random_windows_say():
    """Of half-widths 1 to 4, one quarter reaches distance 4, all reach distance 1."""
    places = np.arange(20_000)
    centres, contexts = pairs(places, 4, seed=0)
    distances = np.bincount(np.abs(centres - contexts))[1:]
    np.testing.assert_allclose(distances / 40_000, [1, 0.75, 0.5, 0.25], atol=0.02)
    wide = Counter(centres.tolist())
    assert max(wide.values()) == 8
    # One centre has one half-width: it reaches as far to the left as to the right.
    reach = {}
    for centre, context in zip(centres.tolist(), contexts.tolist(), strict=True):
        reach.setdefault(centre, set()).add(context - centre)
    inner = [offsets for centre, offsets in reach.items() if 4 <= centre < 19_996]
    assert all({-offset for offset in offsets} == offsets for offsets in inner)


def test_a_window_larger_than_the_text_is_no_problem():
    centres, contexts = pairs([1, 2], 9, seed=0)
    assert sorted(zip(centres.tolist(), contexts.tolist(), strict=True)) == [(1, 2), (2, 1)]


def test_frequent_words_are_thinned_out_by_equation_5():
    tokens = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [90_000, 9_990, 10]))
    kept = np.bincount(subsample(tokens, seed=0, threshold=1e-3), minlength=3)
    expected = np.sqrt(1e-3 / np.array([0.9, 0.0999])) * [90_000, 9_990]
    np.testing.assert_allclose(kept[:2], expected, rtol=0.1)
    assert kept[2] == 10, "rare words stay"
    order = subsample(np.arange(1000), seed=0, threshold=1e-4)
    assert 0.25 < len(order) / 1000 < 0.39 and (np.diff(order) > 0).all()


def test_noise_follows_the_power_of_the_counts():
    counts = np.array([0, 1, 16, 0, 81])
    drawn = noise(counts, (40_000,), np.random.default_rng(0))
    share = np.bincount(drawn, minlength=5) / len(drawn)
    np.testing.assert_allclose(share, np.array([0, 1, 8, 0, 27]) / 36, atol=0.01)
    even = noise(counts, (200, 100), np.random.default_rng(0), power=0)
    np.testing.assert_allclose(
        np.bincount(even.ravel()) / 20_000, [0, 1 / 3, 1 / 3, 0, 1 / 3], atol=0.02
    )


def test_a_batch_has_the_pairs_of_the_text_and_is_the_same_each_time():
    tokens = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    batch_at = skip_gram_batches(tokens, 10, window=2, negatives=3, batch_size=500, seed=1)
    (centres, candidates), targets = batch_at(7)
    assert centres.shape == (500,) and candidates.shape == targets.shape == (500, 4)
    assert targets.dtype == np.float32 and targets.sum() == 500 and targets[:, 0].all()
    near = {
        pair
        for seed in range(20)
        for pair in zip(*map(np.ndarray.tolist, pairs(tokens, 2, seed)), strict=True)
    }
    assert set(zip(centres.tolist(), candidates[:, 0].tolist(), strict=True)) == near
    assert set(candidates[:, 1:].ravel().tolist()) == set(tokens.tolist())
    (again, same), _ = batch_at(7)
    np.testing.assert_array_equal(again, centres)
    np.testing.assert_array_equal(same, candidates)
    assert not np.array_equal(batch_at(8)[0][0], centres)


def test_batches_have_distances_as_pairs_have():
    batch_at = skip_gram_batches(np.arange(1000), 1000, window=4, batch_size=20_000)
    (centres, candidates), _ = batch_at(0)
    offsets = candidates[:, 0] - centres
    share = np.bincount(np.abs(offsets))[1:] / len(offsets)
    np.testing.assert_allclose(share, [0.4, 0.3, 0.2, 0.1], atol=0.02)
    assert abs((offsets > 0).mean() - 0.5) < 0.02


@pytest.mark.parametrize("tokens", [[], [[1, 2]], [1.0, 2.0], [-1, 2], ["a"]])
def test_tokens_that_are_no_ids_are_refused(tokens):
    for call in (
        lambda: count(tokens, 5),
        lambda: pairs(tokens, 1, 0),
        lambda: subsample(tokens, 0),
        lambda: skip_gram_batches(tokens, 5),
    ):
        with pytest.raises(
            ValueError, match=r"the tokens are .* expected integers of shape \(n,\)"
        ):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count([1, 5], 5), "the tokens have ids up to 5; expected 0 to 4"),
        (lambda: pairs([1], 1, 0), "n at least 2"),
        (lambda: pairs([1, 2], 0, 0), "window is 0; expected an integer of at least 1"),
        (lambda: subsample([1], 0, 0), "threshold is 0"),
        (lambda: subsample([1], 0, 2), "threshold is 2; expected a number of at least 0"),
        (lambda: noise([0, 0], 3, None), "the counts have shape (2,); expected (V,), none below"),
        (lambda: noise([1, -1], 3, None), "none below 0"),
        (lambda: noise([1, 1], 3, None, power=2), "power is 2"),
        (lambda: skip_gram_batches([1, 2], 2), "ids up to 2; expected 0 to 1"),
        (lambda: skip_gram_batches([1, 2], 3, negatives=0), "negatives is 0"),
        (lambda: skip_gram_batches([1, 2], 3, batch_size=0), "batch_size is 0"),
        (lambda: skip_gram_batches([1, 2], 3, window=0), "window is 0"),
        (lambda: skip_gram_batches([1, 2], 3)(-1), "step is -1"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
