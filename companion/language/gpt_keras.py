"""GPT in Keras 3; its twin is `companion.language.gpt_torch`.

Papers, equations, letters and what differs from the papers: see there. The same distributions
start the weights. Inside of a compiled function, such as `fit`'s, ids are not known yet: only
their shape is checked there.
"""

import dataclasses

import keras
from keras import ops

from companion.language.attention_keras import SelfAttention
from companion.language.config import GPTConfig
from companion.language.tokens_keras import check_tokens

__all__ = ["GPT"]


class Block(keras.layers.Layer):
    """Attention, then a feed-forward network, each on normalised tokens and added to them.

    Args:
        config: A `companion.language.config.GPTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        shape = (None, None, config.width)
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.attention = SelfAttention(config.width, config.heads, causal=True)
        self.feed_forward_norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.widen = keras.layers.Dense(config.feed_forward)
        self.narrow = keras.layers.Dense(config.width)
        self.dropout = keras.layers.Dropout(config.dropout)
        for layer in (self.attention_norm, self.feed_forward_norm, self.widen):
            layer.build(shape)
        self.narrow.build((None, None, config.feed_forward))
        self.built = True

    def call(self, tokens, cache=None, weights=False, training=None):
        """Return the tokens h_l, (B, T, E), and the attention weights, (B, A, T, S), or None."""
        gathered, shares = self.attention(self.attention_norm(tokens), cache=cache, weights=weights)
        tokens = tokens + self.dropout(gathered, training=training)  # (B, T, E)
        hidden = self.widen(self.feed_forward_norm(tokens))  # (B, T, feed_forward)
        hidden = self.narrow(ops.gelu(hidden, approximate=True))  # (B, T, E)
        return tokens + self.dropout(hidden, training=training), shares


@keras.saving.register_keras_serializable("companion.language")
class GPT(keras.Model):
    """A causal language model: logits for the next token at each place; built when made.

    Args:
        config: A `companion.language.config.GPTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = keras.layers.Embedding(config.vocabulary, config.width)
        self.embedding.build()
        self.positions = self.add_weight(shape=(config.context, config.width), name="positions")
        self.dropout = keras.layers.Dropout(config.dropout)
        self.blocks = [Block(config) for _ in range(config.layers)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.norm.build((None, None, config.width))
        self.built = True
        _start(self)

    def encode(self, tokens, cache=None, weights=False):
        """Return what the model makes of each token, before the logits.

        Args:
            tokens: Ids, integers, shape (B, T).
            cache: A `companion.language.kv_cache_keras.KVCache`: its tokens come before these,
                which it receives.
            weights: Whether to return the attention weights too.

        Returns:
            Normalised vectors, (B, T, E), and a list with the attention weights of each block,
            (B, A, T, S), the share of each token in what another one gathers; or of None.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, a token is not in the vocabulary, the text is
                longer than the context, or the cache is of another model.
        """
        tokens = ops.convert_to_tensor(tokens)
        past = 0 if cache is None else cache.length
        check_tokens("tokens", tokens, self.config.vocabulary, self.config.context, past)
        if cache is not None and len(cache.layers) != len(self.blocks):
            raise ValueError(
                f"the cache is for {len(cache.layers)} layers; expected {len(self.blocks)}"
            )
        end = past + ops.shape(tokens)[1]
        hidden = self.dropout(self.embedding(tokens) + self.positions[past:end])  # (B, T, E)
        found = []
        for index, block in enumerate(self.blocks):
            layer_cache = None if cache is None else cache.layers[index]
            hidden, shares = block(hidden, cache=layer_cache, weights=weights)
            found.append(shares)
        return self.norm(hidden), found

    def head(self, hidden):
        """Return logits, (…, V), for what `encode` returned, (…, E)."""
        return ops.matmul(hidden, ops.transpose(self.embedding.embeddings))

    def call(self, tokens, cache=None, training=None):
        """Return the logits.

        Args:
            tokens: Ids, integers, shape (B, T).
            cache: A `companion.language.kv_cache_keras.KVCache`: its tokens come before these,
                which it receives.
            training: Whether to drop out, by default as Keras is told by `fit` and `predict`.
                Keras hands it on to the layers inside.

        Returns:
            Logits, shape (B, T, V): at each place for the token that comes next.

        Raises:
            TypeError: As `encode`.
            ValueError: As `encode`.
        """
        return self.head(self.encode(tokens, cache)[0])  # (B, T, V)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(GPTConfig(**config["config"]))


def _start(model):
    """Draw the first weights."""

    def draw(weight, deviation=0.02):
        weight.assign(keras.random.normal(weight.shape, stddev=deviation, dtype=weight.dtype))

    draw(model.positions)
    draw(model.embedding.embeddings)
    for block in model.blocks:
        draw(block.attention.project.kernel)
        draw(block.widen.kernel)
        for layer in (block.attention.mix, block.narrow):  # 2L branches add up
            draw(layer.kernel, 0.02 / (2 * len(model.blocks)) ** 0.5)
