"""Image sets of OpenML, downloaded once and kept: what `mnist` and `cifar10` have in common.

scikit-learn's `fetch_openml` downloads and reads the set, which takes a minute or more; the arrays
are then kept as one file in scikit-learn's data folder (`sklearn.datasets.get_data_home`, which
the environment variable SCIKIT_LEARN_DATA moves), so that later calls need no network.
"""

import importlib.util
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home

from companion.checks import one_of
from companion.saving import replacing

__all__ = ["PARTS", "load"]

PARTS = ("train", "test")


def load(part, *, name, data_id, count, train, pixels):
    """Return one part of a set of labelled images.

    Args:
        part: "train" or "test".
        name: What to call the set in messages and on the disk, such as "MNIST".
        data_id: Its number at OpenML.
        count: How many rows it has.
        train: How many of them, the first ones, are the training part.
        pixels: Numbers per row.

    Returns:
        images: Uint8, shape (rows, pixels), from 0 to 255.
        labels: Int64, shape (rows,).

    Raises:
        ValueError: If `part` is neither, or the set is not as it should be.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    one_of("part", part, PARTS)
    path = Path(get_data_home()) / "companion" / f"{name.lower()}.npz"
    if not path.is_file():
        _download(path, name, data_id)
    with np.load(path) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    if images.shape != (count, pixels) or labels.shape != (count,):
        raise ValueError(
            f"{path} holds images of shape {images.shape} and labels of shape {labels.shape}; "
            f"expected {(count, pixels)} and {(count,)}: remove the file to download {name} again"
        )
    rows = slice(0, train) if part == "train" else slice(train, count)
    return images[rows], labels[rows]


def _download(path, name, data_id):
    """Fetch the set and write its arrays to `path`."""
    # The reader that comes with scikit-learn needs minutes where pandas needs seconds.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        found = fetch_openml(data_id=data_id, as_frame=False, parser=parser)
    except OSError as error:  # URLError, timeouts and full disks among them
        raise ConnectionError(
            f"{name} is not on this machine and cannot be downloaded from OpenML ({error}). "
            "Connect to the internet and try again; or go on without it: "
            "companion.data.digits.load() returns 1797 handwritten digits that need no download"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        images, labels = found.data.astype(np.uint8), found.target.astype(np.int64)
        np.savez(file, images=images, labels=labels)
