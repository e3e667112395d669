"""Samplers of diffusion models: from noise to images, given a prediction of the noise.

- `ddpm`: Ho, Jain and Abbeel (2020), arXiv:2006.11239, algorithm 2: all steps, new noise in each.
- `ddim`: Song, Meng and Ermon (2021), *Denoising diffusion implicit models*, arXiv:2010.02502,
  equations 12 and 16: as few steps as you like, and as much new noise (eta) as you like, also none.
- `guided`: Ho and Salimans (2022), *Classifier-free diffusion guidance*, arXiv:2207.12598.

`epsilon(x, t)` is the model: it returns the noise that it sees in x, all of which is at step t, a
Python integer. `draw(x)` returns standard normal noise in the shape of x, such as
`torch.randn_like`. Nothing here belongs to a framework: only sums, and products with floats.

Letters: x_t an image at step t, ε̂ the predicted noise, x̂_0 = (x_t − √(1 − ᾱ_t) ε̂) / √ᾱ_t the
predicted image; s < t the step that is gone to.
"""

from itertools import pairwise

import numpy as np

from companion.checks import natural, number, one_of

__all__ = ["ddim", "ddpm", "guided", "predicted_image"]


def predicted_image(schedule, noisy, noise, step):
    """Return x̂_0, the image that is left when the noise is taken away.

    Args:
        schedule: A `companion.generative.schedules.Schedule`.
        noisy: x_t, shape (B, …).
        noise: ε̂, shape (B, …).
        step: t, an integer from 0 to T.

    Returns:
        Images, shape (B, …).

    Raises:
        ValueError: If the step is no such integer.
    """
    signal, scale = map(float, schedule.levels(step))
    return (noisy - scale * noise) / signal


def guided(conditional, unconditional, scale):
    """Return the prediction that exaggerates what a label changes.

    ε̂ = ε̂(x) + scale · (ε̂(x | y) − ε̂(x)): 0 ignores the label, 1 is the conditional prediction,
    more moves further. In the paper's equation 6, scale is 1 + w.

    Args:
        conditional: ε̂(x | y), shape (B, …).
        unconditional: ε̂(x), shape (B, …).
        scale: A number of at least 0.

    Returns:
        The guided prediction, shape (B, …).

    Raises:
        ValueError: If the scale is no such number or the shapes differ.
    """
    scale = number("scale", scale, 0)
    _same_shape("conditional", conditional, "unconditional", unconditional)
    return (1 - scale) * unconditional + scale * conditional


def ddpm(epsilon, start, schedule, draw, *, variance="posterior", clip=None, watch=None):
    """Go back all steps, each a draw from q(x_{t−1} | x_t, x̂_0).

    Args:
        epsilon: The model, epsilon(x, t).
        start: x_T, standard normal noise, shape (B, …).
        schedule: A `companion.generative.schedules.Schedule`.
        draw: Returns standard normal noise in the shape of its argument.
        variance: "posterior", β̃_t, the variance if x̂_0 were exact, or "beta", β_t; the paper's
            section 3.2 compares both.
        clip: Largest absolute value of a predicted pixel; None for no bound.
        watch: watch(t, x) is called with every t that was reached and its images.

    Returns:
        Images x_0, shape (B, …); pixels may lie a little outside of the data's range.

    Raises:
        ValueError: If an argument is none of these, or the model returns another shape.
    """
    one_of("variance", variance, ("beta", "posterior"))
    _check_clip(clip)
    noisy = start
    for step in range(schedule.steps, 0, -1):
        image, _ = _predict(epsilon, schedule, noisy, step, clip)
        of_image, of_noisy, spread = schedule.posterior(step)
        mean = of_image * image + of_noisy * noisy
        if variance == "beta":
            spread = float(schedule.betas[step - 1])
        noisy = mean + spread**0.5 * draw(mean) if step > 1 else mean  # the last step adds none
        if watch is not None:
            watch(step - 1, noisy)
    return noisy


def ddim(epsilon, start, schedule, steps, *, eta=0.0, draw=None, clip=None, watch=None):
    """Go back in fewer steps: x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ ε.

    Args:
        epsilon: The model, epsilon(x, t).
        start: x_T, standard normal noise, shape (B, …).
        schedule: A `companion.generative.schedules.Schedule`.
        steps: How many steps to take, from 1 to T, evenly spread from T to 0.
        eta: Share of the posterior's standard deviation that σ is, from 0 to 1: 0 makes the images
            a function of `start`, 1 with all steps is `ddpm`.
        draw: Returns standard normal noise in the shape of its argument; needed if eta is above 0.
        clip: Largest absolute value of a predicted pixel; None for no bound.
        watch: watch(t, x) is called with every t that was reached and its images.

    Returns:
        Images x_0, shape (B, …); pixels may lie a little outside of the data's range.

    Raises:
        ValueError: If an argument is none of these, or the model returns another shape.
    """
    eta = number("eta", eta, 0, 1)
    if eta > 0 and draw is None:
        raise ValueError(f"eta is {eta} and draw is None; expected a function that draws noise")
    if natural("steps", steps, 1) > schedule.steps:
        raise ValueError(f"steps is {steps}; expected at most the schedule's {schedule.steps}")
    _check_clip(clip)
    times = np.linspace(schedule.steps, 0, steps + 1).round().astype(int).tolist()
    noisy = start
    for step, earlier in pairwise(times):
        image, noise = _predict(epsilon, schedule, noisy, step, clip)
        bar = float(schedule.alpha_bars[earlier])
        variance = eta**2 * schedule.posterior(step, earlier)[2]
        noisy = bar**0.5 * image + max(0.0, 1 - bar - variance) ** 0.5 * noise
        if variance > 0:  # not at the last step, whose posterior is a point
            noisy = noisy + variance**0.5 * draw(noisy)
        if watch is not None:
            watch(earlier, noisy)
    return noisy


def _predict(epsilon, schedule, noisy, step, clip):
    """Return x̂_0, clipped, and the noise that fits it."""
    noise = epsilon(noisy, step)
    _same_shape("what epsilon returned", noise, "the images", noisy)
    image = predicted_image(schedule, noisy, noise, step)
    if clip is not None:
        image = image.clip(-clip, clip)
        signal, scale = map(float, schedule.levels(step))
        noise = (noisy - signal * image) / scale
    return image, noise


def _same_shape(name, array, other_name, other):
    if tuple(array.shape) != tuple(other.shape):
        raise ValueError(
            f"{name} has shape {tuple(array.shape)} and {other_name} {tuple(other.shape)}; "
            "expected the same shape"
        )


def _check_clip(clip):
    if clip is not None:
        number("clip", clip, 1e-12)
