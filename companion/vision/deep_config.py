"""Configurations of the residual network and the vision transformer.

The constructor `published` of each makes the models of the papers, under the names of
`companion.data.published`.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from companion.checks import natural, number, one_of
from companion.vision.config import ImageConfig, image_size, naturals

__all__ = ["PublishedConfig", "ResNetConfig", "ViTConfig"]

_IMAGENET = (224, 224, 3)


class PublishedConfig(ImageConfig):
    """What the configs of these networks share: a table of published ones, checks of fields."""

    PUBLISHED: ClassVar[dict] = {}

    @classmethod
    def published(cls, name, **changes):
        """Return a config from the paper, for ImageNet's 1000 classes.

        Args:
            name: One of `PUBLISHED`.
            **changes: Fields that shall be different, such as outputs=10.

        Raises:
            ValueError: If the name is not known, or a change is impossible.
        """
        fields = cls.PUBLISHED[one_of("name", name, cls.PUBLISHED)]
        return cls(**{"image": _IMAGENET, "outputs": 1000} | fields | changes)

    def tidy(self, *numbers):
        """Check the image and fields that count something; make what JSON and NumPy give plain.

        Raises:
            ValueError: If the image is no three integers of at least 1, or a number is not one.
        """
        object.__setattr__(self, "image", image_size(self.image))
        for name in numbers:
            object.__setattr__(self, name, natural(name, getattr(self, name), 1))


def _resnet(*blocks, bottleneck):
    return {"blocks": blocks, "width": 64, "bottleneck": bottleneck, "stem": "imagenet"}


@dataclass(frozen=True)
class ResNetConfig(PublishedConfig):
    """The shape of a residual network: a stem, stages of blocks, one linear layer.

    Attributes:
        image: Height, width and channels of an image, each at least 1.
        blocks: Blocks of each stage, first to last. Every stage but the first starts by halving
            height and width, rounded up, and doubles the channels.
        outputs: Logits per image that come out, at least 1.
        width: Channels behind the stem, and of the 3×3 convolutions in the first stage.
        bottleneck: Whether a block is 1×1, 3×3, 1×1, the last with 4 times the channels, as in
            ResNet-50 and deeper; otherwise it is two 3×3, as in ResNet-18 and 34.
        skips: Whether a block's input is added to its output; without, it is a plain network.
        stem: "small", a 3×3 convolution that keeps the size, or "imagenet", a 7×7 convolution and
            a max-pooling, each of which halves it.
        stride_first: Whether the first 1×1 convolution of a bottleneck halves the image, as in the
            paper, and not the 3×3, as in torchvision. Without a bottleneck it changes nothing.

    Raises:
        ValueError: If a field is none of these, or the image is too small to be halved so often.
    """

    image: tuple[int, int, int]
    blocks: tuple[int, ...]
    outputs: int
    width: int = 16
    bottleneck: bool = False
    skips: bool = True
    stem: str = "small"
    stride_first: bool = False

    # Table 1 of the paper.
    PUBLISHED: ClassVar[dict] = {
        "ResNet-18": _resnet(2, 2, 2, 2, bottleneck=False),
        "ResNet-34": _resnet(3, 4, 6, 3, bottleneck=False),
        "ResNet-50": _resnet(3, 4, 6, 3, bottleneck=True),
        "ResNet-101": _resnet(3, 4, 23, 3, bottleneck=True),
        "ResNet-152": _resnet(3, 8, 36, 3, bottleneck=True),
    }

    def __post_init__(self):
        self.tidy("outputs", "width")
        blocks = naturals("blocks", self.blocks, "blocks of each stage such as (3, 4, 6, 3)")
        if not blocks:
            raise ValueError("blocks is (); expected at least one stage")
        object.__setattr__(self, "blocks", blocks)
        one_of("stem", self.stem, ("imagenet", "small"))
        for name in ("bottleneck", "skips", "stride_first"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected True or False")
        halvings = len(blocks) - 1 + 2 * (self.stem == "imagenet")
        if min(self.image[:2]) <= 2 ** (halvings - 1):
            raise ValueError(
                f"image is {self.image}, too small to be halved {halvings} times; expected "
                f"sides of more than {2 ** (halvings - 1)}, fewer stages or stem 'small'"
            )

    @property
    def maps(self):
        """Height, width and channels after each stage, a list of tuples."""
        grow, first = 4 if self.bottleneck else 1, 2 * (self.stem == "imagenet")
        height, width, _ = self.image
        return [
            (-(-height // 2**n), -(-width // 2**n), grow * self.width * 2 ** (n - first))
            for n in range(first, first + len(self.blocks))
        ]

    def plan(self):
        """Convolutions (inputs, outputs, kernel, stride) of the blocks.

        Returns:
            A list of stages; a stage is a list of blocks, a block a pair (body, shortcut): the
            convolutions one after the other, and the one beside them, None where nothing is there
            or the input is added as it is.
        """
        stages, inputs = [], self.width
        for stage, (count, (_, _, outputs)) in enumerate(zip(self.blocks, self.maps, strict=True)):
            stages.append([])
            for block in range(count):
                stride = 2 if stage and not block else 1
                changes = self.skips and (stride > 1 or inputs != outputs)
                shortcut = (inputs, outputs, 1, stride) if changes else None
                stages[-1].append((self._body(inputs, outputs, stride), shortcut))
                inputs = outputs
        return stages

    def _body(self, inputs, outputs, stride):
        if not self.bottleneck:
            return [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        first, second = (stride, 1) if self.stride_first else (1, stride)
        inner = outputs // 4
        return [(inputs, inner, 1, first), (inner, inner, 3, second), (inner, outputs, 1, 1)]


def _vit(layers, width, heads, patch):
    shape = {"patch": patch, "width": width, "layers": layers, "heads": heads}
    return shape | {"feed_forward": 4 * width}


@dataclass(frozen=True)
class ViTConfig(PublishedConfig):
    """The shape of a vision transformer: patches, encoder layers, one linear layer.

    Attributes:
        image: Height, width and channels of an image; both sides are multiples of `patch`.
        patch: Pixels along a side of a patch.
        width: Numbers per token, a multiple of `heads`.
        layers: Encoder layers.
        heads: Attention heads of each.
        feed_forward: Width of the hidden layer of each feed-forward network.
        outputs: Logits per image that come out.
        dropout: Share of the numbers that are put to 0 in training behind the embedding, each
            attention and each feed-forward network; below 1.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    image: tuple[int, int, int]
    patch: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    outputs: int
    dropout: float = 0.0

    # Table 1 of the paper; the number behind the stroke is the side of a patch.
    PUBLISHED: ClassVar[dict] = {
        "ViT-B/16": _vit(12, 768, 12, 16),
        "ViT-B/32": _vit(12, 768, 12, 32),
        "ViT-L/16": _vit(24, 1024, 16, 16),
        "ViT-L/32": _vit(24, 1024, 16, 32),
        "ViT-H/14": _vit(32, 1280, 16, 14),
    }

    def __post_init__(self):
        self.tidy("patch", "width", "layers", "heads", "feed_forward", "outputs")
        object.__setattr__(self, "dropout", number("dropout", self.dropout, 0, 1, below=True))
        if self.image[0] % self.patch or self.image[1] % self.patch:
            raise ValueError(f"image is {self.image}; expected sides that {self.patch} divides")
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}; expected a multiple of heads, {self.heads}")

    @property
    def grid(self):
        """Patches from top to bottom and from left to right."""
        return self.image[0] // self.patch, self.image[1] // self.patch

    @property
    def tokens(self):
        """Tokens per image: the patches and the class token."""
        return math.prod(self.grid) + 1
