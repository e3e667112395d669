"""Text sets of the Hugging Face hub: what `imdb`, `wmt` and `wikitext` have in common.

They are read with the library `datasets`, which the course does not install (`pip install datasets`
does). It keeps what it downloads in its cache, so that later calls need no network.
"""

import itertools

from companion.checks import natural, one_of

__all__ = ["load"]


def load(part, parts, *, name, repository, config=None, n=None, seed=None, instead):
    """Return rows of one part of a set.

    Args:
        part: Which one.
        parts: Those that there are.
        name: What to call the set in messages, such as "IMDB".
        repository: Where it is on the hub.
        config: Its configuration there, if it has several.
        n: How many rows; then no more than these are downloaded. All of them by default.
        seed: Of the order in which rows are drawn; by default they keep their own.
        instead: How to go on without the set, for the message.

    Returns:
        A list of dictionaries.

    Raises:
        ValueError: If the part is not one of these, or n is no integer of at least 1.
        ImportError: If `datasets` is not installed.
        ConnectionError: If the set is not on this machine and cannot be downloaded.
    """
    one_of("part", part, parts)
    n = None if n is None else natural("n", n, 1)
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ImportError(
            f"{name} needs the library datasets, which is not installed: pip install datasets; "
            f"or go on without it: {instead}"
        ) from error
    try:
        rows = load_dataset(repository, config, split=part, streaming=n is not None)
        if seed is not None:
            rows = rows.shuffle(seed=seed)
        return [dict(row) for row in itertools.islice(rows, n)]
    except OSError as error:  # ConnectionError, timeouts and full disks among them
        raise ConnectionError(
            f"{name} is not on this machine and cannot be downloaded from the Hugging Face hub "
            f"({error}). Connect to the internet and try again; or go on without it: {instead}"
        ) from error
