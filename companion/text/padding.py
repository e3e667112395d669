"""Sentences of different lengths in one array: padding behind them, a start and an end."""

import numpy as np

__all__ = ["END", "PADDING", "SPECIAL", "START", "pad", "unpad"]

# Token ids that mean the same in every encoder-decoder model; other tokens count from 3.
PADDING = 0
START = 1
END = 2

# Their names, as the first tokens of a `companion.text.vocabulary.Vocabulary`.
SPECIAL = ("<pad>", "<start>", "<end>")


def pad(rows, *, start=False, end=False, longest=None):
    """Put sentences below each other, filled up to the same length.

    Args:
        rows: Sequences of token ids, each at least one.
        start: Whether START comes in front of each.
        end: Whether END comes behind each.
        longest: The length T of the result; by default that of the longest row.

    Returns:
        Int64, shape (B, T).

    Raises:
        ValueError: If there is no row, a row is empty, is no sequence of integers, holds a negative
            number or PADDING, or is longer than `longest`.
    """
    rows = [_checked(place, row) for place, row in enumerate(rows)]
    if not rows:
        raise ValueError("rows is empty; expected at least one sequence of token ids")
    edges = [START] * bool(start), [END] * bool(end)
    rows = [np.concatenate([edges[0], row, edges[1]]) for row in rows]
    size = max(map(len, rows)) if longest is None else longest
    found = np.full((len(rows), size), PADDING, np.int64)
    for place, row in enumerate(rows):
        if len(row) > size:
            raise ValueError(f"row {place} has {len(row)} tokens; expected at most {size}")
        found[place, : len(row)] = row
    return found


def unpad(array):
    """Return what stands in each row before its END or PADDING, without START.

    Args:
        array: Token ids, integers of shape (B, T).

    Returns:
        A list of B arrays, int64; one may be empty.

    Raises:
        ValueError: If the shape is another, or the ids are no integers.
    """
    array = np.asarray(array)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"the array is {array.dtype} of shape {array.shape}; expected integers (B, T)"
        )
    rows = []
    for row in array.astype(np.int64):
        stops = np.flatnonzero((row == END) | (row == PADDING))
        row = row[: stops[0]] if len(stops) else row
        rows.append(row[1:] if len(row) and row[0] == START else row)
    return rows


def _checked(place, row):
    array = np.asarray(row)
    known = array.ndim == 1 and len(array) and np.issubdtype(array.dtype, np.integer)
    if not known or array.min() < 0 or (array == PADDING).any():
        raise ValueError(
            f"row {place} is {row!r}; expected a sequence of at least one token id above {PADDING}"
        )
    return array
