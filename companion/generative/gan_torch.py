"""Generative adversarial networks in PyTorch; the twin is `companion.generative.gan_keras`.

Goodfellow et al. (2014), *Generative adversarial nets*, arXiv:1406.2661: a generator G makes images
of noise z, a discriminator D tells them from data; D(x) = s(l) is its probability that x is data,
with s the sigmoid and l its logit. D goes up and G goes down in the game of equation 1:

    V = E_x[log D(x)] + E_z[log(1 − D(G(z)))]
    discriminator's loss = −V
    generator's loss     = E_z[log(1 − D(G(z)))]   minimax, as in V
                         = −E_z[log D(G(z))]       non-saturating (section 3)

The losses are functions of logits, because where D is certain that an image is made, the logarithm
of a sigmoid of float32 is −∞. There the gradient with respect to l of the minimax loss, −s(l), is
almost 0, and that of the non-saturating one, s(l) − 1, almost −1: it still says how to improve.

The networks are those of Radford, Metz and Chintala (2016), *Unsupervised representation learning
with deep convolutional generative adversarial networks* (DCGAN), arXiv:1511.06434: convolutions
with stride 2 instead of pooling, batch normalisation but at the generator's output and the
discriminator's input, ReLU in the generator and leaky ReLU of slope 0.2 in the discriminator,
weights from a normal distribution of standard deviation 0.02.

Shapes: B images in a batch, K numbers of noise, C channels, H × W pixels.

What differs from the papers: fewer and narrower stages, kernel 4, which the stride divides, so that
all pixels are treated alike, a dense layer at the discriminator's end, noise of any distribution
(the paper's is uniform), and pixels from 0 to 1 by a sigmoid instead of −1 to 1 by tanh: the same
curve, 2 s(2a) − 1 = tanh(a).

In training mode, both networks look at the batch as a whole. Batch normalisation takes its mean and
variance over what it is given, so give the discriminator data and made images apart.
"""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F

from companion.batch_checks import rows
from companion.checks import one_of

__all__ = ["Discriminator", "Generator", "discriminator_loss", "generator_loss"]


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
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


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
        return -F.softplus(fake_logits).mean()
    return F.softplus(-fake_logits).mean()


def _check_logits(*batches):
    for logits in batches:
        if len(logits.shape) != 1 or logits.shape[0] == 0:
            raise ValueError(
                f"the logits have shape {tuple(logits.shape)}; expected (B,) with B at least 1"
            )


class Generator(nn.Module):
    """A dense layer, then transposed convolutions that double the image.

    Args:
        config: A `companion.generative.config.GANConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        height, width, filters = config.smallest
        pairs = list(pairwise(config.channels))
        # Biases would be taken away again by the normalisation; only the last stage has one.
        self.project = nn.Linear(config.noise, height * width * filters, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for filters, _ in pairs)
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(*pair, 4, stride=2, padding=1, bias=i == len(pairs) - 1)
            for i, pair in enumerate(pairs)
        )
        _start(self)

    def forward(self, noise):
        """Return images.

        Args:
            noise: Of the same dtype as the weights, shape (B, K).

        Returns:
            Images, from 0 to 1, shape (B, C, H, W).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = _dtypes(noise, self.project.weight)
        rows("noise vectors", noise.shape, dtypes[0], self.config.noise, dtypes[1])
        hidden = self.project(noise).unflatten(1, self.config.smallest).permute(0, 3, 1, 2)
        for norm, stage in zip(self.norms, self.stages, strict=True):
            hidden = stage(F.relu(norm(hidden)))  # (B, filters, H′, W′)
        return hidden.sigmoid()  # (B, C, H, W)


class Discriminator(nn.Module):
    """Convolutions that halve the image, then a dense layer to one logit.

    Args:
        config: A `companion.generative.config.GANConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        height, width, filters = config.smallest
        pairs = list(pairwise(config.channels[::-1]))
        self.stages = nn.ModuleList(
            nn.Conv2d(*pair, 4, stride=2, padding=1, bias=i == 0) for i, pair in enumerate(pairs)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for _, filters in pairs[1:])
        self.head = nn.Linear(height * width * filters, 1)
        _start(self)

    def forward(self, images):
        """Return one logit per image: large if it is taken for data, small if for a made one.

        Args:
            images: Of the same dtype as the weights, from 0 to 1, shape (B, C, H, W).

        Returns:
            Logits, shape (B,).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = _dtypes(images, self.head.weight)
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        hidden = F.leaky_relu(self.stages[0](images), 0.2)
        for norm, stage in zip(self.norms, self.stages[1:], strict=True):
            hidden = F.leaky_relu(norm(stage(hidden)), 0.2)  # (B, filters, H′, W′)
        return self.head(hidden.permute(0, 2, 3, 1).flatten(1))[:, 0]  # (B,)


def _start(model):
    """Draw the weights as the DCGAN paper does; scales of normalisations stay 1, biases 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _dtypes(*tensors):
    return [str(tensor.dtype).removeprefix("torch.") for tensor in tensors]
