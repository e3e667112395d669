"""Recurrent encoder-decoder in Keras 3, without and with attention; its twin is `seq2seq_torch`.

Papers, equations, letters and what differs from the papers: see there. The same distributions start
the weights, apart from those of the attention, which Keras starts a little wider.
"""

import dataclasses

import keras
from keras import ops

from companion.checks import natural
from companion.language.rnn_keras import GRUCell
from companion.language.sequence_config import Seq2SeqConfig
from companion.language.token_checks import padding_shape
from companion.language.tokens_keras import check_tokens, lengths, same_batch
from companion.text.padding import END, PADDING, START

__all__ = ["Attention", "Seq2Seq"]


class Attention(keras.layers.Layer):
    """Equations 1 or 2: where to look, and what is seen there; built when made.

    Args:
        hidden: Numbers of a state, H, of the decoder and of the encoder.
        kind: "bahdanau" or "luong".
    """

    def __init__(self, hidden, kind):
        super().__init__()
        additive = kind == "bahdanau"
        self.keys = _linear(hidden, hidden)  # U, or W in equation 2
        self.query = _linear(hidden, hidden) if additive else None  # W
        self.score = _linear(hidden, 1) if additive else None  # v
        self.built = True

    def call(self, states, values, source_mask, keys=None):
        """Return what the states see.

        Args:
            states: Of the decoder, shape (B, T, H).
            values: States of the encoder, shape (B, S, H).
            source_mask: True where the source has a token, shape (B, S).
            keys: `self.keys(values)`, if it was computed before, once for all steps.

        Returns:
            The contexts, (B, T, H), and the alignment α, (B, T, S).

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If its shape is another.
        """
        padding_shape(
            source_mask.shape, keras.backend.standardize_dtype(source_mask.dtype), values.shape[:2]
        )
        keys = self.keys(values) if keys is None else keys
        if self.score is None:
            scores = ops.matmul(states, ops.swapaxes(keys, -1, -2))  # (B, T, S)
        else:
            sums = self.query(states)[:, :, None] + keys[:, None]  # (B, T, S, H)
            scores = ops.squeeze(self.score(ops.tanh(sums)), -1)
        lowest = ops.cast(-1e30, scores.dtype)
        # Not `softmax`, which warns of a source of one token: exp(s − max) / sum is the same.
        scores = ops.where(source_mask[:, None], scores, lowest)
        powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        alignment = powers / ops.sum(powers, axis=-1, keepdims=True)
        return ops.matmul(alignment, values), alignment


