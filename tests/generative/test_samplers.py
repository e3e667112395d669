"""Samplers against a distribution whose noise is known exactly, a normal one.

If x_0 has mean m and covariance S, x_t has mean √ᾱ m and covariance ᾱ S + (1 − ᾱ) I, and the best
prediction of the noise is ε̂ = √(1 − ᾱ) (ᾱ S + (1 − ᾱ) I)⁻¹ (x_t − √ᾱ m). Everything is then linear.
"""

import numpy as np
import pytest
import torch

from companion.generative.samplers import ddim, ddpm, guided, predicted_image
from companion.generative.schedules import cosine, linear

MEAN = np.array([0.8, -0.5])
COVARIANCE = np.array([[0.5, 0.3], [0.3, 0.25]])
SCHEDULE = cosine(300)


def _exact(schedule=SCHEDULE):
    """Return epsilon(x, t) of the normal distribution, for rows x."""

    def epsilon(noisy, step):
        bar = schedule.alpha_bars[step]
        inverse = np.linalg.inv(bar * COVARIANCE + (1 - bar) * np.eye(2))
        return np.sqrt(1 - bar) * (noisy - np.sqrt(bar) * MEAN) @ inverse

    return epsilon


def _moments(sampler):
    """Return mean and covariance of what a sampler without noise makes of normal noise."""
    ends = sampler(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    matrix = ends[1:] - ends[0]
    return ends[0], matrix.T @ matrix


def test_the_predicted_image_is_the_image_if_the_noise_is_right():
    rng = np.random.default_rng(0)
    images, noise = rng.normal(size=(2, 5, 3))
    for step in (0, 1, 150, 299):
        noisy = SCHEDULE.q_sample(images, np.full(5, step), noise)
        np.testing.assert_allclose(predicted_image(SCHEDULE, noisy, noise, step), images, atol=1e-7)


def test_without_noise_ddim_recovers_mean_and_covariance_in_the_limit():
    errors = []
    for steps in (10, 30, 100, 300):
        mean, covariance = _moments(lambda x, n=steps: ddim(_exact(), x, SCHEDULE, n))
        errors.append(max(np.abs(mean - MEAN).max(), np.abs(covariance - COVARIANCE).max()))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.02 and errors[-1] < 0.01, errors


def test_ddim_without_noise_inverts_q():
    """One direction only: forwards and backwards are then the same curve x = √ᾱ m + σ_t z."""
    schedule = cosine(2000)
    levels = schedule.levels(np.arange(2001))
    spread = np.sqrt(levels[0] ** 2 * 0.25 + levels[1] ** 2)  # of x_t, if x_0 has variance 0.25

    def epsilon(noisy, step):
        return levels[1][step] * (noisy - levels[0][step] * 0.7) / spread[step] ** 2

    z = np.linspace(-2, 2, 9)
    path = {}
    ddim(epsilon, levels[0][-1] * 0.7 + spread[-1] * z, schedule, 2000, watch=path.setdefault)
    assert sorted(path) == list(range(2000))
    for step, found in path.items():
        expected = levels[0][step] * 0.7 + spread[step] * z
        np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("name", ["ddpm", "ddpm-beta", "ddim-1", "ddim-half-50"])
def test_with_noise_all_recover_mean_and_covariance(name):
    rng, count = np.random.default_rng(1), 20_000
    options = {
        "ddim-1": {"steps": 300, "eta": 1.0},
        "ddim-half-50": {"steps": 150, "eta": 0.5},
        "ddpm": {},
        "ddpm-beta": {"variance": "beta"},
    }[name]
    start = rng.normal(size=(count, 2))

    def draw(x):
        return rng.normal(size=x.shape)

    if "steps" in options:
        found = ddim(_exact(), start, SCHEDULE, draw=draw, **options)
    else:
        found = ddpm(_exact(), start, SCHEDULE, draw, **options)
    # Five standard errors are 0.025; the rest is what finite steps leave.
    np.testing.assert_allclose(found.mean(axis=0), MEAN, atol=0.03)
    np.testing.assert_allclose(np.cov(found.T), COVARIANCE, atol=0.04)


def test_ddim_with_all_noise_and_all_steps_is_ddpm():
    start = np.random.default_rng(2).normal(size=(7, 2))
    ends = []
    for sampler in (
        lambda draw: ddpm(_exact(), start, SCHEDULE, draw),
        lambda draw: ddim(_exact(), start, SCHEDULE, 300, eta=1, draw=draw),
        lambda draw: ddpm(_exact(), start, SCHEDULE, draw, variance="beta"),
    ):
        rng = np.random.default_rng(3)
        ends.append(sampler(lambda x, rng=rng: rng.normal(size=x.shape)))
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-9)
    assert np.abs(ends[0] - ends[2]).max() > 1e-3


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_eta_is_the_share_of_the_posteriors_deviation(eta):
    steps, drawn, path = [], [], {}

    def epsilon(noisy, step):
        steps.append(step)
        return 0 * noisy

    def draw(noisy):
        drawn.append(1 + 0 * noisy)
        return drawn[-1]

    start = np.zeros((1, 2))
    ddim(epsilon, start, SCHEDULE, 4, eta=eta, draw=draw, watch=path.setdefault)
    assert steps == [300, 225, 150, 75] and list(path) == [225, 150, 75, 0]
    assert len(drawn) == 3, "the last step adds no noise"
    np.testing.assert_allclose(path[225], eta * SCHEDULE.posterior(300, 225)[2] ** 0.5)


