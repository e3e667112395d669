"""BERT in Keras 3; its twin is `companion.language.bert_torch`.

Paper, equations, letters and what differs from the paper: see there. The same distributions start
the weights. Inside of a compiled function, such as `fit`'s, ids are not known yet: only their shape
is checked there. Everything but the tokens is passed by keyword.
"""

import dataclasses

import keras
from keras import ops

from companion.language.attention_keras import SelfAttention
from companion.language.config import BERTConfig
from companion.language.token_checks import like_tokens, padding_shape
from companion.language.tokens_keras import check_tokens

__all__ = ["BERT", "BERTClassifier", "BERTEncoder", "BERTMaskedLM"]


class Layer(keras.layers.Layer):
    """Attention, then a feed-forward network, each added to the tokens, which are normalised.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.attention = SelfAttention(config.width, config.heads)
        self.attention_norm = _norm(config.width)
        self.widen = _dense(config.width, config.feed_forward)
        self.narrow = _dense(config.feed_forward, config.width)
        self.feed_forward_norm = _norm(config.width)
        self.dropout = keras.layers.Dropout(config.dropout)
        for part in (self.attention.project, self.attention.mix):
            part.kernel.assign(_normal()(part.kernel.shape))
        self.built = True

    def call(self, tokens, attention_mask=None, weights=False):
        """Return the tokens h_l, (B, T, E), and the attention weights, (B, A, T, T), or None."""
        gathered, shares = self.attention(tokens, attention_mask=attention_mask, weights=weights)
        tokens = self.attention_norm(tokens + self.dropout(gathered))  # (B, T, E)
        hidden = self.narrow(ops.gelu(self.widen(tokens), approximate=False))  # (B, T, E)
        return self.feed_forward_norm(tokens + self.dropout(hidden)), shares


class _Model(keras.Model):
    """What the models share: they are built when made, saved and loaded by their config."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self._make(config)
        self.built = True

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(BERTConfig(**config["config"]))


@keras.saving.register_keras_serializable("companion.language")
class BERTEncoder(_Model):
    """Embeddings and layers: a vector for each token that knows the others.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def _make(self, config):
        self.embedding = _embedding(config.vocabulary, config.width)
        self.positions = self.add_weight(
            shape=(config.context, config.width), initializer=_normal(), name="positions"
        )
        self.segment_embedding = _embedding(config.segments, config.width)
        self.norm = _norm(config.width)
        self.dropout = keras.layers.Dropout(config.dropout)
        self.blocks = [Layer(config) for _ in range(config.layers)]

    def encode(self, tokens, segments=None, attention_mask=None, weights=False):
        """Return the vectors of the last layer, and what the heads look at.

        Args:
            tokens: Ids, integers, shape (B, T).
            segments: To which part a token belongs, integers, (B, T); by default all to part 0.
            attention_mask: Boolean, (B, T): True where there is a token, False where there is
                padding, at which nobody looks. By default `config.padding` says where it is.
            weights: Whether to return the attention weights too.

        Returns:
            Vectors, (B, T, E), and a list with the attention weights of each layer, (B, A, T, T),
            the share of each token in what another one gathers; or of None.

        Raises:
            TypeError: If ids or segments are no integers, or the mask is not boolean.
            ValueError: If a shape is another, an id or a segment is out of range, or the text is
                longer than the context.
        """
        tokens = ops.convert_to_tensor(tokens)
        self._check(tokens, segments, attention_mask)
        hidden = self.embedding(tokens) + self.positions[: ops.shape(tokens)[1]]  # (B, T, E)
        first = ops.zeros_like(tokens) if segments is None else segments
        hidden = self.dropout(self.norm(hidden + self.segment_embedding(first)))
        if attention_mask is None and self.config.padding is not None:
            attention_mask = ops.not_equal(tokens, self.config.padding)
        mask = None if attention_mask is None else attention_mask[:, None]  # (B, 1, T)
        found = []
        for layer in self.blocks:
            hidden, shares = layer(hidden, attention_mask=mask, weights=weights)
            found.append(shares)
        return hidden, found

    def _check(self, tokens, segments, attention_mask):
        check_tokens("tokens", tokens, self.config.vocabulary, self.config.context)
        if segments is not None:
            check_tokens("segments", segments, self.config.segments)
            like_tokens("segments", segments.shape, tokens.shape)
        if attention_mask is not None:
            dtype = keras.backend.standardize_dtype(attention_mask.dtype)
            padding_shape(attention_mask.shape, dtype, tokens.shape)

    def call(self, tokens, segments=None, attention_mask=None):
        """Return the vectors of the last layer, (B, T, E); arguments and errors as `encode`."""
        return self.encode(tokens, segments, attention_mask)[0]


@keras.saving.register_keras_serializable("companion.language")
class BERT(_Model):
    """The encoder, and a summary of the text in its first token (the pooler).

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def _make(self, config):
        self.encoder = BERTEncoder(config)
        self.pooler = _dense(config.width, config.width)

    def call(self, tokens, segments=None, attention_mask=None):
        """Return the vectors, (B, T, E), and the summary, tanh of a linear map, (B, E).

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        hidden = self.encoder(tokens, segments=segments, attention_mask=attention_mask)
        return hidden, ops.tanh(self.pooler(hidden[:, 0]))


@keras.saving.register_keras_serializable("companion.language")
class BERTMaskedLM(_Model):
    """The encoder, and logits for the token that stands, or stood, at each place.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def _make(self, config):
        self.encoder = BERTEncoder(config)
        self.transform = _dense(config.width, config.width)
        self.norm = _norm(config.width)
        self.bias = self.add_weight(shape=(config.vocabulary,), initializer="zeros", name="bias")

    def call(self, tokens, segments=None, attention_mask=None):
        """Return logits, (B, T, V); the head shares its matrix with the token embedding.

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        hidden = self.encoder(tokens, segments=segments, attention_mask=attention_mask)
        hidden = self.norm(ops.gelu(self.transform(hidden), approximate=False))  # (B, T, E)
        table = self.encoder.embedding.embeddings  # (V, E)
        return ops.matmul(hidden, ops.transpose(table)) + self.bias  # (B, T, V)


@keras.saving.register_keras_serializable("companion.language")
class BERTClassifier(_Model):
    """BERT, and logits for the class of a text, or of a pair of texts.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def _make(self, config):
        self.bert = BERT(config)
        self.dropout = keras.layers.Dropout(config.dropout)
        self.head = _dense(config.width, config.outputs)

    def call(self, tokens, segments=None, attention_mask=None):
        """Return logits, (B, O).

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        _, summary = self.bert(tokens, segments=segments, attention_mask=attention_mask)
        return self.head(self.dropout(summary))


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)


def _dense(inputs, outputs):
    layer = keras.layers.Dense(outputs, kernel_initializer=_normal())
    layer.build((None, None, inputs))
    return layer


def _norm(width):
    layer = keras.layers.LayerNormalization(epsilon=1e-12)
    layer.build((None, None, width))
    return layer


def _embedding(count, width):
    layer = keras.layers.Embedding(count, width, embeddings_initializer=_normal())
    layer.build()
    return layer
