"""The multilayer perceptron in Keras 3; its twin is `companion.vision.mlp_torch`.

Paper, equations, shapes and what differs from the paper: see there. The same distribution starts
the weights, because "glorot_uniform" and zeros are what Keras starts a Dense layer from. Keras
converts floating-point inputs of any precision to the one that it computes in, where PyTorch
refuses them.
"""

import dataclasses

import keras

from companion.vision.config import MLPConfig

__all__ = ["MLP"]


@keras.saving.register_keras_serializable("companion.vision")
class MLP(keras.Model):
    """Dense layers with an activation between each two; it is built as soon as it is made.

    Args:
        config: A `companion.vision.config.MLPConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.hidden = [keras.layers.Dense(width, config.activation) for width in config.hidden]
        self.head = keras.layers.Dense(config.outputs)
        self(keras.KerasTensor((None, config.inputs)))  # makes the weights

    def call(self, inputs):
        """Return the logits.

        Args:
            inputs: Samples, floating point, shape (B, I).

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another.
            TypeError: If the inputs are not floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        self.config.check_inputs(inputs.shape, dtype, self.compute_dtype)
        for layer in self.hidden:
            inputs = layer(inputs)  # (B, H)
        return self.head(inputs)  # (B, O)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(MLPConfig(**config["config"]))