@keras.saving.register_keras_serializable("companion.language")
class Seq2Seq(keras.Model):
    """A bidirectional encoder and a decoder; built when made.

    Args:
        config: A `companion.language.sequence_config.Seq2SeqConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        half, normal = config.hidden // 2, keras.initializers.RandomNormal
        self.source = keras.layers.Embedding(config.source, config.width, normal(stddev=1.0))
        self.target = keras.layers.Embedding(config.target, config.width, normal(stddev=1.0))
        self.forwards = GRUCell(config.width, half)
        self.backwards = GRUCell(config.width, half)
        self.bridge = keras.layers.Dense(config.hidden)
        seen = 0 if config.attention == "luong" else config.hidden
        self.cell = GRUCell(config.width + seen, config.hidden)
        alone = config.attention == "none"
        self.attention = None if alone else Attention(config.hidden, config.attention)
        self.mix = keras.layers.Dense(config.hidden)
        self.head = keras.layers.Dense(config.target)
        self.dropout = keras.layers.Dropout(config.dropout)
        unknown = keras.KerasTensor((None, None), "int32")
        self(unknown, unknown)  # makes the weights

    def encode(self, source):
        """Read sentences.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end.

        Returns:
            A tuple: the encoder's states, (B, S, H); its last ones, (B, H); where there are tokens,
            booleans (B, S).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, an id is not in the vocabulary, a sentence is
                empty, or padding stands in front of a token.
        """
        check_tokens("source", source, self.config.source)
        size = lengths("source", source)[:, None]  # (B, 1)
        inputs = self.dropout(self.source(source))  # (B, S, E)
        place = ops.arange(ops.shape(source)[1], dtype="int32")  # (S,)
        turn = ops.where(place < size, size - 1 - place, place)[:, :, None]  # tokens turned round
        there, _ = self.forwards.run(inputs)  # (B, S, H/2)
        back, _ = self.backwards.run(ops.take_along_axis(inputs, turn, axis=1))
        last = (size - 1)[:, :, None]  # (B, 1, 1)
        finals = [ops.take_along_axis(states, last, axis=1)[:, 0] for states in (there, back)]
        back = ops.take_along_axis(back, turn, axis=1)
        states = ops.concatenate([there, back], axis=-1)
        return states, ops.concatenate(finals, axis=-1), ops.not_equal(source, PADDING)

    def decode(self, target, read, state=None):
        """Go on writing.

        Args:
            target: Token ids, integers of shape (B, T): what is known of the translations, or the
                tokens behind those that `state` stands for.
            read: What `encode` returned.
            state: Of the decoder, shape (B, H); by default at the start.

        Returns:
            A tuple: logits of the tokens that come next, (B, T, V); the alignment, (B, T, S), or
            None without attention; the new state.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, or an id is not in the vocabulary.
        """
        values, final, mask = read
        check_tokens("target", target, self.config.target)
        same_batch(values, target)
        inputs = self.dropout(self.target(target))  # (B, T, E)
        state = ops.tanh(self.bridge(final)) if state is None else state  # (B, H)
        alignment = None
        if self.config.attention == "bahdanau":
            states, contexts, alignment = self._one_by_one(inputs, state, values, mask)
        elif self.config.attention == "luong":
            states, _ = self.cell.run(inputs, (state,))  # (B, T, H)
            contexts, alignment = self.attention(states, values, mask)
        else:
            contexts = ops.repeat(final[:, None], ops.shape(target)[1], axis=1)  # (B, T, H)
            states, _ = self.cell.run(ops.concatenate([inputs, contexts], axis=-1), (state,))
        mixed = ops.tanh(self.mix(ops.concatenate([states, contexts], axis=-1)))
        return self.head(self.dropout(mixed)), alignment, states[:, -1]

    def _one_by_one(self, inputs, state, values, mask):
        """Attend before each step, with the state behind the one before it."""
        keys = self.attention.keys(values)

        def step(carried, x):
            context, alignment = self.attention(carried[0][:, None], values, mask, keys)
            both = ops.concatenate([x, context[:, 0]], axis=-1)
            kept = (self.cell(both, (carried[0],))[0], context[:, 0], alignment[:, 0])
            return kept, kept

        # Keras wants what is carried on and what is kept to look alike; the zeros are not read.
        first = (state, ops.zeros_like(state), ops.zeros_like(values[:, :, 0]))
        _, kept = ops.scan(step, first, ops.swapaxes(inputs, 0, 1))
        return tuple(ops.swapaxes(part, 0, 1) for part in kept)

    def align(self, source, target):
        """Return the logits, as `call` does, and the alignment, (B, T, S), or None."""
        return self.decode(target, self.encode(source))[:2]

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
            ValueError: If a shape is another, an id is not in the vocabulary, a sentence is empty,
                or padding stands in front of a token.
        """
        if target is None:
            source, target = source
        return self.align(source, target)[0]

    def translate(self, source, longest):
        """Write the likeliest next token, again and again, until the end of each sentence.

        Args:
            source: Token ids, integers of shape (B, S).
            longest: After how many tokens to stop at the latest, at least 1.

        Returns:
            Token ids, int32, shape (B, T) with T at most `longest`: without the start, with the
            end, 2, where there is one, and padding, 0, behind it.

        Raises:
            TypeError: As `call`.
            ValueError: As `call`, or if `longest` is no integer of at least 1.
        """
        natural("longest", longest, 1)
        read, state = self.encode(source), None
        token = ops.full((len(source), 1), START, "int32")
        done = ops.zeros_like(token, dtype="bool")
        written = []
        while len(written) < longest and not ops.all(done):
            logits, _, state = self.decode(token, read, state)
            token = ops.cast(ops.argmax(logits[..., END:], axis=-1), "int32") + END
            token = ops.where(done, PADDING, token)  # neither padding nor start before the end
            done = ops.logical_or(done, ops.equal(token, END))  # (B, 1)
            written.append(token)
        return ops.concatenate(written, axis=1)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(Seq2SeqConfig(**config["config"]))


def _linear(inputs, outputs):
    layer = keras.layers.Dense(outputs, use_bias=False)
    layer.build((None, None, inputs))
    return layer
