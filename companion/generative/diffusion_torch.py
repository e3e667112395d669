"""The network of a diffusion model in PyTorch: a U-Net that predicts noise. It has no Keras twin.

Ho, Jain and Abbeel (2020), *Denoising diffusion probabilistic models*, arXiv:2006.11239: an image
x_0 at step t is x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (see `companion.generative.schedules`), and the
network ε_θ is trained on (equation 14, the "simple" loss)

    L = E |ε − ε_θ(x_t, t, y)|²        t evenly from 1 … T, ε standard normal

The label y is replaced by "none" now and then, so that one network predicts with and without it
(Ho and Salimans, 2022, *Classifier-free diffusion guidance*, arXiv:2207.12598, algorithm 1).

A U-Net (Ronneberger, Fischer and Brox, 2015, arXiv:1505.04597) looks at the image at several
sizes: on the way down each level halves it, on the way up each doubles it again and sees, by a skip
connection, what the same level saw before.

Shapes: B images in a batch, C channels, H × W pixels, D numbers of the embedding of time and label,
F filters of a level.

What differs from the papers: one residual block per level, no attention, no dropout, means of
2 × 2 instead of strided convolutions, and labels, added to the embedding of time. As there, the
last layer of the network and of each block starts at 0, so that it begins with "no noise" and
each block as the identity. The other weights keep torch's own distributions.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from companion.batch_checks import value_range
from companion.checks import natural, number
from companion.generative.samplers import guided

__all__ = ["UNet", "guided_epsilon", "noise_loss", "time_embedding"]


def time_embedding(steps, size):
    """Return sines and cosines of steps at wavelengths from 2π to 10 000 · 2π.

    Vaswani et al. (2017), *Attention is all you need*, arXiv:1706.03762, section 3.5, with all
    sines first.

    Args:
        steps: Numbers, shape (B,).
        size: D, an even number of at least 2.

    Returns:
        Numbers from −1 to 1, float32 of shape (B, D).

    Raises:
        ValueError: If the size is none.
    """
    half = natural("size", size, 2) // 2
    if size % 2:
        raise ValueError(f"size is {size}; expected an even number")
    rates = torch.exp(-math.log(10_000) / half * torch.arange(half, device=steps.device))  # (D/2,)
    angles = steps[:, None].float() * rates  # (B, D/2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class _Block(nn.Module):
    """Two convolutions around a shortcut; time and label are added in between."""

    def __init__(self, inputs, outputs, embedding, groups):
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(math.gcd(groups, inputs), inputs),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
        )
        self.project = nn.Linear(embedding, outputs)
        self.second = nn.Sequential(
            nn.GroupNorm(groups, outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        nn.init.zeros_(self.second[-1].weight)
        nn.init.zeros_(self.second[-1].bias)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, hidden, embedded):
        inner = self.first(hidden) + self.project(embedded)[:, :, None, None]
        return self.shortcut(hidden) + self.second(inner)  # (B, F, H′, W′)


class UNet(nn.Module):
    """A network that predicts the noise in images at several sizes.

    Args:
        config: A `companion.generative.config.UNetConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        size, groups, channels = config.embedding, config.groups, config.image[2]
        below = (config.filters[0], *config.filters[:-1])  # what comes into a level
        self.time = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))
        self.label = nn.Embedding(config.classes + 1, size)
        self.stem = nn.Conv2d(channels, config.filters[0], 3, padding=1)
        self.down = nn.ModuleList(
            _Block(*pair, size, groups) for pair in zip(below, config.filters, strict=True)
        )
        self.middle = _Block(config.filters[-1], config.filters[-1], size, groups)
        above = (*config.filters[1:], config.filters[-1])  # what comes up to a level
        self.up = nn.ModuleList(
            _Block(coming + own, own, size, groups)
            for coming, own in zip(above, config.filters, strict=True)
        )
        self.norm = nn.GroupNorm(groups, config.filters[0])
        self.head = nn.Conv2d(config.filters[0], channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, noisy, steps, labels=None):
        """Return the noise in images.

        Args:
            noisy: x_t, of the same dtype as the weights, shape (B, C, H, W).
            steps: t of each image, integers, shape (B,).
            labels: Integers from 0 to `config.classes`, the last for "none", shape (B,); without
                them all are "none".

        Returns:
            ε_θ(x_t, t, y), shape (B, C, H, W).

        Raises:
            ValueError: If a shape is another, B is 0 or a label is out of range.
            TypeError: If the dtype is another, or steps or labels are no integers.
        """
        dtypes = [str(t.dtype).removeprefix("torch.") for t in (noisy, self.head.weight)]
        self.config.check_images(noisy.shape, *dtypes, channels_first=True)
        if labels is None:
            labels = torch.full_like(steps, self.config.null)
        _check_integers("steps", steps, len(noisy), 0, math.inf)
        _check_integers("labels", labels, len(noisy), 0, self.config.null)
        embedded = time_embedding(steps, self.config.embedding).to(noisy.dtype)
        embedded = F.silu(self.time(embedded) + self.label(labels))  # (B, D)

        hidden, skips = self.stem(noisy), []
        for level, block in enumerate(self.down):
            hidden = block(F.avg_pool2d(hidden, 2) if level else hidden, embedded)
            skips.append(hidden)  # (B, F, H / 2^level, W / 2^level)
        hidden = self.middle(hidden, embedded)
        for level in range(len(self.up) - 1, -1, -1):
            hidden = self.up[level](torch.cat([hidden, skips[level]], dim=1), embedded)
            if level:
                hidden = F.interpolate(hidden, scale_factor=2.0, mode="nearest")
        return self.head(F.silu(self.norm(hidden)))  # (B, C, H, W)


def noise_loss(model, schedule, images, labels=None, *, drop=0.1, generator=None):
    """Return the mean squared error of the predicted noise, at random steps.

    Args:
        model: A `UNet`, or anything that is called like one and has its `config`.
        schedule: A `companion.generative.schedules.Schedule`.
        images: x_0, from −1 to 1, shape (B, C, H, W).
        labels: Integers from 0 to `config.classes`, shape (B,); None for "none" everywhere.
        drop: Share of the labels that are replaced by "none", from 0 to 1.
        generator: A `torch.Generator` on the images' device; by default torch's global one.

    Returns:
        A scalar; about 1 before training.

    Raises:
        ValueError: If a shape is another, B is 0, a pixel is not from −1 to 1, or `drop` is none.
        TypeError: If a dtype is another.
    """
    drop = number("drop", drop, 0, 1)
    count, place = len(images), {"device": images.device, "generator": generator}
    if images.numel() == 0:
        raise ValueError(
            f"the images have shape {tuple(images.shape)}; expected at least one image"
        )
    value_range("images", images.min(), images.max(), -1, 1)
    steps = torch.randint(1, schedule.steps + 1, (count,), **place)
    noise = torch.randn(images.shape, dtype=images.dtype, **place)
    if labels is not None:
        _check_integers("labels", labels, count, 0, model.config.null)
        dropped = torch.rand(count, **place) < drop
        labels = labels.masked_fill(dropped, model.config.null)
    noisy = schedule.q_sample(images, steps, noise)
    return F.mse_loss(model(noisy, steps, labels), noise)


def guided_epsilon(model, labels, scale=1.0):
    """Return the function epsilon(x, t) that `companion.generative.samplers` asks for.

    Args:
        model: A `UNet`.
        labels: What is to be drawn, integers from 0 to `config.classes`, shape (B,).
        scale: 0 ignores the labels, 1 is the network's own prediction, more exaggerates them; see
            `companion.generative.samplers.guided`.

    Returns:
        A function without gradients. It runs the network once if scale is 0 or 1, and otherwise
        once on both halves of a batch of 2 B.

    Raises:
        ValueError: If the scale is not a number of at least 0.
    """
    scale = number("scale", scale, 0)
    null = torch.full_like(labels, model.config.null)

    @torch.no_grad()
    def epsilon(noisy, step):
        steps = torch.full_like(labels, step)
        if scale in (0, 1):
            return model(noisy, steps, labels if scale else null)
        both = torch.cat([noisy, noisy]), torch.cat([steps, steps]), torch.cat([labels, null])
        return guided(*model(*both).chunk(2), scale)

    return epsilon


def _check_integers(name, values, count, low, high):
    if values.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"the {name} are {values.dtype}; expected torch.int64")
    if tuple(values.shape) != (count,):
        raise ValueError(f"the {name} have shape {tuple(values.shape)}; expected ({count},)")
    value_range(name, values.min(), values.max(), low, high)
