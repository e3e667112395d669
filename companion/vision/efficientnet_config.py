"""Configuration of EfficientNet: the baseline network and what scales it."""

from dataclasses import dataclass, replace
from math import ceil
from typing import ClassVar

from companion.checks import number
from companion.vision.config import naturals
from companion.vision.deep_config import PublishedConfig

__all__ = ["EfficientNetConfig"]

# Table 1 of the paper: expansion, kernel, stride, filters, repeats of each stage.
_BASELINE = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def _scaled(width, depth, side, dropout):
    return {"width": width, "depth": depth, "image": (side, side, 3), "dropout": dropout}


@dataclass(frozen=True)
class EfficientNetConfig(PublishedConfig):
    """The shape of an EfficientNet: a stem, stages of MBConv blocks, a 1×1 convolution, a head.

    Attributes:
        image: Height, width and channels of an image, each at least 1: the resolution.
        outputs: Logits per image that come out, at least 1.
        width: What multiplies all numbers of filters, above 0; see `filters`.
        depth: What multiplies the repeats of each stage, above 0; the result is rounded up.
        stages: Expansion, kernel, stride, filters and repeats of each stage, before scaling. Only
            the first block of a stage has the stride.
        stem: Filters of the first convolution, 3×3 with stride 2, before scaling.
        top: Filters of the last convolution, 1×1, before scaling.
        dropout: Share of the numbers before the last layer that are put to 0 in training; below 1.
        drop_block: Share of the images for which the last block is skipped in training; it grows
            linearly from 0 at the first; below 1.

    Raises:
        ValueError: If a field is none of these, or a stride finds only one pixel.
    """

    image: tuple[int, int, int]
    outputs: int
    width: float = 1.0
    depth: float = 1.0
    stages: tuple[tuple[int, int, int, int, int], ...] = _BASELINE
    stem: int = 32
    top: int = 1280
    dropout: float = 0.2
    drop_block: float = 0.2

    # From the authors' code: the paper gives φ, and coefficients that these round.
    PUBLISHED: ClassVar[dict] = {
        "EfficientNet-B0": _scaled(1.0, 1.0, 224, 0.2),
        "EfficientNet-B1": _scaled(1.0, 1.1, 240, 0.2),
        "EfficientNet-B2": _scaled(1.1, 1.2, 260, 0.3),
        "EfficientNet-B3": _scaled(1.2, 1.4, 300, 0.3),
        "EfficientNet-B4": _scaled(1.4, 1.8, 380, 0.4),
        "EfficientNet-B5": _scaled(1.6, 2.2, 456, 0.4),
        "EfficientNet-B6": _scaled(1.8, 2.6, 528, 0.5),
        "EfficientNet-B7": _scaled(2.0, 3.1, 600, 0.5),
    }

    def __post_init__(self):
        self.tidy("outputs", "stem", "top")
        if not isinstance(self.stages, tuple | list) or not self.stages:
            raise ValueError(f"stages is {self.stages!r}; expected a tuple of at least one stage")
        example = "expansion, kernel, stride, filters and repeats such as (6, 3, 2, 24, 2)"
        stages = tuple(naturals(f"stages[{i}]", s, example) for i, s in enumerate(self.stages))
        for i, stage in enumerate(stages):
            if len(stage) != 5:
                raise ValueError(f"stages[{i}] is {stage}; expected {example}")
            if stage[1] % 2 == 0:
                raise ValueError(f"stages[{i}] has kernel {stage[1]}; expected an odd number")
        object.__setattr__(self, "stages", stages)
        for name in ("dropout", "drop_block"):
            object.__setattr__(self, name, number(name, getattr(self, name), 0, 1, below=True))
        for name in ("width", "depth"):
            object.__setattr__(self, name, number(name, getattr(self, name), 0))
            if not getattr(self, name):
                raise ValueError(f"{name} is 0.0; expected a number above 0")
        self._check_strides()

    def _check_strides(self):
        sizes = [self.image, self._halved(self.image, 2), *self.maps]
        for before, stride in zip(sizes, (2, *(stage[2] for stage in self.stages)), strict=False):
            if stride > 1 and min(before[:2]) == 1:
                raise ValueError(
                    f"image is {self.image}, and a stride of {stride} finds a map of "
                    f"{before[0]} × {before[1]}; expected a larger image or fewer strides"
                )

    @staticmethod
    def _halved(size, stride):
        return -(-size[0] // stride), -(-size[1] // stride)

    def scaled(self, *, width=1.0, depth=1.0, resolution=1.0):
        """Return the config with filters, repeats and sides of the image multiplied.

        Raises:
            ValueError: If a factor is no number above 0, or makes the config impossible.
        """
        resolution = number("resolution", resolution, 0)
        height, across, channels = self.image
        image = (round(resolution * height), round(resolution * across), channels)
        width, depth = number("width", width, 0), number("depth", depth, 0)
        return replace(self, image=image, width=self.width * width, depth=self.depth * depth)

    def compound(self, phi):
        """Return the config scaled in all three at once: equation 3 with the paper's α, β, γ.

        The multiply-adds would grow by (1.2 · 1.1² · 1.15²)^φ, close to 2^φ; rounding the repeats
        up makes it more, 2.6 times at φ = 1.

        Args:
            phi: The compound coefficient φ; 0 changes nothing.

        Raises:
            ValueError: If it is no number of at least 0.
        """
        phi = number("phi", phi, 0)
        return self.scaled(depth=1.2**phi, width=1.1**phi, resolution=1.15**phi)

    def filters(self, count):
        """Return a number of filters after scaling: the nearest multiple of 8, at least 8.

        A multiple that is more than 10 % too small is replaced by the next one.
        """
        wanted = count * self.width
        found = max(8, int(wanted + 4) // 8 * 8)
        return found + 8 if found < 0.9 * wanted else found

    @property
    def maps(self):
        """Height, width and channels after each stage, a list of tuples."""
        size, found = self._halved(self.image, 2), []
        for _, _, stride, filters, _ in self.stages:
            size = self._halved(size, stride)
            found.append((*size, self.filters(filters)))
        return found

    def plan(self):
        """Blocks after scaling: a list of stages, each a list of tuples.

        A tuple is (inputs, inner, outputs, kernel, stride), the first three in channels.
        """
        found, inputs = [], self.filters(self.stem)
        for expansion, kernel, stride, filters, repeats in self.stages:
            outputs = self.filters(filters)
            found.append([])
            for block in range(ceil(self.depth * repeats)):
                step = 1 if block else stride
                found[-1].append((inputs, expansion * inputs, outputs, kernel, step))
                inputs = outputs
        return found
