"""The multilayer perceptron in PyTorch; its twin is `companion.vision.mlp_keras`.

Rumelhart, Hinton and Williams (1986), *Learning representations by back-propagating errors*,
Nature 323, doi:10.1038/323533a0. Their equations 1 and 2, for one layer with input y and output y′:

    x_j = Σ_i y_i · w_ji + b_j        y′_j = σ(x_j)

The paper reaches the bias b_j through an extra unit that is always 1.

Shapes: B samples in a batch, I inputs, H units of a hidden layer, O outputs.

What differs from the paper: the last layer returns its sums x, the logits, and the loss applies
whatever function it needs; other activations than the sigmoid may stand after the hidden layers;
each layer sees only the one before. Weights start from Glorot and Bengio's (2010, equation 16)
uniform distribution on ±√(6 / (fan in + fan out)), biases at 0; the paper says "small random".
"""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F

__all__ = ["MLP"]


class MLP(nn.Module):
    """Linear layers with an activation between each two.

    Args:
        config: A `companion.vision.config.MLPConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        *hidden, last = pairwise(config.widths)
        self.hidden = nn.ModuleList(nn.Linear(*widths) for widths in hidden)
        self.head = nn.Linear(*last)
        for layer in (*self.hidden, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs):
        """Return the logits.

        Args:
            inputs: Samples, of the same dtype as the weights, shape (B, I).

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another.
            TypeError: If the dtype is another.
        """
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (inputs, self.head.weight))
        self.config.check_inputs(inputs.shape, *dtypes)
        activation = getattr(F, self.config.activation)
        for layer in self.hidden:
            inputs = activation(layer(inputs))  # (B, H)
        return self.head(inputs)  # (B, O)
