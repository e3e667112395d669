"""The convolutional network in Keras 3; its twin is `companion.vision.cnn_torch`.

Paper, equation, letters and what differs from the paper: see there. Images come in as
(B, H, W, C), Keras's own layout. The same distributions start the weights, because
"glorot_uniform" and zeros are what Keras starts its layers from. Keras converts floating-point
images of any precision to the one that it computes in, where PyTorch refuses them.
"""

import dataclasses

import keras

from companion.vision.config import CNNConfig

__all__ = ["CNN"]


@keras.saving.register_keras_serializable("companion.vision")
class CNN(keras.Model):
    """Stages of convolution, activation and max-pooling, then dense layers; built when made.

    Args:
        config: A `companion.vision.config.CNNConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        shared = {"padding": config.padding, "activation": config.activation}
        self.stages = [
            keras.layers.Conv2D(filters, config.kernel, data_format="channels_last", **shared)
            for filters in config.filters
        ]
        self.pool = keras.layers.MaxPooling2D(2, data_format="channels_last")
        self.flatten = keras.layers.Flatten(data_format="channels_last")
        self.hidden = [keras.layers.Dense(width, config.activation) for width in config.hidden]
        self.dropout = keras.layers.Dropout(config.dropout)
        self.head = keras.layers.Dense(config.outputs)
        self(keras.KerasTensor((None, *config.image)))  # makes the weights

    def features(self, images):
        """Return what each stage sees, for `call` and for looking at it.

        Args:
            images: Floating point, shape (B, H, W, C).

        Returns:
            A list with the output of each stage, shape (B, H′, W′, filters); see `config.maps`.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        self.config.check_images(images.shape, dtype, self.compute_dtype, channels_first=False)
        found = []
        hidden = images
        for stage in self.stages:
            hidden = self.pool(stage(hidden))  # (B, H′, W′, filters)
            found.append(hidden)
        return found

    def call(self, images, training=None):
        """Return the logits.

        Args:
            images: Floating point, shape (B, H, W, C).
            training: Whether to drop out, by default as Keras is told by `fit` and `predict`.

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        hidden = self.flatten(self.features(images)[-1])  # (B, I)
        for layer in self.hidden:
            hidden = layer(hidden)  # (B, D)
        return self.head(self.dropout(hidden, training=training))  # (B, O)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(CNNConfig(**config["config"]))
