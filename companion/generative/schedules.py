"""Noise schedules of diffusion models: how much of an image is left after each step.

Step t of T mixes an image with a little noise; all steps up to t together are one (Ho, Jain and
Abbeel, 2020, *Denoising diffusion probabilistic models*, arXiv:2006.11239, equations 2 and 4):

    x_t = √(1 − β_t) x_{t−1} + √β_t ε_t        x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε

with standard normal ε and ᾱ_t = Π_{s≤t} (1 − β_s). A schedule is the numbers ᾱ_0 = 1, ᾱ_1, …, ᾱ_T,
so that index t is the t of the papers and t = 0 is the image itself.

Nothing here belongs to a framework: images may be NumPy arrays or torch tensors, and stay so.
"""

from dataclasses import dataclass

import numpy as np

from companion.checks import natural, number

__all__ = ["Schedule", "cosine", "linear"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """How much of an image is left after each step.

    Attributes:
        alpha_bars: ᾱ_0 to ᾱ_T, float64 of shape (T + 1,): 1 first, then falling, all above 0.

    Raises:
        ValueError: If the numbers are none of these.
    """

    alpha_bars: np.ndarray

    def __post_init__(self):
        bars = np.array(self.alpha_bars, dtype=np.float64)
        sound = bars.ndim == 1 and len(bars) > 1 and bars[0] == 1
        if not sound or not bars[-1] > 0 or not (np.diff(bars) < 0).all():
            raise ValueError(
                f"alpha_bars have shape {bars.shape}; expected T + 1 falling numbers, at least 2, "
                "the first of them 1, the last above 0"
            )
        bars.flags.writeable = False
        object.__setattr__(self, "alpha_bars", bars)

    @property
    def steps(self):
        """The number of steps, T."""
        return len(self.alpha_bars) - 1

    @property
    def betas(self):
        """Share of the variance that each step replaces by noise: β_1 to β_T, shape (T,)."""
        return 1 - self.alpha_bars[1:] / self.alpha_bars[:-1]

    def levels(self, steps):
        """Return what multiplies image and noise at some steps: √ᾱ_t and √(1 − ᾱ_t).

        Args:
            steps: An integer or integers from 0 to T, in an array or a tensor.

        Returns:
            Two arrays of float64 in the shape of `steps`.

        Raises:
            ValueError: If a step is no such integer.
        """
        steps = np.asarray(steps.tolist() if hasattr(steps, "tolist") else steps)
        whole = steps.size and steps.dtype.kind in "iu"
        if not whole or steps.min() < 0 or steps.max() > self.steps:
            raise ValueError(f"steps are {steps!r}; expected integers from 0 to {self.steps}")
        bars = self.alpha_bars[steps]
        return np.sqrt(bars), np.sqrt(1 - bars)

    def q_sample(self, images, steps, noise):
        """Return images as they are after some steps: draws from q(x_t | x_0).

        Args:
            images: x_0, normally from −1 to 1, an array or tensor of shape (B, …).
            steps: t of each image, integers from 0 to T, shape (B,).
            noise: Standard normal ε of the same kind and shape as the images.

        Returns:
            x_t, of the same kind, dtype and shape as the images.

        Raises:
            ValueError: If the shapes do not fit or a step is out of range.
        """
        signal, scale = self.levels(steps)
        if tuple(noise.shape) != tuple(images.shape) or signal.shape != tuple(images.shape[:1]):
            raise ValueError(
                f"images have shape {tuple(images.shape)}, noise {tuple(noise.shape)} and steps "
                f"{signal.shape}; expected (B, …) twice and (B,)"
            )
        shape = (-1,) + (1,) * (len(images.shape) - 1)  # (B, 1, …)
        signal, scale = (_like(level.reshape(shape), images) for level in (signal, scale))
        return signal * images + scale * noise

    def posterior(self, later, earlier=None):
        """Return q(x_s | x_t, x_0), the way back if the image were known (equations 6 and 7).

        It is a normal distribution with mean a x_0 + b x_t and the same variance for every pixel.

        Args:
            later: t, from 1 to T.
            earlier: s, from 0 to t − 1; by default t − 1.

        Returns:
            The triple (a, b, variance) of floats.

        Raises:
            ValueError: If the steps are none of these.
        """
        later = natural("later", later, 1)
        earlier = later - 1 if earlier is None else natural("earlier", earlier, 0)
        if later > self.steps or earlier >= later:
            raise ValueError(
                f"later is {later} and earlier {earlier}; expected 0 ≤ earlier < later ≤ "
                f"{self.steps}"
            )
        bar, before = (float(self.alpha_bars[step]) for step in (later, earlier))
        alpha = bar / before  # of the steps between the two, taken together
        left = (1 - before) / (1 - bar)
        return before**0.5 * (1 - alpha) / (1 - bar), alpha**0.5 * left, (1 - alpha) * left


def linear(steps, first=1e-4, last=0.02):
    """Return the schedule whose β grow evenly (Ho et al., section 4: T = 1000 and these bounds).

    With fewer steps and the same bounds much of the image is left at the end; take bounds that are
    larger by 1000 / T.

    Args:
        steps: T, at least 1.
        first: β_1, from 0 to 1, both excluded.
        last: β_T, from `first` on and below 1.

    Returns:
        A `Schedule`.

    Raises:
        ValueError: If an argument is none of these.
    """
    first = number("first", first, 1e-12, 1, below=True)
    last = number("last", last, first, 1, below=True)
    betas = np.linspace(first, last, natural("steps", steps, 1))
    return Schedule(np.concatenate([[1.0], np.cumprod(1 - betas)]))


def cosine(steps, offset=0.008, largest=0.999):
    """Return the schedule whose ᾱ falls like a squared cosine.

    Nichol and Dhariwal (2021), *Improved denoising diffusion probabilistic models*,
    arXiv:2102.09672, equation 17 and section 3.2: ᾱ_t = f(t) / f(0) with
    f(t) = cos²((t/T + s) / (1 + s) · π/2), and β at most 0.999, without which ᾱ_T would be 0.

    Args:
        steps: T, at least 1.
        offset: s, at least 0: keeps β from being tiny near t = 0.
        largest: Bound of every β, above 0 and below 1.

    Returns:
        A `Schedule`.

    Raises:
        ValueError: If an argument is none of these.
    """
    times = np.arange(natural("steps", steps, 1) + 1) / steps
    offset = number("offset", offset, 0)
    largest = number("largest", largest, 1e-12, 1, below=True)
    bars = np.cos((times + offset) / (1 + offset) * np.pi / 2) ** 2
    betas = np.minimum(1 - bars[1:] / bars[:-1], largest)
    return Schedule(np.concatenate([[1.0], np.cumprod(1 - betas)]))


def _like(array, images):
    """Return an array of the kind, dtype and device of the images."""
    if hasattr(images, "new_tensor"):  # a torch tensor
        return images.new_tensor(array)
    return array.astype(images.dtype)