def test_the_same_start_gives_the_same_images_only_without_noise():
    start = np.random.default_rng(4).normal(size=(5, 2))
    first, second = (ddim(_exact(), start, SCHEDULE, 20) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    rng = np.random.default_rng(5)
    noisy = [
        ddim(_exact(), start, SCHEDULE, 20, eta=1, draw=lambda x: rng.normal(size=x.shape))
        for _ in range(2)
    ]
    assert np.abs(noisy[0] - noisy[1]).min() > 1e-4


def test_torch_tensors_stay_torch_tensors():
    start = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))

    def epsilon(noisy, step):
        return torch.from_numpy(_exact()(noisy.numpy(), step)).float()

    found = ddim(epsilon, start, SCHEDULE, 30, clip=2)
    assert found.dtype == torch.float32
    expected = ddim(_exact(), start.numpy().astype(float), SCHEDULE, 30, clip=2)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    drawn = ddpm(epsilon, start, SCHEDULE, torch.randn_like)
    assert drawn.shape == (4, 2) and drawn.isfinite().all()


def test_clipping_keeps_a_bad_prediction_within_the_range():
    def bad(noisy, step):
        return -0.5 * noisy  # as if the image were larger and larger

    start = np.ones((2, 3))
    for clip, bound in ((1, 1.0), (None, np.inf)):
        for found in (
            ddim(bad, start, SCHEDULE, 50, clip=clip),
            ddpm(bad, start, SCHEDULE, np.zeros_like, clip=clip),
        ):
            assert np.abs(found).max() <= bound + 1e-9
    assert np.abs(ddim(bad, start, SCHEDULE, 50)).max() > 10


def test_guidance_at_its_limits():
    conditional, unconditional = np.random.default_rng(6).normal(size=(2, 3, 4))
    np.testing.assert_array_equal(guided(conditional, unconditional, 0), unconditional)
    np.testing.assert_array_equal(guided(conditional, unconditional, 1), conditional)
    w = 1.5  # equation 6 of the paper: (1 + w) ε̂(x | y) − w ε̂(x)
    expected = (1 + w) * conditional - w * unconditional
    np.testing.assert_allclose(guided(conditional, unconditional, 1 + w), expected)


def test_guidance_moves_a_normal_distribution_as_it_should():
    """Same variance, other means: ε̂ of scale s is exactly that of the mean m₀ + s (m₁ − m₀)."""
    schedule = linear(200, 0.0005, 0.1)

    def epsilon(mean):
        def predict(noisy, step):
            signal, scale = schedule.levels(step)
            return scale * (noisy - signal * mean) / (signal**2 * 0.04 + scale**2)

        return predict

    def both(noisy, step):
        return guided(epsilon(0.5)(noisy, step), epsilon(0.0)(noisy, step), 3)

    start = np.linspace(-2, 2, 9)[:, None]
    found = ddim(both, start, schedule, 200)
    np.testing.assert_allclose(found, ddim(epsilon(1.5), start, schedule, 200), atol=1e-9)
    assert found.mean() == pytest.approx(1.5, abs=0.05)


def _none(noisy, step):
    return 0 * noisy


START = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddim(_none, START, SCHEDULE, 0), "steps is 0; expected an integer of at least 1"),
        (
            lambda: ddim(_none, START, SCHEDULE, 301),
            "steps is 301; expected at most the schedule's",
        ),
        (
            lambda: ddim(_none, START, SCHEDULE, 9, eta=1.5),
            "eta is 1.5; expected a number of at le",
        ),
        (lambda: ddim(_none, START, SCHEDULE, 9, eta=1), "eta is 1.0 and draw is None; expected a"),
        (
            lambda: ddim(_none, START, SCHEDULE, 9, clip=0),
            "clip is 0; expected a number of at least",
        ),
        (
            lambda: ddim(lambda x, t: x[:1], START, SCHEDULE, 9),
            r"what epsilon returned has shape \(1, 3\) and the images \(2, 3\); expected the same",
        ),
        (
            lambda: ddpm(_none, START, SCHEDULE, np.zeros_like, variance="learned"),
            "variance is 'learned'; expected one of 'beta', 'posterior'",
        ),
        (lambda: ddpm(_none, START, SCHEDULE, np.zeros_like, clip=-1), "clip is -1; expected a nu"),
        (lambda: guided(START, START, -1), "scale is -1; expected a number of at least 0"),
        (
            lambda: guided(START, START[:1], 2),
            r"conditional has shape \(2, 3\) and unconditional \(",
        ),
        (lambda: predicted_image(SCHEDULE, START, START, 301), "expected integers from 0 to 300"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
