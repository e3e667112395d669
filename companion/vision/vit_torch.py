"""The vision transformer in PyTorch.

Dosovitskiy et al. (2021), *An image is worth 16×16 words: transformers for image recognition at
scale*, ICLR, arXiv:2010.11929, equations 1 to 8. The patches x_1 … x_N of an image are
rows of a text, with the class token before them and a learned position for each:

    z_0 = [x_class; x_1 E; …; x_N E] + E_pos                                               (1)
    z′_l = MSA(LN(z_{l-1})) + z_{l-1}        z_l = MLP(LN(z′_l)) + z′_l                 (2, 3)
    y = LN(z_L)[0]                           softmax(q kᵀ / √D) v per head of MSA       (4, 5–8)

Shapes: B images in a batch, C channels, H × W pixels, N patches of P × P pixels, T = N + 1 tokens,
E numbers per token, A heads of D = E / A numbers, O outputs.

What differs from the paper: the last layer starts from Glorot's distribution like the others, not
from zero; dropout acts behind the embedding and each branch, not inside the MLP; other image sizes
than the one trained on would need positions in between, and are refused. Logits come out. Biases
and the class token start from 0, positions from a normal distribution of deviation 0.02.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ViT"]


class Attention(nn.Module):
    """Multi-head self-attention.

    Args:
        width: Numbers per token, E.
        heads: How many, A; they share the width.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mix = nn.Linear(width, width)

    def forward(self, tokens):
        """Return what the tokens gather, and how: (B, T, E) and the weights (B, A, T, T)."""
        q, k, v = (
            layer(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, A, T, D)
            for layer in (self.query, self.key, self.value)
        )
        weights = torch.softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1)  # (B, A, T, T)
        return self.mix((weights @ v).transpose(1, 2).flatten(2)), weights  # (B, T, E)


class Layer(nn.Module):
    """One encoder layer: attention, then a feed-forward network, each on normalised tokens.

    Args:
        config: A `companion.vision.deep_config.ViTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-6)
        self.attention = Attention(config.width, config.heads)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-6)
        self.widen = nn.Linear(config.width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens):
        """Return the tokens z_l, (B, T, E), and the attention weights, (B, A, T, T)."""
        gathered, weights = self.attention(self.attention_norm(tokens))
        tokens = tokens + self.dropout(gathered)  # equation 2
        hidden = F.gelu(self.widen(self.feed_forward_norm(tokens)))  # (B, T, feed_forward)
        return tokens + self.dropout(self.narrow(hidden)), weights  # equation 3


class ViT(nn.Module):
    """Patches, a class token and positions, encoder layers, and one linear layer.

    Args:
        config: A `companion.vision.deep_config.ViTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Linear(config.image[2] * config.patch**2, config.width)
        self.class_token = nn.Parameter(torch.zeros(config.width))
        self.positions = nn.Parameter(torch.empty(config.tokens, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.head = nn.Linear(config.width, config.outputs)
        nn.init.normal_(self.positions, std=0.02)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def patches(self, images):
        """Cut images into patches, row by row, each as channels × rows × columns.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            Shape (B, N, C·P·P).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (images, self.positions))
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        side, (rows, columns) = self.config.patch, self.config.grid
        cut = images.unflatten(2, (rows, side)).unflatten(4, (columns, side))
        return cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)

    def encode(self, images):
        """Return the normalised tokens after the last layer, the class token first.

        Args:
            images: As `forward` takes them.

        Returns:
            Shape (B, T, E), and a list with the attention weights of each layer, (B, A, T, T):
            the share of each token (last axis) in what another one gathers; rows sum to 1.
        """
        patches = self.embedding(self.patches(images))  # (B, N, E)
        first = self.class_token.expand(len(images), 1, -1)  # (B, 1, E)
        tokens = self.dropout(torch.cat([first, patches], dim=1) + self.positions)  # equation 1
        found = []
        for layer in self.layers:
            tokens, weights = layer(tokens)  # (B, T, E)
            found.append(weights)
        return self.norm(tokens), found

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
        return self.head(self.encode(images)[0][:, 0])  # equation 4: (B, E), then (B, O)
