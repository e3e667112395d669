"""The encoder-decoder Transformer in Keras 3; its twin is `companion.language.transformer_torch`.

Paper, letters and what differs from the paper: see there. The same distributions start the weights.
"""

import dataclasses

import keras
from keras import ops

from companion.checks import natural
from companion.language.kv_cache_keras import KVCache
from companion.language.positions import sinusoids
from companion.language.sequence_config import TransformerConfig
from companion.language.tokens_keras import check_tokens, lengths, same_batch
from companion.language.transformer_layers_keras import DecoderLayer, EncoderLayer
from companion.text.padding import END, PADDING, START

__all__ = ["Transformer"]


@keras.saving.register_keras_serializable("companion.language")
class Transformer(keras.Model):
    """An encoder and a decoder; built when made.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        start = keras.initializers.RandomNormal
        std = config.width**-0.5
        self.source = keras.layers.Embedding(config.source, config.width, start(stddev=std))
        self.target = keras.layers.Embedding(config.target, config.width, start(stddev=std))
        self.places = sinusoids(config.context, config.width)  # (context, E)
        self.encoder = [EncoderLayer(config) for _ in range(config.layers)]
        self.decoder = [DecoderLayer(config) for _ in range(config.layers)]
        last = range(2 if config.norm_first else 0)  # of the encoder and of the decoder
        self.last = [keras.layers.LayerNormalization(epsilon=1e-5) for _ in last]
        self.head = keras.layers.Dense(config.target)
        self.dropout = keras.layers.Dropout(config.dropout)
        unknown = keras.KerasTensor((None, None), "int32")
        self(unknown, unknown)  # makes the weights

    def encode(self, source):
        """Read sentences.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end.

        Returns:
            A tuple: the encoder's tokens, (B, S, E); where they are none of padding, booleans
            (B, 1, S); and what they offer to each layer of the decoder, a list of keys and values.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, an id is not in the vocabulary, a sentence is
                empty or too long, or padding stands in front of a token.
        """
        check_tokens("source", source, self.config.source, self.config.context)
        lengths("source", source)
        mask = ops.not_equal(source, PADDING)[:, None]  # (B, 1, S)
        tokens = self._embed(self.source, source, 0)
        for layer in self.encoder:
            tokens = layer(tokens, attention_mask=mask)  # (B, S, E)
        tokens = self.last[0](tokens) if self.last else tokens
        return tokens, mask, [layer.cross.keys_values(tokens) for layer in self.decoder]

    def decode(self, target, read, cache=None, weights=False):
        """Go on writing.

        Args:
            target: Token ids, integers of shape (B, T): what is known of the translations, or what
                comes behind the tokens in the cache.
            read: What `encode` returned.
            cache: A `companion.language.kv_cache_keras.KVCache` with one layer per decoder layer.
            weights: Whether to return the alignment too.

        Returns:
            Logits of the tokens that come next, (B, T, V); and the alignment, (B, T, S), the mean
            of the heads of the last layer, or None.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, an id is not in the vocabulary, or the target with
                what is in the cache is too long.
        """
        states, mask, offered = read
        past = 0 if cache is None else cache.length
        check_tokens("target", target, self.config.target, self.config.context, past)
        same_batch(states, target)
        tokens, shares = self._embed(self.target, target, past), None
        caches = [None] * len(self.decoder) if cache is None else cache.layers
        for layer, pair, own in zip(self.decoder, offered, caches, strict=True):
            tokens, shares = layer(
                tokens, attention_mask=mask, offered=pair, cache=own, weights=weights
            )  # (B, T, E)
        tokens = self.last[1](tokens) if self.last else tokens
        return self.head(tokens), ops.mean(shares, axis=1) if weights else None

    def _embed(self, table, tokens, past):
        """Return the vectors of tokens, times √E, with their places: (B, T, E)."""
        vectors = table(tokens) * self.config.width**0.5  # section 3.4
        places = ops.convert_to_tensor(self.places, vectors.dtype)
        return self.dropout(vectors + places[past : past + ops.shape(tokens)[1]])

    def align(self, source, target):
        """Return the logits, as `call` does, and the alignment, (B, T, S)."""
        return self.decode(target, self.encode(source), weights=True)

    def call(self, source, target=None):
        """Return the logits of the next token behind each token of the target.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end. Or the pair
                of both arguments, which is how trainers pass them.
            target: Token ids, integers of shape (B, T), the first of each row the start, 1.

        Returns:
            Logits, shape (B, T, V).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, an id is not in the vocabulary, a sentence is empty
                or too long, or padding stands in front of a token.
        """
        if target is None:
            source, target = source
        return self.decode(target, self.encode(source))[0]

    def translate(self, source, longest, cached=True):
        """Write the likeliest next token, again and again, until the end of each sentence.

        Call `eval` before, or dropout disturbs it.

        Args:
            source: Token ids, integers of shape (B, S).
            longest: After how many tokens to stop at the latest, from 1 to the context.
            cached: Whether to keep keys and values of what is written; without, they are computed
                anew at each step, for the same result.

        Returns:
            Token ids, int32, shape (B, T) with T at most `longest`: without the start, with the
            end, 2, where there is one, and padding, 0, behind it.

        Raises:
            TypeError: As `call`.
            ValueError: As `call`, or if `longest` is no such integer.
        """
        if natural("longest", longest, 1) > self.config.context:
            raise ValueError(f"longest is {longest}; expected at most {self.config.context}")
        read = self.encode(source)
        cache = KVCache(self.config.layers, longest) if cached else None
        written = ops.full((len(source), 1), START, "int32")
        done = ops.zeros_like(written, dtype="bool")
        while written.shape[1] <= longest and not ops.all(done):
            logits, _ = self.decode(written[:, -1:] if cached else written, read, cache)
            token = ops.cast(ops.argmax(logits[:, -1:, END:], axis=-1), "int32") + END
            token = ops.where(done, PADDING, token)  # neither padding nor start before the end
            done = ops.logical_or(done, ops.equal(token, END))
            written = ops.concatenate([written, token], axis=1)
        return written[:, 1:]

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(TransformerConfig(**config["config"]))
