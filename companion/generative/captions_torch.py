"""A reader of captions in PyTorch: what makes a diffusion model draw from text. No Keras twin.

To a U-Net a caption is a label: its number in a list. All that changes is how the number becomes a
vector. Instead of having a row of its own in a table, each caption is read by one layer of a
transformer (Vaswani et al., 2017, arXiv:1706.03762), whose outputs are added up over the words, so
that captions which were never trained have vectors too.

Shapes: B captions in a batch, N in the list, L words, D numbers of the embedding.
"""

import torch
from torch import nn

from companion.checks import natural

__all__ = ["CaptionEncoder"]


class CaptionEncoder(nn.Module):
    """Turn numbers of captions into vectors; takes the place of `UNet.label`.

    Args:
        tokens: The words of all captions, integers from 0 of shape (N, L).
        vocabulary: How many different words there are.
        size: D, the numbers of a vector.
        heads: Of the attention; a divisor of `size`.

    Raises:
        ValueError: If the shape is another, or a word is not below `vocabulary`, or `heads` does
            not divide `size`.
    """

    def __init__(self, tokens, vocabulary, size, heads=4):
        super().__init__()
        tokens, vocabulary = torch.as_tensor(tokens), natural("vocabulary", vocabulary, 1)
        if tokens.ndim != 2 or 0 in tokens.shape or tokens.is_floating_point():
            raise ValueError(
                f"tokens are {tokens.dtype} of shape {tuple(tokens.shape)}; expected integers of "
                "shape (N, L)"
            )
        if tokens.min() < 0 or tokens.max() >= vocabulary:
            raise ValueError(
                f"tokens go from {tokens.min()} to {tokens.max()}; expected 0 to {vocabulary - 1}"
            )
        if natural("size", size, 1) % natural("heads", heads, 1):
            raise ValueError(f"heads is {heads}; expected a divisor of size, which is {size}")
        self.register_buffer("tokens", tokens.long(), persistent=False)
        self.words = nn.Embedding(vocabulary, size)
        self.places = nn.Parameter(torch.randn(tokens.shape[1], size))
        self.reader = nn.TransformerEncoderLayer(
            size, heads, 2 * size, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(size)
        self.none = nn.Parameter(torch.randn(size))

    def forward(self, numbers):
        """Return the vectors of captions.

        Args:
            numbers: From 0 to N, integers of shape (B,); N stands for "no caption".

        Returns:
            Shape (B, D).
        """
        is_none = (numbers == len(self.tokens))[:, None]
        read = self.words(self.tokens[numbers.clamp(max=len(self.tokens) - 1)])  # (B, L, D)
        read = self.norm(self.reader(read + self.places))  # (B, L, D)
        # A sum of normalised vectors: each word weighs as much as a row of a table of labels. In a
        # mean, words are hardly heard beside the time, and what is learnt first drowns the rest.
        return torch.where(is_none, self.none, read.sum(dim=1))
