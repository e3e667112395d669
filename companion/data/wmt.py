"""WMT at full scale: news and other texts with their translations, from the Hugging Face hub.

Bojar et al. (2017), *Findings of the 2017 conference on machine translation (WMT17)*, the shared
task between English and Chinese: 25 million pairs of sentences to train on, 2002 to validate and
2001 to test. Since nobody wants all of them at once, training pairs are read as a stream.
`companion.data.numeral_pairs` needs no download.
"""

from companion.checks import natural
from companion.data import hub

__all__ = ["PARTS", "load"]

PARTS = ("train", "validation", "test")

_INSTEAD = "companion.data.numeral_pairs.generate(n) makes translations that need no download"


def load(part="train", n=100_000):
    """Return the first sentences of one part in English and in Chinese.

    Args:
        part: "train", "validation" or "test".
        n: How many pairs at most, at least 1.

    Returns:
        english: A list of strings.
        chinese: The list of their translations.

    Raises:
        ValueError: If an argument is none of these.
        ImportError: If the library `datasets` is not installed.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    rows = hub.load(
        part,
        PARTS,
        name="WMT17",
        repository="wmt/wmt17",
        config="zh-en",
        n=natural("n", n, 1),
        instead=_INSTEAD,
    )
    pairs = [row["translation"] for row in rows]
    return [pair["en"] for pair in pairs], [pair["zh"] for pair in pairs]
