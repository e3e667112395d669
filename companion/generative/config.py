"""Configurations of the generative models, each shared by its PyTorch and its Keras twin."""

from dataclasses import dataclass

from companion.batch_checks import image_size, naturals
from companion.checks import natural, one_of
from companion.vision.config import ACTIVATIONS, CNNConfig

__all__ = ["GANConfig", "UNetConfig", "VAEConfig"]


@dataclass(frozen=True)
class VAEConfig:
    """The shape of a variational autoencoder, whose decoder mirrors its encoder.

    Attributes:
        image: Height, width and channels of an image.
        hidden: Width of each hidden layer of the encoder, first to last; at least one.
        latent: Numbers of a latent vector, at least 1.
        activation: What follows each hidden layer, one of `companion.vision.config.ACTIVATIONS`.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    hidden: tuple[int, ...]
    latent: int
    activation: str = "relu"

    def __post_init__(self):
        # What JSON and NumPy make of the fields, lists and integers of their own, becomes plain.
        object.__setattr__(self, "image", image_size(self.image))
        object.__setattr__(self, "hidden", naturals("hidden", self.hidden, "widths such as (256,)"))
        object.__setattr__(self, "latent", natural("latent", self.latent, 1))
        one_of("activation", self.activation, ACTIVATIONS)

    @property
    def widths(self):
        """The numbers per image from the pixels to the last hidden layer: (C·H·W, *hidden)."""
        height, width, channels = self.image
        return (height * width * channels, *self.hidden)

    # The same question as for the classifier: do these images have the size of `image`?
    check_images = CNNConfig.check_images


@dataclass(frozen=True)
class GANConfig:
    """The shape of a generator and of the discriminator that mirrors it.

    Attributes:
        image: Height, width and channels of an image; the first two divisible by 2 per stage.
        noise: Numbers that the generator starts from, at least 1.
        filters: Channels before each stage of the generator, first to last; each stage doubles the
            image. The discriminator has the same ones in reverse.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    noise: int
    filters: tuple[int, ...]

    def __post_init__(self):
        filters = naturals("filters", self.filters, "numbers of channels such as (64, 32)")
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "image", image_size(self.image, len(filters)))
        object.__setattr__(self, "noise", natural("noise", self.noise, 1))

    @property
    def smallest(self):
        """Height, width and channels before the generator's first stage."""
        height, width, _ = self.image
        parts = 2 ** len(self.filters)
        return (height // parts, width // parts, self.filters[0])

    @property
    def channels(self):
        """Channels from the generator's first stage to the image: (*filters, C)."""
        return (*self.filters, self.image[2])

    check_images = CNNConfig.check_images


@dataclass(frozen=True)
class UNetConfig:
    """The shape of the network that predicts the noise in an image.

    Attributes:
        image: Height, width and channels of an image; the first two divisible by 2 per level but
            the first.
        filters: Channels of each level, finest to coarsest, each divisible by `groups`.
        classes: Different labels, at least 1; the number itself stands for "no label".
        embedding: Numbers that time and label are turned into; an even number.
        groups: Groups of channels that are normalised together. With as many groups as channels
            the normalisation takes away again what time and label add to a channel.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    filters: tuple[int, ...]
    classes: int
    embedding: int = 64
    groups: int = 8

    def __post_init__(self):
        filters = naturals("filters", self.filters, "numbers of channels such as (16, 32)")
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "image", image_size(self.image, len(filters) - 1))
        for name, smallest in (("classes", 1), ("embedding", 2), ("groups", 1)):
            object.__setattr__(self, name, natural(name, getattr(self, name), smallest))
        if self.embedding % 2:
            raise ValueError(f"embedding is {self.embedding}; expected an even number")
        for level, channels in enumerate(filters):
            if channels % self.groups:
                raise ValueError(
                    f"filters[{level}] is {channels}; expected a multiple of groups={self.groups}"
                )

    @property
    def null(self):
        """The label that stands for none, one more than the last class."""
        return self.classes

    check_images = CNNConfig.check_images
