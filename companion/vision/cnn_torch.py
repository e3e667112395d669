"""The convolutional network in PyTorch; its twin is `companion.vision.cnn_keras`.

LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to document recognition*,
Proceedings of the IEEE 86, doi:10.1109/5.726791, section II: local receptive fields, shared
weights and subsampling, then dense layers. For filter o of a stage at row y and column x:

    z_oyx = b_o + Σ_c Σ_i Σ_j w_ocij · h_c,y+i,x+j        h′_oyx = max over 2 × 2 of σ(z)

Shapes: B images in a batch, C channels, H × W pixels, I numbers of the flattened last stage,
D units of a hidden layer, O outputs.

What differs from the paper: the maximum of a block of 2 × 2 instead of a trained multiple of its
mean; every filter sees all channels; σ is ReLU by default, not tanh; the last layer returns logits.
Weights start from Glorot and Bengio's (2010, equation 16) uniform distribution, biases at 0.

Images come in as (B, C, H, W) and are computed on in channels_last, the order (B, H, W, C) in
memory: it is faster, and makes the flattening below free. Flattened is in this order, as in Keras.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["CNN"]


class CNN(nn.Module):
    """Stages of convolution, activation and max-pooling, then dense layers.

    Args:
        config: A `companion.vision.config.CNNConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        channels = pairwise((config.image[2], *config.filters))
        *hidden, last = pairwise(config.widths)
        self.stages = nn.ModuleList(
            nn.Conv2d(*pair, config.kernel, padding=config.padding) for pair in channels
        )
        self.hidden = nn.ModuleList(nn.Linear(*widths) for widths in hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(*last)
        for layer in (*self.stages, *self.hidden, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.to(memory_format=torch.channels_last)

    def features(self, images):
        """Return what each stage sees, for `forward` and for looking at it.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            A list with the output of each stage, shape (B, filters, H′, W′); see `config.maps`.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (images, self.head.weight))
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        pool = partial(F.max_pool2d, kernel_size=2)
        order = [getattr(F, self.config.activation), pool]
        if self.config.activation == "relu":  # it may come last, on a quarter of the numbers
            order.reverse()
        found = []
        hidden = images.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            for step in (stage, *order):
                hidden = step(hidden)
            found.append(hidden)  # (B, filters, H′, W′)
        return found

    def forward(self, images):
        """Return the logits.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        activation = getattr(F, self.config.activation)
        hidden = self.features(images)[-1].permute(0, 2, 3, 1).flatten(1)  # (B, I)
        for layer in self.hidden:
            hidden = activation(layer(hidden))  # (B, D)
        return self.head(self.dropout(hidden))  # (B, O)
