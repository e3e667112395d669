"""CIFAR-10 at full scale: 60 000 colour photographs of 32 × 32 pixels in 10 classes, from OpenML.

Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*. A row of the set holds
the red values of all pixels, then the green ones, then the blue ones. The official test part has
1000 images of each class and the training part 5000; both are counted here, so that an order of
the rows that mixes the two parts is noticed.
"""

import numpy as np

from companion.data import openml

__all__ = ["CLASSES", "load"]

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

_SET = {"name": "CIFAR-10", "data_id": 40927, "count": 60_000, "train": 50_000}


def load(part="train"):
    """Return one part; the first call downloads the set and keeps it (185 MB).

    Args:
        part: "train" or "test".

    Returns:
        images: Float32, shape (50000 or 10000, 32, 32, 3), from 0 to 1.
        labels: Int64, shape (50000 or 10000,), indices into CLASSES.

    Raises:
        ValueError: If `part` is neither, or the rows are not in the official order.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    pixels, labels = openml.load(part, **_SET, pixels=3 * 32 * 32)
    counts = np.bincount(labels, minlength=len(CLASSES))
    if len(set(counts)) != 1:
        raise ValueError(
            f"the {part} part of CIFAR-10 has {counts.tolist()} images of each class; expected "
            "equal numbers: OpenML's rows are not in the official order"
        )
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images, dtype=np.float32) / 255, labels
