"""The variational autoencoder in PyTorch; its twin is `companion.generative.vae_keras`.

Kingma and Welling (2014), *Auto-encoding variational Bayes*, arXiv:1312.6114. A latent vector z is
drawn from a standard normal distribution, an image x from p(x|z), which the decoder describes. The
encoder describes q(z|x), a normal distribution that approximates p(z|x). What is maximised is the
evidence lower bound of log p(x) (equation 3), in nats:

    ELBO(x) = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)),
    z = μ + σ ε with ε standard normal                       (section 2.4)
    KL = ½ Σ_k (μ_k² + σ_k² − 1 − log σ_k²)                  (appendix B)
    log p(x|z) = Σ_i x_i log s(l_i) + (1 − x_i) log(1 − s(l_i))    (appendix C.1; s the sigmoid)

Shapes: B images in a batch, C channels, H × W pixels, D units of a hidden layer, K numbers of z.

What differs from the paper: ReLU by default instead of tanh, any number of hidden layers, and
β, which weighs the KL term (Higgins et al., 2017, *β-VAE*). The Bernoulli likelihood is one for
pixels that are 0 or 1; for pixels between them, as is common, it is used as a loss: it is then
still largest at the sigmoid l = x, but its value is no log probability. The expectation is taken
over one ε per image. Weights start from Glorot and Bengio's uniform distribution, biases at 0.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from companion.batch_checks import rows, same_shapes, value_range

__all__ = ["VAE", "elbo", "kl_divergence", "log_likelihood"]


def log_likelihood(logits, images):
    """Return log p(x|z) of images under the decoder's Bernoulli distributions.

    Args:
        logits: Log odds that a pixel is 1, shape (B, C, H, W).
        images: From 0 to 1, shape (B, C, H, W).

    Returns:
        Nats per image, shape (B,).

    Raises:
        ValueError: If the shapes differ or contain a 0, or a pixel is not from 0 to 1.
    """
    same_shapes(logits=logits.shape, images=images.shape)
    value_range("images", images.min(), images.max(), 0, 1)
    losses = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return -losses.flatten(1).sum(dim=1)  # (B,)


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
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance).sum(dim=1)  # (B,)


def elbo(outputs, images, *, beta=1.0):
    """Return the evidence lower bound; the loss is the negative of its mean.

    Args:
        outputs: What the model returned: logits, mean and log variance.
        images: From 0 to 1, shape (B, C, H, W).
        beta: Weight of the KL term; 1 gives the bound itself.

    Returns:
        Nats per image, shape (B,).

    Raises:
        ValueError: If shapes differ or contain a 0, or a pixel is not from 0 to 1.
    """
    logits, mean, log_variance = outputs
    return log_likelihood(logits, images) - beta * kl_divergence(mean, log_variance)


class VAE(nn.Module):
    """Dense layers to the parameters of q(z|x), and dense layers from z to logits.

    Args:
        config: A `companion.generative.config.VAEConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        pairs = list(pairwise(config.widths))
        last = config.widths[-1]
        self.encoder = nn.ModuleList(nn.Linear(*pair) for pair in pairs)
        self.to_mean = nn.Linear(last, config.latent)
        self.to_log_variance = nn.Linear(last, config.latent)
        self.from_latent = nn.Linear(config.latent, last)
        self.decoder = nn.ModuleList(nn.Linear(*pair[::-1]) for pair in reversed(pairs))
        heads = self.to_mean, self.to_log_variance, self.from_latent
        for layer in (*self.encoder, *heads, *self.decoder):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, images):
        """Return the parameters of q(z|x).

        Args:
            images: Of the same dtype as the weights, from 0 to 1, shape (B, C, H, W).

        Returns:
            The pair (mean, log variance), each of shape (B, K).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        self.config.check_images(images.shape, *self._dtypes(images), channels_first=True)
        activation = getattr(F, self.config.activation)
        hidden = images.permute(0, 2, 3, 1).flatten(1)  # (B, H·W·C), in Keras's order
        for layer in self.encoder:
            hidden = activation(layer(hidden))  # (B, D)
        return self.to_mean(hidden), self.to_log_variance(hidden)

    def decode(self, latents):
        """Return the logits of the pixels that latent vectors stand for.

        Args:
            latents: Of the same dtype as the weights, shape (B, K).

        Returns:
            Logits, shape (B, C, H, W).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = self._dtypes(latents)
        rows("latents", latents.shape, dtypes[0], self.config.latent, dtypes[1])
        activation = getattr(F, self.config.activation)
        hidden = self.from_latent(latents)  # (B, D)
        for layer in self.decoder:
            hidden = layer(activation(hidden))  # (B, D), at last (B, H·W·C)
        return hidden.unflatten(1, self.config.image).permute(0, 3, 1, 2)  # (B, C, H, W)

    def forward(self, images, noise=None):
        """Draw z from q(z|x) for each image and return all that the bound needs.

        Args:
            images: Of the same dtype as the weights, from 0 to 1, shape (B, C, H, W).
            noise: ε, shape (B, K); by default drawn from the standard normal distribution with
                torch's global generator. Pass `torch.randn(…, generator=…)` for your own.

        Returns:
            The triple of logits (B, C, H, W), mean (B, K) and log variance (B, K).

        Raises:
            ValueError: If a shape is another or B is 0.
            TypeError: If a dtype is another.
        """
        mean, log_variance = self.encode(images)
        noise = torch.randn_like(mean) if noise is None else noise
        same_shapes(noise=noise.shape, mean=mean.shape)
        latents = mean + torch.exp(0.5 * log_variance) * noise  # (B, K), section 2.4
        return self.decode(latents), mean, log_variance

    def _dtypes(self, batch):
        """Return the names of the types of a batch and of the weights."""
        tensors = (batch, self.to_mean.weight)
        return [str(tensor.dtype).removeprefix("torch.") for tensor in tensors]
