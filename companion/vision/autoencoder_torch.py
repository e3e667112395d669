"""The convolutional autoencoder in PyTorch; its twin is `companion.vision.autoencoder_keras`.

Hinton and Salakhutdinov (2006), *Reducing the dimensionality of data with neural networks*,
Science 313, doi:10.1126/science.1127647: an encoder f takes an image to a short code, a decoder g
takes the code back to an image, and both are trained so that g(f(x)) is close to x.

Shapes: B images in a batch, C channels, H × W pixels, K numbers of a code, F numbers of the
flattened last stage of the encoder.

What differs from the paper: convolutions instead of dense layers, trained together from the start
(the paper trains layer by layer first), ReLU by default instead of the logistic function. As in
the paper the code itself is linear, so that with linear layers and squared errors it would span
what principal components span. `forward` returns logits: the sigmoid of a logit is a pixel.

Each stage of the encoder is a convolution with stride 2, which halves the image. The decoder has
transposed convolutions, the same linear map read backwards: its shapes mirror the encoder's
without any resizing. Their known fault, a pattern like a chessboard (Odena, Dumoulin and Olah,
2016, doi:10.23915/distill.00003), comes from kernels that the stride does not divide, which reach
some pixels more often than others. Kernel 4 with stride 2 reaches every pixel 2 × 2 times. With
padding 1 on each side it also halves the size exactly, which Keras's "same" then means too.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from companion.batch_checks import rows

__all__ = ["Autoencoder"]


class Autoencoder(nn.Module):
    """An encoder of strided convolutions and a decoder of transposed ones.

    Args:
        config: A `companion.vision.autoencoder_config.AutoencoderConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        pairs = list(pairwise(config.channels))
        flat = config.smallest[0] * config.smallest[1] * config.smallest[2]
        self.encoder = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        self.to_code = nn.Linear(flat, config.code)
        self.from_code = nn.Linear(config.code, flat)
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 4, stride=2, padding=1) for a, b in reversed(pairs)
        )
        for layer in (*self.encoder, self.to_code, self.from_code, *self.decoder):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.to(memory_format=torch.channels_last)

    def encode(self, images):
        """Return the codes of images.

        Args:
            images: Of the same dtype as the weights, from 0 to 1, shape (B, C, H, W).

        Returns:
            Codes, shape (B, K).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        self.config.check_images(images.shape, *self._dtypes(images), channels_first=True)
        activation = getattr(F, self.config.activation)
        hidden = images.contiguous(memory_format=torch.channels_last)
        for stage in self.encoder:
            hidden = activation(stage(hidden))  # (B, filters, H′, W′)
        return self.to_code(hidden.permute(0, 2, 3, 1).flatten(1))  # (B, K)

    def decode(self, codes):
        """Return the logits of the pixels that codes stand for.

        Args:
            codes: Of the same dtype as the weights, shape (B, K).

        Returns:
            Logits, shape (B, C, H, W).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = self._dtypes(codes)
        rows("codes", codes.shape, dtypes[0], self.config.code, dtypes[1])
        activation = getattr(F, self.config.activation)
        hidden = activation(self.from_code(codes))  # (B, F)
        hidden = hidden.unflatten(1, self.config.smallest).permute(0, 3, 1, 2)
        for stage in self.decoder[:-1]:
            hidden = activation(stage(hidden))  # (B, filters, H′, W′)
        return self.decoder[-1](hidden)  # (B, C, H, W)

    def forward(self, images):
        """Return the logits of the images that are left after the way through the code.

        Args:
            images: Of the same dtype as the weights, from 0 to 1, shape (B, C, H, W).

        Returns:
            Logits, shape (B, C, H, W).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        return self.decode(self.encode(images))

    def _dtypes(self, batch):
        """Return the names of the types of a batch and of the weights."""
        tensors = (batch, self.to_code.weight)
        return [str(tensor.dtype).removeprefix("torch.") for tensor in tensors]
