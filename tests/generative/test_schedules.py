"""Noise schedules: the papers' numbers, draws by simulation, and the way back by Bayes' rule."""

import math
import re

import numpy as np
import pytest
import torch

from companion.generative.schedules import Schedule, cosine, linear

BOTH = pytest.mark.parametrize(
    "schedule", [linear(50, 0.002, 0.4), cosine(50)], ids=["linear", "cos"]
)


def test_linear_is_that_of_the_paper():
    schedule = linear(1000)
    assert schedule.steps == 1000 and schedule.alpha_bars.shape == (1001,)
    np.testing.assert_allclose(schedule.betas, np.linspace(1e-4, 0.02, 1000), rtol=1e-9)
    product = 1.0
    for step in range(1, 1001):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * (step - 1) / 999)
        if step in (1, 500, 1000):
            assert schedule.alpha_bars[step] == pytest.approx(product, rel=1e-9)
    # Section 4: the KL divergence of q(x_T | x_0) from noise is about 1e-5 bits per dimension.
    bar = schedule.alpha_bars[-1]
    largest = 0.5 * (bar + (1 - bar) - 1 - math.log(1 - bar)) / math.log(2)  # at x_0² = 1
    assert largest < 5e-5


def test_cosine_is_that_of_the_paper():
    schedule = cosine(1000)
    for step in (1, 300, 900):
        f = [math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 for t in (step / 1000, 0)]
        assert schedule.alpha_bars[step] == pytest.approx(f[0] / f[1])
    assert schedule.betas.max() == pytest.approx(0.999) and schedule.alpha_bars[-1] > 0
    assert schedule.betas[0] < 1e-4
    # What it is for: in the middle of the way linear has destroyed more.
    assert schedule.alpha_bars[500] > 4 * linear(1000).alpha_bars[500]


@BOTH
def test_alpha_bars_and_betas_are_two_forms_of_one_thing(schedule):
    np.testing.assert_allclose(np.cumprod(1 - schedule.betas), schedule.alpha_bars[1:])
    signal, noise = schedule.levels(np.arange(51))
    np.testing.assert_allclose(signal**2 + noise**2, 1)
    assert schedule.levels(0) == (1, 0)
    with pytest.raises(ValueError, match="read-only"):
        schedule.alpha_bars[3] = 0.5


@BOTH
def test_one_draw_has_mean_and_variance_of_step_after_step(schedule):
    rng, count = np.random.default_rng(0), 20_000
    image = np.array([0.8, -0.3])
    one_by_one = np.tile(image, (count, 1))
    for step, beta in enumerate(schedule.betas[:20], start=1):
        noise = rng.normal(size=one_by_one.shape)
        one_by_one = np.sqrt(1 - beta) * one_by_one + np.sqrt(beta) * noise
        if step in (1, 20):
            images, steps = np.tile(image, (count, 1)), np.full(count, step)
            at_once = schedule.q_sample(images, steps, rng.normal(size=images.shape))
            bar = schedule.alpha_bars[step]
            for drawn in (one_by_one, at_once):  # within five standard errors
                error = math.sqrt((1 - bar) / count)
                assert (np.abs(drawn.mean(axis=0) - math.sqrt(bar) * image) < 5 * error).all()
                spread = drawn.var(axis=0) / (1 - bar)
                assert (np.abs(spread - 1) < 5 * math.sqrt(2 / count)).all()


def test_each_image_has_its_own_step_and_kind():
    schedule, rng = cosine(10), np.random.default_rng(0)
    images, noise = rng.normal(size=(2, 3, 1, 4, 4)).astype(np.float32)
    steps = np.array([0, 4, 10])
    found = schedule.q_sample(images, steps, noise)
    assert found.dtype == np.float32 and found.shape == images.shape
    for i, step in enumerate(steps):
        bar = schedule.alpha_bars[step]
        expected = math.sqrt(bar) * images[i] + math.sqrt(1 - bar) * noise[i]
        np.testing.assert_allclose(found[i], expected, rtol=1e-5)
    np.testing.assert_array_equal(found[0], images[0])
    tensors = [torch.from_numpy(array) for array in (images, steps, noise)]
    drawn = schedule.q_sample(*tensors)
    assert isinstance(drawn, torch.Tensor) and drawn.dtype == torch.float32
    np.testing.assert_allclose(drawn, found, rtol=1e-6)


