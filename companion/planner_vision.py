"""What an image classifier weighs and works: the vision transformer and the residual network.

Conventions as in `companion.planner`: one multiplication with its addition is two FLOP. Tables of
vision models usually print multiply-adds under the name FLOPs, half of what stands here.

Papers: Dosovitskiy et al. 2021 (ViT), He et al. 2016 (ResNet).
"""

from dataclasses import dataclass

from companion.checks import natural
from companion.planner import Blocks

__all__ = ["ResNet", "VisionTransformer"]


@dataclass(frozen=True, kw_only=True)
class VisionTransformer(Blocks):
    """An encoder that reads an image as a row of square patches, and a class token before them.

    Attributes:
        patch: Pixels along a side of a patch.
        image: Pixels along a side of an image, a multiple of `patch`.
        channels: Numbers per pixel.
        classes: Outputs.

    Raises:
        ValueError: As `Blocks`, or if a number here is not an integer of at least 1, or the
            patches do not fill the image.
    """

    patch: int
    image: int = 224
    channels: int = 3
    classes: int = 1000

    def __post_init__(self):
        super().__post_init__()
        for name in ("patch", "image", "channels", "classes"):
            object.__setattr__(self, name, natural(name, getattr(self, name), 1))
        if self.image % self.patch:
            raise ValueError(f"image is {self.image}; expected a multiple of patch, {self.patch}")

    @property
    def patches(self):
        """Patches per image."""
        return (self.image // self.patch) ** 2

    @property
    def context(self):
        """Tokens per image: the patches and the class token."""
        return self.patches + 1

    def parts(self):
        """Parameters by part: embeddings, attention, feed-forward, norms, head."""
        patch = (self.patch**2 * self.channels + 1) * self.width
        return {
            "embeddings": patch + (self.context + 1) * self.width,
            "attention": self.layers * self.attention_parameters(),
            "feed-forward": self.layers * self.feed_forward_parameters(),
            "norms": (2 * self.layers + 1) * self.norm_parameters(),
            "head": (self.width + 1) * self.classes,
        }

    def parameters(self):
        """All parameters."""
        return sum(self.parts().values())

    def forward_flop(self, *, attention=True):
        """FLOP of one forward pass of one image; `attention` says whether the scores count."""
        patches = self.patches * self.patch**2 * self.channels * self.width
        layers = self.context * self.layers * self.layer_matrices()
        scores = self.context * self.pair_flop(self.context) if attention else 0
        return 2 * (patches + layers + self.width * self.classes) + scores


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """A residual network with bottleneck blocks (1×1, 3×3, 1×1 convolutions), as ResNet-50.

    Attributes:
        blocks: Bottleneck blocks in each stage; every stage but the first halves the image.
        image: Pixels along a side of an image, a multiple of 32 for four stages.
        channels: Numbers per pixel.
        classes: Outputs.
        stem: Channels behind the first convolution (7×7) and inside the blocks of stage 1. Each
            stage doubles them, and each block puts out four times as many as it works with.
        stride_first: Whether the 1×1 convolution of a block halves the image, as in the paper.
            The 3×3 convolution does it in torchvision ("v1.5"), which takes more multiplications.

    Raises:
        ValueError: If a number is not an integer of at least 1, `blocks` is no sequence of such,
            or the image cannot be halved often enough.
    """

    blocks: tuple[int, ...]
    image: int = 224
    channels: int = 3
    classes: int = 1000
    stem: int = 64
    stride_first: bool = False

    def __post_init__(self):
        if not isinstance(self.blocks, tuple | list) or not self.blocks:
            raise ValueError(f"blocks is {self.blocks!r}; expected a tuple such as (3, 4, 6, 3)")
        blocks = tuple(natural(f"blocks[{i}]", n, 1) for i, n in enumerate(self.blocks))
        object.__setattr__(self, "blocks", blocks)
        for name in ("image", "channels", "classes", "stem"):
            object.__setattr__(self, name, natural(name, getattr(self, name), 1))
        halvings = 2 ** (len(blocks) + 1)
        if self.image % halvings:
            raise ValueError(f"image is {self.image}; expected a multiple of {halvings}")

    @property
    def features(self):
        """Numbers that the last layer, a matrix, receives for each image."""
        return 4 * self.stem * 2 ** (len(self.blocks) - 1)

    def convolutions(self):
        """List (inputs, outputs, kernel, side), where side counts the pixels along the output.

        A convolution has inputs · outputs · kernel² weights, and uses each at side² places.
        """
        side, inputs = self.image // 4, self.stem  # a stride of 2, then a pooling by 2
        found = [(self.channels, self.stem, 7, self.image // 2)]
        for stage, count in enumerate(self.blocks):
            inner = self.stem * 2**stage
            for block in range(count):
                before, side = side, side // 2 if stage and not block else side
                first = side if self.stride_first else before
                found.append((inputs, inner, 1, first))
                found.append((inner, inner, 3, side))
                found.append((inner, 4 * inner, 1, side))
                if not block:  # the shortcut changes the number of channels
                    found.append((inputs, 4 * inner, 1, side))
                inputs = 4 * inner
        return found

    def parts(self):
        """Parameters by part: convolutions, norms (scale and shift for each channel), head."""
        found = self.convolutions()
        return {
            "convolutions": sum(i * o * kernel**2 for i, o, kernel, _ in found),
            "norms": sum(2 * outputs for _, outputs, _, _ in found),
            "head": (self.features + 1) * self.classes,
        }

    def parameters(self):
        """All parameters; the running means and variances of the norms are none."""
        return sum(self.parts().values())

    def forward_flop(self):
        """FLOP of one forward pass of one image."""
        places = sum(i * o * (kernel * side) ** 2 for i, o, kernel, side in self.convolutions())
        return 2 * (places + self.features * self.classes)
