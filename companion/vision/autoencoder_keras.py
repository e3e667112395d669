"""The convolutional autoencoder in Keras 3; its twin is `companion.vision.autoencoder_torch`.

Paper, letters, the choice of layers and what differs from the paper: see there. Images come in as
(B, H, W, C), Keras's own layout. The same distributions start the weights, because
"glorot_uniform" and zeros are what Keras starts its layers from.
"""

import dataclasses

import keras

from companion.batch_checks import rows
from companion.vision.autoencoder_config import AutoencoderConfig

__all__ = ["Autoencoder"]


@keras.saving.register_keras_serializable("companion.vision")
class Autoencoder(keras.Model):
    """An encoder of strided convolutions and a decoder of transposed ones; built when made.

    Args:
        config: A `companion.vision.autoencoder_config.AutoencoderConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        layers = keras.layers
        height, width, filters = config.smallest
        halving = {"strides": 2, "padding": "same", "data_format": "channels_last"}
        activations = [*[config.activation] * (len(config.filters) - 1), None]
        self.encoder = [
            layers.Conv2D(filters, 4, activation=config.activation, **halving)
            for filters in config.filters
        ]
        self.flatten = layers.Flatten(data_format="channels_last")
        self.to_code = layers.Dense(config.code)
        self.from_code = layers.Dense(height * width * filters, config.activation)
        self.unflatten = layers.Reshape(config.smallest)
        self.decoder = [
            layers.Conv2DTranspose(channels, 4, activation=activation, **halving)
            for channels, activation in zip(config.channels[-2::-1], activations, strict=True)
        ]
        self(keras.KerasTensor((None, *config.image)))  # makes the weights

    def encode(self, images):
        """Return the codes of images.

        Args:
            images: Floating point, from 0 to 1, shape (B, H, W, C).

        Returns:
            Codes, shape (B, K).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is not the one that the model computes in.
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        self.config.check_images(images.shape, dtype, self.compute_dtype, channels_first=False)
        hidden = images
        for stage in self.encoder:
            hidden = stage(hidden)  # (B, H′, W′, filters)
        return self.to_code(self.flatten(hidden))  # (B, K)

    def decode(self, codes):
        """Return the logits of the pixels that codes stand for.

        Args:
            codes: Floating point, shape (B, K).

        Returns:
            Logits, shape (B, H, W, C).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is not the one that the model computes in.
        """
        dtype = keras.backend.standardize_dtype(codes.dtype)
        rows("codes", codes.shape, dtype, self.config.code, self.compute_dtype)
        hidden = self.unflatten(self.from_code(codes))
        for stage in self.decoder:
            hidden = stage(hidden)  # (B, H′, W′, filters)
        return hidden  # (B, H, W, C)

    def call(self, images):
        """Return the logits of the images that are left after the way through the code.

        Args:
            images: Floating point, from 0 to 1, shape (B, H, W, C).

        Returns:
            Logits, shape (B, H, W, C).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        return self.decode(self.encode(images))

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(AutoencoderConfig(**config["config"]))
