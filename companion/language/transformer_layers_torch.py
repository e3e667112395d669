"""Layers of the encoder-decoder Transformer in PyTorch; the twin is `transformer_layers_keras`.

Vaswani et al. (2017), *Attention is all you need*, NeurIPS, arXiv:1706.03762, sections 3.1 and 3.3.
Each part F of a layer, attention or feed-forward network, is added to what it reads and normalised:

    y = LayerNorm(x + F(x))                          in the paper
    y = x + F(LayerNorm(x))                          with `norm_first`: Xiong et al. (2020),
                                                     arXiv:2002.04745; it trains without warm-up
    feed_forward(x) = W₂ max(0, W₁ x + b₁) + b₂                                             (2)

Shapes: B sequences in a batch, T tokens, S tokens of the source, E numbers per token, A heads of D
numbers.

What differs from the paper: dropout acts behind each part, and not on attention weights; see also
`companion.language.attention_torch`.
"""

from torch import nn
from torch.nn import functional as F

from companion.language.attention_torch import CrossAttention, SelfAttention

__all__ = ["DecoderLayer", "EncoderLayer"]


class Layer(nn.Module):
    """What the layers of encoder and decoder share.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
        norms: How many parts a layer has.
    """

    def __init__(self, config, norms):
        super().__init__()
        self.norm_first = config.norm_first
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(norms))
        self.widen = nn.Linear(config.width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def add(self, norm, tokens, part):
        """Add to the tokens, (B, T, E), what a part computes from them, and normalise."""
        if self.norm_first:
            return tokens + self.dropout(part(norm(tokens)))
        return norm(tokens + self.dropout(part(tokens)))

    def feed_forward(self, tokens):
        """Return equation 2, for each token alone: (B, T, E)."""
        return self.narrow(F.relu(self.widen(tokens)))


class EncoderLayer(Layer):
    """Self-attention and a feed-forward network.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__(config, norms=2)
        self.attention = SelfAttention(config.width, config.heads)

    def forward(self, tokens, attention_mask=None):
        """Return the tokens behind the layer.

        Args:
            tokens: Shape (B, T, E).
            attention_mask: Where there are tokens, booleans (B, 1, T); by default everywhere.

        Returns:
            Shape (B, T, E).

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If a shape is another.
        """
        tokens = self.add(self.norms[0], tokens, lambda x: self.attention(x, attention_mask)[0])
        return self.add(self.norms[1], tokens, self.feed_forward)


class DecoderLayer(Layer):
    """Causal self-attention, attention to the source, and a feed-forward network.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__(config, norms=3)
        self.attention = SelfAttention(config.width, config.heads, causal=True)
        self.cross = CrossAttention(config.width, config.heads)

    def forward(
        self, tokens, source=None, attention_mask=None, offered=None, cache=None, weights=False
    ):
        """Return the tokens behind the layer, and where they looked in the source.

        Args:
            tokens: Shape (B, T, E).
            source: The encoder's tokens, shape (B, S, E).
            attention_mask: Where the source has tokens, booleans (B, 1, S); by default everywhere.
            offered: In place of the source, what `self.cross.keys_values` returned for it.
            cache: A `companion.language.kv_cache_torch.LayerCache` with the tokens before these.
            weights: Whether to return the attention weights too.

        Returns:
            The tokens, (B, T, E), and the weights, (B, A, T, S), or None.

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If a shape is another, the cache is full, or not one of `source` and
                `offered` is given.
        """
        shares = None

        def look(x):
            nonlocal shares
            found, shares = self.cross(
                x, source=source, attention_mask=attention_mask, offered=offered, weights=weights
            )
            return found

        tokens = self.add(self.norms[0], tokens, lambda x: self.attention(x, cache=cache)[0])
        tokens = self.add(self.norms[1], tokens, look)
        return self.add(self.norms[2], tokens, self.feed_forward), shares
