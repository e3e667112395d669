"""Changes of images by chance that leave their class as it is; two exceptions say so.

Every function takes images, float32 from 0 to 1 of shape (n, h, w) or (n, h, w, c), and a
`numpy.random.Generator`, and returns new images of the same shape, type and range. Each image draws
its own change. What comes in from outside the frame is 0. The first image that a generator changes
depends on how many there are, so give the whole batch at once.

All raise TypeError or ValueError for images of another kind (`companion.checks.image_batch`)
and ValueError for an amount that is negative or too large.
"""

import numpy as np

from companion.checks import image_batch, natural, number
from companion.data.warp import matrices, smooth_displacements, warp

__all__ = ["affine", "cutout", "elastic", "flip", "mixup", "noise", "rotate", "scale", "shift"]


def shift(images, rng, pixels=2):
    """Move each image by whole pixels, up to `pixels` of them, down or up and right or left."""
    images = image_batch(images)
    pixels = natural("pixels", pixels, 0)
    moves = rng.integers(-pixels, pixels + 1, size=(len(images), 2))
    return warp(images, matrices(), offset=-moves)


def rotate(images, rng, degrees=15.0):
    """Turn each image around its middle by an angle from -degrees to degrees."""
    return affine(images, rng, degrees=degrees, shear=0, factor=1, pixels=0)


def scale(images, rng, factor=1.2):
    """Enlarge or shrink each image by up to `factor`, the logarithm of it uniform."""
    return affine(images, rng, degrees=0, shear=0, factor=factor, pixels=0)


def affine(images, rng, degrees=10.0, shear=0.1, factor=1.1, pixels=2.0):
    """Turn, slant, enlarge or shrink, and move each image, everything uniform.

    Args:
        images: See the module.
        rng: See the module.
        degrees: The largest angle, from 0 to 180.
        shear: The largest move to the side, in parts of the height above the middle; 0 to 1.
        factor: The largest enlargement; 1 / factor is the smallest. From 1 to 4.
        pixels: The largest shift, in either direction; at least 0.
    """
    images = image_batch(images)
    largest = np.array(
        [
            number("degrees", degrees, 0, 180),
            number("shear", shear, 0, 1),
            np.log(number("factor", factor, 1, 4)),
            *[number("pixels", pixels, 0)] * 2,
        ]
    )
    drawn = largest * rng.uniform(-1, 1, size=(len(images), 5))
    maps = matrices(drawn[:, 0], drawn[:, 1], np.exp(drawn[:, 2]))
    return warp(images, maps, offset=-np.einsum("nij,nj->ni", maps, drawn[:, 3:]))


def elastic(images, rng, pixels=1.0, sigma=4.0):
    """Bend each image by a smooth random displacement of its pixels.

    Args:
        images: See the module.
        rng: See the module.
        pixels: Standard deviation of the displacement, at least 0.
        sigma: How far away the displacements are still alike, in pixels; at least 0.5.
    """
    images = image_batch(images)
    pixels, sigma = number("pixels", pixels, 0), number("sigma", sigma, 0.5)
    bend = smooth_displacements(rng, *images.shape[:3], sigma)
    return warp(images, matrices(), displacement=np.float32(pixels) * bend)


def flip(images, rng, probability=0.5):
    """Mirror each image with some probability, left to right.

    Whether that keeps the class depends on the data: a mirrored cat is a cat, a mirrored 2 is no 2
    and a mirrored b is a d. Leave it out for characters.
    """
    images = image_batch(images)
    mirrored = rng.random(len(images)) < number("probability", probability, 0, 1)
    result = images.copy()
    result[mirrored] = images[mirrored, :, ::-1]
    return result


def noise(images, rng, sd=0.1):
    """Add normal noise of standard deviation `sd` to every value; what leaves [0, 1] is cut off."""
    images = image_batch(images)
    sd = np.float32(number("sd", sd, 0))
    return np.clip(images + sd * rng.standard_normal(images.shape, dtype=np.float32), 0, 1)


def cutout(images, rng, side=8):
    """Put zeros into a square of each image.

    DeVries and Taylor (2017), arXiv:1708.04552. The middle of the square is any pixel, so a part of
    it may lie outside.

    Args:
        images: See the module.
        rng: See the module.
        side: Of the square in pixels, at least 1 and at most the smaller side of the images.
    """
    images = image_batch(images)
    height, width = images.shape[1:3]
    if natural("side", side, 1) > min(height, width):
        raise ValueError(f"side is {side}; expected at most {min(height, width)}, like the images")
    inside = []
    for length in (height, width):
        start = rng.integers(length, size=len(images))[:, None] - side // 2
        inside.append((np.arange(length) >= start) & (np.arange(length) < start + side))
    hole = inside[0][:, :, None] & inside[1][:, None, :]  # (n, h, w)
    result = images.copy()
    result[hole] = 0
    return result


def mixup(images, rng, labels, classes, alpha=0.2):
    """Blend each image with another of the batch, and their classes likewise.

    Zhang, Cissé, Dauphin and Lopez-Paz (2018), arXiv:1710.09412: λ x_i + (1 - λ) x_j with λ drawn
    from Beta(alpha, alpha), for each pair on its own.

    Args:
        images: See the module.
        rng: See the module.
        labels: Integers, shape (n,), from 0 to classes - 1.
        classes: How many there are, at least 2.
        alpha: Above 0; small values leave most images nearly as they are.

    Returns:
        images: The blends.
        targets: Float32, shape (n, classes): what each class contributes; a row sums to 1.

    Raises:
        ValueError: If the labels do not fit, beside what the module says.
    """
    images = image_batch(images)
    labels, classes = np.asarray(labels), natural("classes", classes, 2)
    fitting = labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer)
    if not fitting or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape}; "
            f"expected {len(images)} integers from 0 to {classes - 1}"
        )
    if number("alpha", alpha, 0) == 0:
        raise ValueError("alpha is 0; expected a number above 0")
    other = rng.permutation(len(images))
    share = rng.beta(alpha, alpha, size=len(images)).astype(np.float32)
    targets = np.eye(classes, dtype=np.float32)[labels]
    return tuple(_blended(array, array[other], share) for array in (images, targets))


def _blended(array, other, share):
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return share * array + (1 - share) * other