@BOTH
@pytest.mark.parametrize(("later", "earlier"), [(1, None), (2, None), (20, None), (40, 10), (5, 0)])
def test_the_way_back_is_bayes_rule(schedule, later, earlier):
    """q(x_s | x_t, x_0) ∝ q(x_t | x_s) q(x_s | x_0), multiplied on a grid, or by precisions."""
    of_image, of_noisy, variance = schedule.posterior(later, earlier)
    start = later - 1 if earlier is None else earlier
    bar, before = schedule.alpha_bars[later], schedule.alpha_bars[start]
    alpha = math.prod(1 - schedule.betas[start:later])
    image, noisy = 0.7, -0.4
    if start == 0:  # x_0 itself
        assert variance == 0 and of_image == pytest.approx(1) and of_noisy == 0
        return
    grid = np.linspace(-8, 8, 200_001)
    log = -((noisy - math.sqrt(alpha) * grid) ** 2) / (2 * (1 - alpha))
    log -= (grid - math.sqrt(before) * image) ** 2 / (2 * (1 - before))
    density = np.exp(log - log.max())
    density /= density.sum()
    mean = (density * grid).sum()
    assert of_image * image + of_noisy * noisy == pytest.approx(mean, abs=1e-6)
    assert variance == pytest.approx((density * (grid - mean) ** 2).sum(), rel=1e-4)
    assert variance < 1 - alpha and alpha == pytest.approx(bar / before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear(0), "steps is 0; expected an integer of at least 1"),
        (
            lambda: linear(10, first=0),
            "first is 0; expected a number of at least 1e-12 and below 1",
        ),
        (
            lambda: linear(10, 0.1, 0.01),
            "last is 0.01; expected a number of at least 0.1 and below",
        ),
        (lambda: linear(10, 0.1, 1), "last is 1; expected a number of at least 0.1 and below 1"),
        (lambda: cosine(2.5), "steps is 2.5; expected an integer of at least 1"),
        (lambda: cosine(5, offset=-1), "offset is -1; expected a number of at least 0"),
        (
            lambda: cosine(5, largest=1),
            "largest is 1; expected a number of at least 1e-12 and below",
        ),
        (lambda: Schedule([1.0]), "alpha_bars have shape (1,); expected T + 1 falling numbers, at"),
        (lambda: Schedule([0.9, 0.5]), "the first of them 1, the last above 0"),
        (lambda: Schedule([1, 0.5, 0.6]), "expected T + 1 falling numbers"),
        (lambda: Schedule([1, 0.5, 0]), "the last above 0"),
        (lambda: Schedule([1, np.nan, 0.1]), "expected T + 1 falling numbers"),
        (lambda: cosine(5).levels(6), "expected integers from 0 to 5"),
        (lambda: cosine(5).levels([-1]), "steps are array([-1]); expected integers from 0 to 5"),
        (lambda: cosine(5).levels([1.0]), "expected integers from 0 to 5"),
        (lambda: cosine(5).levels([]), "expected integers from 0 to 5"),
        (lambda: cosine(5).posterior(0), "later is 0; expected an integer of at least 1"),
        (
            lambda: cosine(5).posterior(6),
            "later is 6 and earlier 5; expected 0 ≤ earlier < later ≤",
        ),
        (lambda: cosine(5).posterior(3, 3), "later is 3 and earlier 3; expected 0 ≤ earlier < la"),
    ],
)
def test_schedules_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("images", "steps", "noise"),
    [((3, 4), 3, (3, 5)), ((3, 4), 2, (3, 4)), ((3, 4), 3, (1, 4)), ((4,), 3, (4,))],
)
def test_shapes_that_would_be_broadcast_are_refused(images, steps, noise):
    with pytest.raises(
        ValueError, match=r"images have shape .*; expected \(B, …\) twice and \(B,\)"
    ):
        cosine(5).q_sample(np.ones(images), np.ones(steps, int), np.ones(noise))
