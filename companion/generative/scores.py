"""How far samples are from data: distances between two sets of feature vectors, in NumPy.

Both sets hold one row per image: the numbers of a layer of some classifier, or the pixels. Which
features were taken, and how many samples, belongs to every score, because both change it.

- `frechet_distance`: Heusel et al. (2017), *GANs trained by a two time-scale update rule converge
  to a local Nash equilibrium*, arXiv:1706.08500. With features of the Inception network it is
  known as FID; with those of another one it is a Fréchet distance, but no FID.
- `precision_recall`: Kynkäänniemi et al. (2019), *Improved precision and recall metric for
  assessing generative models*, arXiv:1904.06991.
- `density_coverage`: Naeem et al. (2020), *Reliable fidelity and diversity metrics for generative
  models*, arXiv:2002.09797.

The latter two draw a ball around each point, out to its k-th nearest neighbour in its own set.
What differs from the papers' code: the border belongs to the ball, so that exact copies of the
data, where distances are 0, count as covered.
"""

import numpy as np
from scipy.spatial.distance import cdist

from companion.checks import natural

__all__ = ["density_coverage", "features_frechet_distance", "frechet_distance", "precision_recall"]


def frechet_distance(mean, covariance, other_mean, other_covariance):
    """Return the squared Fréchet (2-Wasserstein) distance of two normal distributions.

    |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), where the trace of (Σ₁ Σ₂)^½ is that of the symmetric
    (Σ₁^½ Σ₂ Σ₁^½)^½, which needs no complex numbers.

    Args:
        mean: Of the first distribution, shape (D,).
        covariance: Of the first, symmetric without negative eigenvalues, shape (D, D).
        other_mean: Of the second, shape (D,).
        other_covariance: Of the second, shape (D, D).

    Returns:
        A float of at least 0.

    Raises:
        ValueError: If the shapes do not fit, or a matrix is no covariance.
    """
    mean, other_mean = np.asarray(mean, float), np.asarray(other_mean, float)
    if mean.ndim != 1 or mean.shape != other_mean.shape or not mean.size:
        raise ValueError(
            f"the means have shapes {mean.shape} and {other_mean.shape}; expected (D,)"
        )
    root = _square_root("covariance", covariance, len(mean))
    other_root = _square_root("other_covariance", other_covariance, len(mean))
    # The singular values of Σ₁^½ Σ₂^½ are the square roots of the eigenvalues of Σ₁ Σ₂.
    cross = np.linalg.svd(root @ other_root, compute_uv=False).sum()
    spread = np.square(root).sum() + np.square(other_root).sum() - 2 * cross
    return max(0.0, float(np.square(mean - other_mean).sum() + spread))


def features_frechet_distance(real, fake):
    """Return the squared Fréchet distance of the normal distributions fitted to two sets.

    Args:
        real: Features of data, shape (N, D).
        fake: Features of samples, shape (M, D).

    Returns:
        A float of at least 0. It is biased upwards, the more the fewer samples there are.

    Raises:
        ValueError: If the shapes do not fit, a number is not finite, or a set has 1 row only.
    """
    real, fake = _feature_sets(real, fake, 2)
    moments = [(rows.mean(axis=0), np.atleast_2d(np.cov(rows.T))) for rows in (real, fake)]
    return frechet_distance(*moments[0], *moments[1])


def precision_recall(real, fake, k=5):
    """Return how many samples lie among the data, and how many data among the samples.

    Args:
        real: Features of data, shape (N, D).
        fake: Features of samples, shape (M, D).
        k: The neighbour that a ball reaches, at least 1.

    Returns:
        The pair (precision, recall), each from 0 to 1.

    Raises:
        ValueError: If the shapes do not fit, a number is not finite, or a set has at most k rows.
    """
    real, fake = _feature_sets(real, fake, natural("k", k, 1) + 1)
    distances = cdist(real, fake)  # (N, M)
    precision = (distances <= _radii(real, k)[:, None]).any(axis=0).mean()
    recall = (distances <= _radii(fake, k)[None, :]).any(axis=1).mean()
    return float(precision), float(recall)


def density_coverage(real, fake, k=5):
    """Return how deep the samples lie among the data, and how many data have samples near them.

    If both sets come from one distribution, density is 1 on average, and coverage
    1 − Π_j (N − j) / (N + M − j) with j from 1 to k.

    Args:
        real: Features of data, shape (N, D).
        fake: Features of samples, shape (M, D).
        k: The neighbour that a ball reaches, at least 1.

    Returns:
        The pair (density, coverage): at least 0, possibly above 1; and from 0 to 1.

    Raises:
        ValueError: If the shapes do not fit, a number is not finite, or `real` has at most k rows.
    """
    real, fake = _feature_sets(real, fake, natural("k", k, 1) + 1, 1)
    inside = cdist(real, fake) <= _radii(real, k)[:, None]  # (N, M)
    return float(inside.sum(axis=0).mean() / k), float(inside.any(axis=1).mean())


def _radii(rows, k):
    """Return the distance from each row to its k-th nearest other row, shape (N,)."""
    distances = cdist(rows, rows)
    np.fill_diagonal(distances, -1)  # the row itself comes first, also among its own copies
    return np.partition(distances, k, axis=1)[:, k]


def _square_root(name, matrix, size):
    """Return the symmetric square root of a covariance matrix."""
    matrix = np.asarray(matrix, float)
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise ValueError(
            f"{name} has shape {matrix.shape}; expected finite numbers of shape ({size}, {size})"
        )
    values, vectors = np.linalg.eigh(matrix)
    uneven, largest = np.abs(matrix - matrix.T).max(), np.abs(matrix).max()
    if uneven > 1e-8 * largest or values[0] < -1e-8 * size * largest:
        raise ValueError(
            f"{name} differs from its transpose by {uneven:g} and has the eigenvalue "
            f"{values[0]:g}; expected a symmetric matrix without negative eigenvalues"
        )
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _feature_sets(real, fake, least, least_fake=None):
    """Return both sets as float64, or say what is wrong with them."""
    found = []
    for name, rows, smallest in (("real", real, least), ("fake", fake, least_fake or least)):
        rows = np.asarray(rows)
        if rows.dtype.kind not in "fiu" or rows.ndim != 2 or 0 in rows.shape:
            raise ValueError(
                f"{name} is {rows.dtype} of shape {rows.shape}; expected numbers of shape (N, D)"
            )
        if len(rows) < smallest:
            raise ValueError(f"{name} has {len(rows)} rows; expected at least {smallest}")
        if not np.isfinite(rows).all():
            raise ValueError(f"{name} has numbers that are infinite or NaN; expected finite ones")
        found.append(rows.astype(np.float64))
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(
            f"real has {found[0].shape[1]} numbers per row and fake {found[1].shape[1]}; "
            "expected the same features of both"
        )
    return found
