"""MNIST at full scale: 70 000 handwritten digits of 28 × 28 pixels, from OpenML.

LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to document
recognition*, doi:10.1109/5.726791. The first 60 000 rows are the training part, the last 10 000
the test part, by other writers. `companion.data.digits` has the same layout and needs no download.
"""

import numpy as np

from companion.data import openml

__all__ = ["load"]

_SET = {"name": "MNIST", "data_id": 554, "count": 70_000, "train": 60_000, "pixels": 28 * 28}


def load(part="train"):
    """Return one part; the first call downloads the set and keeps it (55 MB).

    Args:
        part: "train" or "test".

    Returns:
        images: Float32, shape (60000 or 10000, 28, 28), from 0 (paper) to 1 (ink).
        labels: Int64, shape (60000 or 10000,), from 0 to 9.

    Raises:
        ValueError: If `part` is neither.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    pixels, labels = openml.load(part, **_SET)
    return pixels.reshape(-1, 28, 28).astype(np.float32) / 255, labels
