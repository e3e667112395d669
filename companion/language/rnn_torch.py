"""Recurrent networks in PyTorch, their cells by hand; the twin is `companion.language.rnn_keras`.

x is the input of one step, h the hidden state before it, h′ behind it, c and c′ the memory of an
LSTM; σ is the logistic function, ⊙ multiplies number by number.

Elman (1990), *Finding structure in time*, the simple cell:

    h′ = tanh(W x + U h + b)                                                                (1)

Hochreiter and Schmidhuber (1997), *Long short-term memory*, with the forget gate f of Gers,
Schmidhuber and Cummins (2000):

    i = σ(Wᵢ x + Uᵢ h + bᵢ)     f = σ(W_f x + U_f h + b_f)     o = σ(Wₒ x + Uₒ h + bₒ)
    g = tanh(W_g x + U_g h + b_g)      c′ = f ⊙ c + i ⊙ g      h′ = o ⊙ tanh(c′)             (2)

Cho et al. (2014), arXiv:1406.1078, the gated recurrent unit, with its reset gate r and update gate
z:

    r = σ(Wᵣ x + bᵣ + Uᵣ h + dᵣ)       z = σ(W_z x + b_z + U_z h + d_z)
    n = tanh(Wₙ x + bₙ + r ⊙ (Uₙ h + dₙ))                 h′ = (1 − z) ⊙ n + z ⊙ h          (3)

Shapes: B sequences in a batch, T tokens, E numbers per embedded token or input, H in the hidden
state, O logits.

What differs: the gates of a cell are computed by two products, one of all W, one of all U. There
are no peepholes. The reset gate acts behind the product with Uₙ, as in cuDNN, PyTorch and Keras,
not in front of it. Weights start uniformly between ±1/√H, the forget gate's bias at 1
(Jozefowicz, Zaremba and Sutskever, 2015). torch.nn.LSTM adds two biases in (2), which act as one.
"""

import torch
from torch import nn

from companion.language.tokens_torch import check_tokens, lengths

__all__ = ["GRUCell", "LSTMCell", "RecurrentNetwork", "SimpleCell", "make_cell"]


class Cell(nn.Module):
    """What the cells share: their weights, and the loop over time.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates = 1  # blocks of H numbers that the two products compute
    states = 1  # how many vectors the state consists of
    two_biases = False  # whether the product with the hidden state has one of its own
    _kernel = staticmethod(torch.rnn_tanh)

    def __init__(self, inputs, hidden):
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Linear(inputs, self.gates * hidden)  # all W and b
        self.from_hidden = nn.Linear(hidden, self.gates * hidden, bias=self.two_biases)  # U, d
        for weight in self.parameters():
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

    def start(self, inputs):
        """Return a state of zeros for inputs of shape (B, …): a tuple of vectors (B, H)."""
        return (inputs.new_zeros(len(inputs), self.hidden),) * self.states

    def run(self, inputs, state=None, fused=False):
        """Go through a sequence from its first to its last step.

        Args:
            inputs: Shape (B, T, E).
            state: Where to start, a tuple of (B, H); by default zeros.
            fused: Whether PyTorch's own kernel does it.

        Returns:
            The hidden states, (B, T, H), and the last state.
        """
        state = self.start(inputs) if state is None else state
        if fused:
            return self._fused(inputs, state)
        outputs = []
        for x in inputs.unbind(dim=1):  # (B, E)
            output, state = self(x, state)
            outputs.append(output)
        return torch.stack(outputs, dim=1), state

    def _fused(self, inputs, state):
        """Do the same as `run`, in one call of the kernel that torch.nn.LSTM uses."""
        weights = [self.from_input.weight, self.from_hidden.weight, self.from_input.bias]
        weights.append(self.from_hidden.bias if self.two_biases else torch.zeros_like(weights[2]))
        first = tuple(vector[None] for vector in state)  # one layer: (1, B, H)
        first = first if self.states == 2 else first[0]
        # Biases are there, one layer, no dropout, one direction, and the batch comes first.
        options = (True, 1, 0.0, self.training, False, True)
        outputs, *last = self._kernel(inputs, first, weights, *options)
        return outputs, tuple(vector[0] for vector in last)


class SimpleCell(Cell):
    """The simple recurrent cell, equation 1.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    def forward(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden,) of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        (hidden,) = self.start(inputs) if state is None else state
        hidden = torch.tanh(self.from_input(inputs) + self.from_hidden(hidden))  # (B, H)
        return hidden, (hidden,)


class LSTMCell(Cell):
    """The cell with long short-term memory, equation 2.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates, states = 4, 2
    _kernel = staticmethod(torch.lstm)

    def __init__(self, inputs, hidden):
        super().__init__(inputs, hidden)
        nn.init.ones_(self.from_input.bias[hidden : 2 * hidden])  # the forget gate's

    def forward(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden, memory), each of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        hidden, memory = self.start(inputs) if state is None else state
        gates = self.from_input(inputs) + self.from_hidden(hidden)  # (B, 4H)
        write, keep, new, read = gates.chunk(4, dim=-1)  # i, f, g, o, each (B, H)
        memory = torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(new)
        hidden = torch.sigmoid(read) * torch.tanh(memory)
        return hidden, (hidden, memory)


class GRUCell(Cell):
    """The gated recurrent unit, equation 3.

    Args:
        inputs: Numbers of an input, E.
        hidden: Numbers of the hidden state, H.
    """

    gates, two_biases = 3, True
    _kernel = staticmethod(torch.gru)

    def forward(self, inputs, state=None):
        """Do one step.

        Args:
            inputs: Shape (B, E).
            state: The tuple (hidden,) of shape (B, H); by default zeros.

        Returns:
            The new hidden state, (B, H), and the new state, a tuple that begins with it.
        """
        (hidden,) = self.start(inputs) if state is None else state
        x_reset, x_update, x_new = self.from_input(inputs).chunk(3, dim=-1)  # each (B, H)
        h_reset, h_update, h_new = self.from_hidden(hidden).chunk(3, dim=-1)
        reset, update = torch.sigmoid(x_reset + h_reset), torch.sigmoid(x_update + h_update)
        new = torch.tanh(x_new + reset * h_new)
        hidden = (1 - update) * new + update * hidden
        return hidden, (hidden,)


def make_cell(kind, inputs, hidden):
    """Return a cell of a kind: "rnn", "lstm" or "gru"."""
    return {"rnn": SimpleCell, "lstm": LSTMCell, "gru": GRUCell}[kind](inputs, hidden)


class RecurrentNetwork(nn.Module):
    """An embedding, layers of cells, and one linear layer.

    Args:
        config: A `companion.language.sequence_config.RecurrentConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        widths = [config.width, *[config.hidden] * (config.layers - 1)]
        self.cells = nn.ModuleList(make_cell(config.cell, n, config.hidden) for n in widths)
        self.head = nn.Linear(config.hidden, config.outputs)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens):
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
            hidden = self.dropout(cell.run(hidden, fused=self.config.fused)[0])  # (B, T, H)
        if not self.config.each_token:
            last = lengths("tokens", tokens) - 1
            hidden = hidden[torch.arange(len(last), device=last.device), last]  # (B, H)
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
        hidden = self.dropout(self.embedding(tokens))  # (B, E)
        state, before = [], state or [None] * len(self.cells)
        for cell, old in zip(self.cells, before, strict=True):
            hidden, new = cell(hidden, old)
            hidden = self.dropout(hidden)  # (B, H)
            state.append(new)
        return self.head(hidden), state
