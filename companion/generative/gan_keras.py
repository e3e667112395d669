"""Generative adversarial networks in Keras 3; the twin is `companion.generative.gan_torch`.

Papers, equations, letters and what differs from the papers: see there. Images are
(B, H, W, C), Keras's own layout. Batch normalisation uses torch's constants, 0.9 for the running
mean and 1e-5 below the root. One difference is left: torch divides the running variance by one
less than the number of values, Keras by the number. Models follow `training`: pass True in a loop
of your own.
"""

import dataclasses

import keras
from keras import ops

from companion.batch_checks import rows
from companion.checks import one_of
from companion.generative.config import GANConfig

__all__ = ["Discriminator", "Generator", "discriminator_loss", "generator_loss"]

_HALVING = {"strides": 2, "padding": "same", "data_format": "channels_last"}


def discriminator_loss(real_logits, fake_logits):
    """Return −V, averaged over data and made images.

    Args:
        real_logits: The discriminator's logits of data, shape (B,).
        fake_logits: Its logits of made images, shape (M,).

    Returns:
        A scalar of at least 0; 2 log 2 if all logits are 0.

    Raises:
        ValueError: If a shape is no such vector, or empty.
    """
    _check_logits(real_logits, fake_logits)
    # −log s(l) = softplus(−l) and −log(1 − s(l)) = softplus(l)
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


def generator_loss(fake_logits, kind="non-saturating"):
    """Return the generator's loss, averaged over made images.

    Args:
        fake_logits: The discriminator's logits of made images, shape (B,).
        kind: "non-saturating", −log D, or "minimax", log(1 − D).

    Returns:
        A scalar: at least 0 if non-saturating, at most 0 if minimax.

    Raises:
        ValueError: If the shape is no such vector, or empty, or the kind is not known.
    """
    _check_logits(fake_logits)
    if one_of("kind", kind, ("minimax", "non-saturating")) == "minimax":
        return -ops.mean(ops.softplus(fake_logits))
    return ops.mean(ops.softplus(-fake_logits))


def _check_logits(*batches):
    for logits in batches:
        if len(logits.shape) != 1 or logits.shape[0] == 0:
            raise ValueError(
                f"the logits have shape {tuple(logits.shape)}; expected (B,) with B at least 1"
            )


def _start():
    """Return the distribution that the DCGAN paper draws weights from."""
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def _norms(filters):
    """Return a normalisation per number of filters, with torch's constants."""
    return [keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5) for _ in filters]


@keras.saving.register_keras_serializable("companion.generative")
class Generator(keras.Model):
    """A dense layer, then transposed convolutions that double the image; built when made.

    Args:
        config: A `companion.generative.config.GANConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        height, width, filters = config.smallest
        *inner, last = config.channels[1:]
        layers = keras.layers
        # Biases would be taken away again by the normalisation; only the last stage has one.
        self.project = layers.Dense(height * width * filters, use_bias=False, **_start())
        self.unflatten = layers.Reshape(config.smallest)
        self.norms = _norms(config.filters)
        self.stages = [
            *(
                layers.Conv2DTranspose(filters, 4, use_bias=False, **_start(), **_HALVING)
                for filters in inner
            ),
            layers.Conv2DTranspose(last, 4, **_start(), **_HALVING),
        ]
        self(keras.KerasTensor((None, config.noise)))  # makes the weights

    def call(self, noise, training=None):
        """Return images.

        Args:
            noise: Floating point, shape (B, K).
            training: Whether to normalise by the batch's mean and variance.

        Returns:
            Images, from 0 to 1, shape (B, H, W, C).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the noise is not of floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(noise.dtype)
        rows("noise vectors", noise.shape, dtype, self.config.noise, self.compute_dtype)
        hidden = self.unflatten(self.project(noise))
        for norm, stage in zip(self.norms, self.stages, strict=True):
            hidden = stage(ops.relu(norm(hidden, training=training)))  # (B, H′, W′, filters)
        return ops.sigmoid(hidden)  # (B, H, W, C)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(GANConfig(**config["config"]))


@keras.saving.register_keras_serializable("companion.generative")
class Discriminator(keras.Model):
    """Convolutions that halve the image, then a dense layer to one logit; built when made.

    Args:
        config: A `companion.generative.config.GANConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        filters = config.filters[::-1]
        self.stages = [
            keras.layers.Conv2D(number, 4, use_bias=i == 0, **_start(), **_HALVING)
            for i, number in enumerate(filters)
        ]
        self.norms = _norms(filters[1:])
        self.flatten = keras.layers.Flatten(data_format="channels_last")
        self.head = keras.layers.Dense(1, **_start())
        self(keras.KerasTensor((None, *config.image)))  # makes the weights

    def call(self, images, training=None):
        """Return one logit per image: large if it is taken for data, small if for a made one.

        Args:
            images: Floating point, from 0 to 1, shape (B, H, W, C).
            training: Whether to normalise by the batch's mean and variance.

        Returns:
            Logits, shape (B,).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        self.config.check_images(images.shape, dtype, self.compute_dtype, channels_first=False)
        hidden = ops.leaky_relu(self.stages[0](images), 0.2)
        for norm, stage in zip(self.norms, self.stages[1:], strict=True):
            # (B, H′, W′, filters)
            hidden = ops.leaky_relu(norm(stage(hidden), training=training), 0.2)
        return self.head(self.flatten(hidden))[:, 0]  # (B,)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(GANConfig(**config["config"]))
