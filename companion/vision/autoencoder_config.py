"""Configuration of the autoencoder, shared by its PyTorch and its Keras twin."""

from dataclasses import dataclass

from companion.batch_checks import image_size, naturals
from companion.checks import natural, one_of
from companion.vision.config import ACTIVATIONS, CNNConfig

__all__ = ["AutoencoderConfig"]


@dataclass(frozen=True)
class AutoencoderConfig:
    """The shape of a convolutional autoencoder, whose decoder mirrors its encoder.

    Attributes:
        image: Height, width and channels of an image; the first two divisible by 2 per stage.
        filters: Filters of each stage of the encoder, first to last; each stage halves the image.
        code: Numbers that an image is reduced to, at least 1.
        activation: What follows every layer but the one that makes the code and the last one.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    filters: tuple[int, ...]
    code: int
    activation: str = "relu"

    def __post_init__(self):
        # What JSON and NumPy make of the fields, lists and integers of their own, becomes plain.
        filters = naturals("filters", self.filters, "numbers of filters such as (16, 32)")
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "image", image_size(self.image, len(filters)))
        object.__setattr__(self, "code", natural("code", self.code, 1))
        one_of("activation", self.activation, ACTIVATIONS)

    @property
    def smallest(self):
        """Height, width and channels after the last stage of the encoder."""
        height, width, _ = self.image
        parts = 2 ** len(self.filters)
        return (height // parts, width // parts, self.filters[-1])

    @property
    def channels(self):
        """Channels from the image to the last stage: (C, *filters)."""
        return (self.image[2], *self.filters)

    # The same question as for the classifier: do these images have the size of `image`?
    check_images = CNNConfig.check_images
