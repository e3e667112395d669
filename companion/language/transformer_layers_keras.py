"""Layers of the encoder-decoder Transformer in Keras 3; the twin is `transformer_layers_torch`.

Paper, equations, letters and what differs from the paper: see there.
"""

import keras
from keras import ops

from companion.language.attention_keras import CrossAttention, SelfAttention

__all__ = ["DecoderLayer", "EncoderLayer"]


class Layer(keras.layers.Layer):
    """What the layers of encoder and decoder share.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
        norms: How many parts a layer has.
    """

    def __init__(self, config, norms):
        super().__init__()
        self.norm_first = config.norm_first
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-5) for _ in range(norms)]
        self.widen = keras.layers.Dense(config.feed_forward)
        self.narrow = keras.layers.Dense(config.width)
        self.dropout = keras.layers.Dropout(config.dropout)
        for layer in (*self.norms, self.widen):
            layer.build((None, None, config.width))
        self.narrow.build((None, None, config.feed_forward))
        self.built = True

    def add(self, norm, tokens, part):
        """Add to the tokens, (B, T, E), what a part computes from them, and normalise."""
        if self.norm_first:
            return tokens + self.dropout(part(norm(tokens)))
        return norm(tokens + self.dropout(part(tokens)))

    def feed_forward(self, tokens):
        """Return equation 2, for each token alone: (B, T, E)."""
        return self.narrow(ops.relu(self.widen(tokens)))


class EncoderLayer(Layer):
    """Self-attention and a feed-forward network; built when made.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__(config, norms=2)
        self.attention = SelfAttention(config.width, config.heads)

    def call(self, tokens, attention_mask=None):
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
    """Causal self-attention, attention to the source, a feed-forward network; built when made.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__(config, norms=3)
        self.attention = SelfAttention(config.width, config.heads, causal=True)
        self.cross = CrossAttention(config.width, config.heads)

    def call(
        self, tokens, source=None, attention_mask=None, offered=None, cache=None, weights=False
    ):
        """Return the tokens behind the layer, and where they looked in the source.

        Args:
            tokens: Shape (B, T, E).
            source: The encoder's tokens, shape (B, S, E).
            attention_mask: Where the source has tokens, booleans (B, 1, S); by default everywhere.
            offered: In place of the source, what `self.cross.keys_values` returned for it.
            cache: A `companion.language.kv_cache_keras.LayerCache` with the tokens before these.
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
