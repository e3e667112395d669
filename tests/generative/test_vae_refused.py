"""What the variational autoencoder refuses: configs, images, latent vectors, noise, targets."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from companion.generative import vae_keras, vae_torch
from companion.generative.config import VAEConfig

CONFIG = VAEConfig((6, 4, 2), (7, 5), 3, "tanh")
RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 6, 4, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first
NOISE = RNG.normal(size=(6, 3)).astype(np.float32)
MEAN, LOG_VARIANCE = RNG.normal(size=(2, 6, 3)).astype(np.float32)


def _twins():
    return vae_torch.VAE(CONFIG), vae_keras.VAE(CONFIG)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": 28}, "image is 28; expected a tuple of height, width and channels such as (28,"),
        ({"image": (28, 28)}, "image is (28, 28); expected height, width and channels"),
        ({"hidden": ()}, "hidden is (); expected a tuple of widths such as (256,)"),
        ({"hidden": (3, 0)}, "hidden[1] is 0; expected an integer of at least 1"),
        ({"latent": 2.0}, "latent is 2.0; expected an integer of at least 1"),
        ({"activation": "swish"}, "activation is 'swish'; expected one of 'gelu', 'relu', "),
    ],
)
def test_the_config_names_what_is_wrong(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **changes)
    assert VAEConfig([6, 4, np.int64(2)], [7, 5], 3, "tanh") == CONFIG


def _refused_by_both(error, message, ours, theirs, first, last):
    """Call one function of both twins with channels first and with channels last."""
    with pytest.raises(error, match=message):
        ours(*first)
    with pytest.raises(error, match=message):
        theirs(*last)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"expected \(B, (6, 4, 2|2, 6, 4)\), which is \(B, "),
        (IMAGES[0], ValueError, r"the images have shape .* expected \(B, "),
        (IMAGES[:0], ValueError, r"shape \(0, .*\); expected at least one image"),
        ((IMAGES * 255).astype("uint8"), TypeError, "the images are uint8; expected float32 like"),
    ],
)
def test_both_refuse_images_that_they_cannot_take(images, error, message):
    first = torch.from_numpy(np.moveaxis(images, -1, -3))
    _refused_by_both(error, message, *_twins(), (first,), (images,))


def test_both_refuse_latent_vectors_and_noise_that_do_not_fit():
    model, twin = _twins()
    for latents, error, message in (
        (NOISE[:, :2], ValueError, r"latents have shape \(6, 2\); expected \(B, 3\) with B at"),
        (NOISE[:0], ValueError, r"latents have shape \(0, 3\)"),
        (NOISE.astype("float64"), TypeError, "the latents are float64; expected float32 like the"),
    ):
        ours = (torch.from_numpy(latents),)
        _refused_by_both(error, message, model.decode, twin.decode, ours, (latents,))
    for noise in (NOISE[:1], NOISE[:, :1]):  # which would be broadcast without a word
        ours, theirs = (FIRST, torch.from_numpy(noise)), (IMAGES, noise)
        message = r"the shapes are noise \(\d, \d\), mean \(6, 3\); expected one shape"
        _refused_by_both(ValueError, message, model, twin, ours, theirs)


@pytest.mark.parametrize(
    ("logits", "images", "message"),
    [
        (IMAGES, IMAGES * 255, "images range from .* to 25.*; expected 0 to 1"),
        (IMAGES, -IMAGES, "the images range from -.*; expected 0 to 1"),
        (IMAGES, IMAGES * np.nan, "the images range from nan to nan; expected 0 to 1"),
        (
            IMAGES,
            IMAGES[:1],
            r"the shapes are logits \(6, .*\), images \(1, .*; expected one shape",
        ),
        (IMAGES[:0], IMAGES[:0], "expected one shape without a 0 for all of them"),
    ],
)
def test_the_bound_refuses_images_that_do_not_fit(logits, images, message):
    first, last = ((f(logits), MEAN, LOG_VARIANCE) for f in (torch.from_numpy, np.asarray))
    pair = (first, torch.from_numpy(images)), (last, images)
    _refused_by_both(ValueError, message, vae_torch.elbo, vae_keras.elbo, *pair)


def test_the_divergence_refuses_parameters_that_do_not_fit():
    ours, theirs = (torch.from_numpy(MEAN), torch.from_numpy(MEAN[:1])), (MEAN, MEAN[:1])
    pair = vae_torch.kl_divergence, vae_keras.kl_divergence
    _refused_by_both(ValueError, r"mean \(6, 3\), log_variance \(1, 3\)", *pair, ours, theirs)
