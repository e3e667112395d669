"""WikiText at full scale: the good articles of Wikipedia, from the Hugging Face hub.

Merity, Xiong, Bradbury and Socher (2017), *Pointer sentinel mixture models*, ICLR,
arXiv:1609.07843. Two sizes with the same validation and test text: 2 million words, or 103 million.
Published under CC BY-SA. `companion.data.documentation` needs no download.
"""

from companion.checks import one_of
from companion.data import hub

__all__ = ["PARTS", "SIZES", "load"]

PARTS = ("train", "validation", "test")
SIZES = ("2", "103")  # million words

_INSTEAD = "companion.data.documentation.train() returns text that needs no download"


def load(part="train", size="2"):
    """Return the text of one part; the first call downloads the set and keeps it.

    Args:
        part: "train", "validation" or "test".
        size: "2" (8 MB to download) or "103" (310 MB), the millions of words to train on.

    Returns:
        One string.

    Raises:
        ValueError: If an argument is none of these.
        ImportError: If the library `datasets` is not installed.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    rows = hub.load(
        part,
        PARTS,
        name="WikiText",
        repository="Salesforce/wikitext",
        config=f"wikitext-{one_of('size', size, SIZES)}-raw-v1",
        instead=_INSTEAD,
    )
    return "".join(row["text"] for row in rows)
