"""IMDB at full scale: 50 000 reviews of films with their sentiment, from the Hugging Face hub.

Maas, Daly, Pham, Huang, Ng and Potts (2011), *Learning word vectors for sentiment analysis*, ACL.
Half of the reviews are for training, half for the test, and half of each are positive.
`companion.data.reviews` needs no download.
"""

import numpy as np

from companion.checks import natural
from companion.data import hub

__all__ = ["PARTS", "load"]

PARTS = ("train", "test")

_INSTEAD = "companion.data.reviews.generate(n) makes reviews that need no download"


def load(part="train", n=None, seed=0):
    """Return reviews of one part; the first call downloads them (80 MB) and keeps them.

    Args:
        part: "train" or "test".
        n: How many, at least 1; all 25 000 by default. Fewer are drawn by chance, because the set
            itself has all negative reviews before all positive ones.
        seed: Of this choice and of the order.

    Returns:
        texts: A list of strings; HTML's line breaks have become those of text.
        labels: Int64, shape (n,), 1 if positive, else 0.

    Raises:
        ValueError: If an argument is none of these.
        ImportError: If the library `datasets` is not installed.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    n = None if n is None else natural("n", n, 1)
    rows = hub.load(  # all: a stream is shuffled within a window only, which one class fills
        part,
        PARTS,
        name="IMDB",
        repository="stanfordnlp/imdb",
        seed=natural("seed", seed, 0),
        instead=_INSTEAD,
    )[:n]
    texts = [row["text"].replace("<br />", "\n") for row in rows]
    return texts, np.array([row["label"] for row in rows], dtype=np.int64)
