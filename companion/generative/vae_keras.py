"""The variational autoencoder in Keras 3; its twin is `companion.generative.vae_torch`.

Paper, equations, letters and what differs from the paper: see there. Images come in as
(B, H, W, C), Keras's own layout. The same distributions start the weights, because
"glorot_uniform" and zeros are what Keras starts its layers from. Inside of a compiled function,
such as `fit`'s, the values of pixels are not known yet and go unchecked; shapes are checked.
"""

import dataclasses

import keras
from keras import ops

from companion.batch_checks import rows, same_shapes, value_range
from companion.generative.config import VAEConfig

__all__ = ["VAE", "elbo", "kl_divergence", "log_likelihood"]


def log_likelihood(logits, images):
    """Return log p(x|z) of images under the decoder's Bernoulli distributions.

    Args:
        logits: Log odds that a pixel is 1, shape (B, H, W, C).
        images: From 0 to 1, shape (B, H, W, C).

    Returns:
        Nats per image, shape (B,).

    Raises:
        ValueError: If the shapes differ or contain a 0, or a pixel is not from 0 to 1.
    """
    same_shapes(logits=logits.shape, images=images.shape)
    images = ops.convert_to_tensor(images)
    if hasattr(images, "numpy"):  # not while a function is compiled
        value_range("images", ops.min(images), ops.max(images), 0, 1)
    losses = ops.binary_crossentropy(images, logits, from_logits=True)
    return -ops.sum(losses, axis=(1, 2, 3))  # (B,)


def kl_divergence(mean, log_variance):
    """Return the Kullback–Leibler divergence of normal distributions from the standard one.

    Args:
        mean: μ, shape (B, K).
        log_variance: log σ², shape (B, K).

    Returns:
        Nats per row, at least 0, shape (B,).

    Raises:
        ValueError: If the shapes differ or contain a 0.
    """
    same_shapes(mean=mean.shape, log_variance=log_variance.shape)
    # expm1 keeps e^v − 1 − v accurate near 0, where the KL of a collapsed dimension lies.
    terms = ops.square(mean) + ops.expm1(log_variance) - log_variance  # (B, K)
    return 0.5 * ops.sum(terms, axis=1)  # (B,)


def elbo(outputs, images, *, beta=1.0):
    """Return the evidence lower bound; the loss is the negative of its mean.

    Args:
        outputs: What the model returned: logits, mean and log variance.
        images: From 0 to 1, shape (B, H, W, C).
        beta: Weight of the KL term; 1 gives the bound itself.

    Returns:
        Nats per image, shape (B,).

    Raises:
        ValueError: If shapes differ or contain a 0, or a pixel is not from 0 to 1.
    """
    logits, mean, log_variance = outputs
    return log_likelihood(logits, images) - beta * kl_divergence(mean, log_variance)


@keras.saving.register_keras_serializable("companion.generative")
class VAE(keras.Model):
    """Dense layers to the parameters of q(z|x), and dense layers from z to logits.

    Args:
        config: A `companion.generative.config.VAEConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        dense = keras.layers.Dense
        self.flatten = keras.layers.Flatten(data_format="channels_last")
        self.encoder = [dense(width, config.activation) for width in config.hidden]
        self.to_mean = dense(config.latent)
        self.to_log_variance = dense(config.latent)
        self.from_latent = dense(config.hidden[-1], config.activation)
        *hidden, pixels = config.widths[-2::-1]
        self.decoder = [*(dense(width, config.activation) for width in hidden), dense(pixels)]
        self.unflatten = keras.layers.Reshape(config.image)
        self.seeds = keras.random.SeedGenerator()
        self(keras.KerasTensor((None, *config.image)))  # makes the weights

    def encode(self, images):
        """Return the parameters of q(z|x).

        Args:
            images: Floating point, from 0 to 1, shape (B, H, W, C).

        Returns:
            The pair (mean, log variance), each of shape (B, K).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is not the one that the model computes in.
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        self.config.check_images(images.shape, dtype, self.compute_dtype, channels_first=False)
        hidden = self.flatten(images)  # (B, H·W·C)
        for layer in self.encoder:
            hidden = layer(hidden)  # (B, D)
        return self.to_mean(hidden), self.to_log_variance(hidden)

    def decode(self, latents):
        """Return the logits of the pixels that latent vectors stand for.

        Args:
            latents: Floating point, shape (B, K).

        Returns:
            Logits, shape (B, H, W, C).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is not the one that the model computes in.
        """
        dtype = keras.backend.standardize_dtype(latents.dtype)
        rows("latents", latents.shape, dtype, self.config.latent, self.compute_dtype)
        hidden = self.from_latent(latents)  # (B, D)
        for layer in self.decoder:
            hidden = layer(hidden)  # (B, D), at last (B, H·W·C)
        return self.unflatten(hidden)  # (B, H, W, C)

    def call(self, images, noise=None):
        """Draw z from q(z|x) for each image and return all that the bound needs.

        Args:
            images: Floating point, from 0 to 1, shape (B, H, W, C).
            noise: ε, shape (B, K); by default drawn from the standard normal distribution. The
                seed is Keras's own; `keras.utils.set_random_seed` before the model is made sets it.

        Returns:
            The triple of logits (B, H, W, C), mean (B, K) and log variance (B, K).

        Raises:
            ValueError: If a shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        mean, log_variance = self.encode(images)
        if noise is None:
            noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seeds)
        same_shapes(noise=noise.shape, mean=mean.shape)
        latents = mean + ops.exp(0.5 * log_variance) * noise  # (B, K), section 2.4
        return self.decode(latents), mean, log_variance

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(VAEConfig(**config["config"]))
