"""One place for moving pixels: affine maps and smooth random displacements, image by image.

A coordinate is a pair (y, x) in pixels, counted from the middle of its image, y downwards. The
output at p is the input at

    M p + t + d(p)

with a matrix M and an offset t for each image, and a displacement d for each of its pixels. This is
the way back, from output to input: to turn a picture by θ, M turns by -θ (`matrices` sees to it).
"""

import numpy as np
from scipy.ndimage import map_coordinates

__all__ = ["matrices", "smooth_displacements", "warp"]


def matrices(degrees=0.0, shear=0.0, scale=1.0):
    """Return the matrices M that turn, slant and enlarge.

    Args:
        degrees: How far to turn, counterclockwise as seen on the screen; a number or shape (n,).
        shear: How far the top is moved to the right, in parts of its height above the middle.
        scale: How much larger the picture becomes; above 0.

    Returns:
        Float64, shape (n, 2, 2); n is 1 where all are numbers.
    """
    angle, shear, scale = np.broadcast_arrays(*np.atleast_1d(np.radians(degrees), shear, scale))
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(scale), np.ones_like(scale)
    rotation = np.array([[cos, -sin], [sin, cos]])  # of (y, x), y downwards
    slant = np.array([[one, zero], [-shear, one]])
    forward = scale * np.einsum("ijn,jkn->ikn", rotation, slant)
    return np.linalg.inv(np.moveaxis(forward, -1, 0))


def smooth_displacements(rng, n, height, width, sigma):
    """Draw random displacements of every pixel, alike in neighbouring ones.

    White noise, smoothed by a Gaussian: Simard, Steinkraus and Platt (2003), *Best Practices for
    Convolutional Neural Networks*, section 2, doi:10.1109/ICDAR.2003.1227801. Here each
    displacement has a standard deviation of 1 pixel, also at the borders.

    Args:
        rng: A `numpy.random.Generator`.
        n: How many images.
        height: Pixels.
        width: Pixels.
        sigma: Standard deviation of the Gaussian, in pixels.

    Returns:
        Float32, shape (n, 2, height, width): down and to the right.
    """
    noise = rng.standard_normal((n, 2, height, width), dtype=np.float32)
    return _smoothing(height, sigma) @ noise @ _smoothing(width, sigma).T


def _smoothing(length, sigma):
    """Return the matrix that smooths white noise and leaves its variance as it is."""
    steps = np.subtract.outer(np.arange(length), np.arange(length))
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def warp(images, matrix, offset=None, displacement=None, size=None):
    """Move the pixels of each image; between pixels the values are interpolated bilinearly.

    Args:
        images: Float32, shape (n, h, w) or (n, h, w, c). What lies outside is 0.
        matrix: M, shape (n, 2, 2) or (1, 2, 2).
        offset: t, shape (n, 2); none by default.
        displacement: d, shape (n, 2, *size); none by default.
        size: The height and width of the result, by default those of the images.

    Returns:
        Float32, shape (n, *size) or (n, *size, c).
    """
    n, *shape = images.shape[:3]
    size = size or tuple(shape)
    grid = np.indices(size, dtype=np.float32).reshape(2, -1)  # (2, h·w)
    grid -= (np.array(size, dtype=np.float32)[:, None] - 1) / 2
    origin = (np.array(shape) - 1) / 2 + (np.zeros((n, 2)) if offset is None else offset)
    places = matrix.astype(np.float32) @ grid + origin[:, :, None].astype(np.float32)
    if displacement is not None:
        places += displacement.reshape(n, 2, -1)
    places = np.broadcast_to(places, (n, *places.shape[1:])).reshape(n, 2, *size)
    moved = np.empty((n, *size, *images.shape[3:]), dtype=np.float32)
    # A view with the channels second, so that every plane (h, w) is treated alike.
    sources, results = (a[..., None] if a.ndim == 3 else a for a in (images, moved))
    for source, result, place in zip(sources, results, places, strict=True):
        for channel in range(source.shape[-1]):
            map_coordinates(source[..., channel], place, result[..., channel], order=1)
    return moved
