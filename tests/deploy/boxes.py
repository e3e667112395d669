"""Data and a first version for the tests of companion.deploy."""

import numpy as np

from companion.deploy import cycle

NAMES, CLASSES = ["height", "width", "depth"], ["small", "large"]


def measurements(n, seed=0):
    """Boxes, and a label that their volume decides, with noise: rows (n, 3), labels (n,)."""
    rng = np.random.default_rng(seed)
    rows = np.round(rng.lognormal(size=(n, 3)), 4)
    volume = np.log(rows).sum(axis=1) + 0.1 * rng.normal(size=n)
    return rows, np.array(CLASSES)[(volume > 0).astype(int)]


def question(row, **more):
    return {"features": dict(zip(NAMES, map(float, row), strict=True)), **more}


def first_version(folder):
    """Let a first turn promote version 1; return the folder."""
    cycle.import_archive(folder, NAMES, *measurements(200))
    assert cycle.run(folder, 1, names=NAMES, classes=CLASSES)["promoted"]
    return folder
