"""Configurations of the vision models, each shared by its PyTorch and its Keras twin."""

from dataclasses import dataclass

from companion.checks import natural

__all__ = ["ACTIVATIONS", "MLPConfig"]

# Names that mean the same function in both frameworks.
ACTIVATIONS = ("gelu", "relu", "sigmoid", "silu", "tanh")


@dataclass(frozen=True)
class MLPConfig:
    """The shape of a multilayer perceptron.

    Attributes:
        inputs: Numbers per sample that go in, at least 1.
        hidden: Width of each hidden layer, first to last; () leaves a linear model.
        outputs: Logits per sample that come out, at least 1.
        activation: What follows each hidden layer, one of ACTIVATIONS.

    Raises:
        ValueError: If a width is not an integer of at least 1, `hidden` is no sequence of widths,
            or the activation is not known.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str = "relu"

    def __post_init__(self):
        if not isinstance(self.hidden, tuple | list):
            raise ValueError(f"hidden is {self.hidden!r}; expected a tuple of widths such as (16,)")
        hidden = [natural(f"hidden[{i}]", width, 1) for i, width in enumerate(self.hidden)]
        # What JSON and NumPy make of the fields, a list and integers of their own, becomes plain.
        object.__setattr__(self, "inputs", natural("inputs", self.inputs, 1))
        object.__setattr__(self, "hidden", tuple(hidden))
        object.__setattr__(self, "outputs", natural("outputs", self.outputs, 1))
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation is {self.activation!r}; expected one of {', '.join(ACTIVATIONS)}"
            )

    @property
    def widths(self):
        """The numbers per sample from input to output: (inputs, *hidden, outputs)."""
        return (self.inputs, *self.hidden, self.outputs)

    def check_inputs(self, shape, dtype, expected):
        """Require a batch of samples that the model can take.

        Args:
            shape: The shape of the batch; a dimension that is not known yet is None.
            dtype: The name of its type, such as "float64".
            expected: The name of the type that the model computes in, such as "float32".

        Raises:
            ValueError: If the shape is not (B, inputs).
            TypeError: If the types differ.
        """
        if len(shape) != 2 or shape[1] not in (self.inputs, None):
            raise ValueError(
                f"the inputs have shape {tuple(shape)}; expected (B, {self.inputs}), "
                f"one row of {self.inputs} numbers per sample"
            )
        if dtype != expected:
            raise TypeError(f"the inputs are {dtype}; expected {expected} like the weights")
