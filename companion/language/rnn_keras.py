"""Recurrent networks in Keras 3, their cells by hand; the twin is `companion.language.rnn_torch`.

Papers, equations, letters and what differs from the papers: see there. The same distributions start
the weights. `keras.ops.scan` goes through time, so a model in `fit` is a loop of the backend and
not one of Python. `fused` changes nothing: Keras's own kernels take no cells from outside.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from companion.language.sequence_config import RecurrentConfig
from companion.language.tokens_keras import check_tokens, lengths

__all__ = ["GRUCell", "LSTMCell", "RecurrentNetwork", "SimpleCell", "make_cell"]


class Cell(keras.layers.Layer):
    """What the cells share: their weights, and the loop over time; built when made.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates = 1  # blocks of H numbers that the two products compute
    states = 1  # how many vectors the state consists of
    two_biases = False  # whether the product with the hidden state has one of its own

    def __init__(self, inputs, hidden):
        super().__init__()
        self.hidden = hidden
        outputs, bound = self.gates * hidden, hidden**-0.5
        self.from_input = _uniform(inputs, outputs, bound)  # all W and b
        self.from_hidden = _uniform(hidden, outputs, bound, use_bias=self.two_biases)  # U, d
        self.built = True

    def start(self, inputs):
        """Return a state of zeros for inputs of shape (B, …): a tuple of vectors (B, H)."""
        zeros = ops.zeros((ops.shape(inputs)[0], self.hidden), self.compute_dtype)
        return (zeros,) * self.states

    def run(self, inputs, state=None, fused=False):
        """Go through a sequence from its first to its last step.

        Args:
            inputs: Shape (B, T, E).
            state: Where to start, a tuple of (B, H); by default zeros.
            fused: Changes nothing; see the module.

        Returns:
            The hidden states, (B, T, H), and the last state.
        """

        def step(state, x):
            state = tuple(self(x, state)[1])
            return state, state  # what to go on with, and what to keep of this step

        state = self.start(inputs) if state is None else tuple(state)
        state, kept = ops.scan(step, state, ops.swapaxes(inputs, 0, 1))
        return ops.swapaxes(kept[0], 0, 1), state  # from (T, B, H)


class SimpleCell(Cell):
    """The simple recurrent cell, equation 1.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    def call(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden,) of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        (hidden,) = self.start(inputs) if state is None else state
        hidden = ops.tanh(self.from_input(inputs) + self.from_hidden(hidden))  # (B, H)
        return hidden, (hidden,)


class LSTMCell(Cell):
    """The cell with long short-term memory, equation 2.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates, states = 4, 2

    def __init__(self, inputs, hidden):
        super().__init__(inputs, hidden)
        bias = np.array(self.from_input.bias.numpy())
        bias[hidden : 2 * hidden] = 1  # the forget gate's
        self.from_input.bias.assign(bias)

    def call(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden, memory), each of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        hidden, memory = self.start(inputs) if state is None else state
        gates = self.from_input(inputs) + self.from_hidden(hidden)  # (B, 4H)
        write, keep, new, read = ops.split(gates, 4, axis=-1)  # i, f, g, o, each (B, H)
        memory = ops.sigmoid(keep) * memory + ops.sigmoid(write) * ops.tanh(new)
        hidden = ops.sigmoid(read) * ops.tanh(memory)
        return hidden, (hidden, memory)


class GRUCell(Cell):
    """The gated recurrent unit, equation 3.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates, two_biases = 3, True

    def call(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden,) of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        (hidden,) = self.start(inputs) if state is None else state
        x_reset, x_update, x_new = ops.split(self.from_input(inputs), 3, axis=-1)  # each (B, H)
        h_reset, h_update, h_new = ops.split(self.from_hidden(hidden), 3, axis=-1)
        reset, update = ops.sigmoid(x_reset + h_reset), ops.sigmoid(x_update + h_update)
        new = ops.tanh(x_new + reset * h_new)
        hidden = (1 - update) * new + update * hidden
        return hidden, (hidden,)


def make_cell(kind, inputs, hidden):
    """Return a cell of a kind: "rnn", "lstm" or "gru"."""
    return {"rnn": SimpleCell, "lstm": LSTMCell, "gru": GRUCell}[kind](inputs, hidden)


@keras.saving.register_keras_serializable("companion.language")
class RecurrentNetwork(keras.Model):
    """An embedding, layers of cells, and one linear layer; built when made.

    Args:
        config: A `companion.language.sequence_config.RecurrentConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.embedding = keras.layers.Embedding(config.vocabulary, config.width, normal)
        widths = [config.width, *[config.hidden] * (config.layers - 1)]
        self.cells = [make_cell(config.cell, inputs, config.hidden) for inputs in widths]
        self.head = keras.layers.Dense(config.outputs)
        self.dropout = keras.layers.Dropout(config.dropout)
        self(keras.KerasTensor((None, None), "int32"))  # makes the weights

    def call(self, tokens):
        """Return the logits.

        Args:
            tokens: Token ids, integers of shape (B, T). Unless there are logits for each token, 0
                is padding, which changes nothing.

        Returns:
            Logits: (B, T, O) if the config says `each_token`, else (B, O), behind the last token.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, an id is not in the vocabulary, a sequence is
                empty, or padding stands in front of a token.
        """
        check_tokens("tokens", tokens, self.config.vocabulary)
        hidden = self.dropout(self.embedding(tokens))  # (B, T, E)
        for cell in self.cells:
            hidden = self.dropout(cell.run(hidden)[0])  # (B, T, H)
        if not self.config.each_token:
            last = lengths("tokens", tokens) - 1  # (B,)
            hidden = ops.take_along_axis(hidden, last[:, None, None], axis=1)[:, 0]  # (B, H)
        return self.head(hidden)

    def step(self, tokens, state=None):
        """Read one more token of each sequence: what writing token by token needs.

        Args:
            tokens: Token ids, integers of shape (B,).
            state: What the last step returned; by default nothing has been read yet.

        Returns:
            Logits behind these tokens, (B, O), and the state, a list with one entry per layer.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, or an id is not in the vocabulary.
        """
        check_tokens("tokens", tokens[..., None], self.config.vocabulary)
        hidden = self.embedding(tokens)  # (B, E)
        state, before = [], state or [None] * len(self.cells)
        for cell, old in zip(self.cells, before, strict=True):
            hidden, new = cell(hidden, old)  # (B, H)
            state.append(new)
        return self.head(hidden), state

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(RecurrentConfig(**config["config"]))


def _uniform(inputs, outputs, bound, use_bias=True):
    starts = [keras.initializers.RandomUniform(-bound, bound) for _ in range(2)]
    layer = keras.layers.Dense(outputs, None, use_bias, *starts)
    layer.build((None, inputs))
    return layer
