"""Checks of batches that language models share, whatever the framework: they see shapes only."""

__all__ = ["id_range", "like_tokens", "mask_shape", "padding_shape", "token_batch", "width_of"]

_WHOLE = ("int32", "int64")  # what embeddings of both frameworks take


def token_batch(name, shape, dtype, longest, past=0):
    """Require a batch of token ids that fits into the context of a model.

    Args:
        name: What the batch is called in the message, such as "tokens".
        shape: Its shape; a dimension that is not known yet is None.
        dtype: The name of its type.
        longest: How many tokens the model can see.
        past: How many of these are in the cache already.

    Raises:
        TypeError: If the ids are no integers.
        ValueError: If the shape is another than (B, T), or T is too long.
    """
    if dtype not in _WHOLE:
        raise TypeError(f"the {name} are {dtype}; expected integers such as int64, token ids")
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"the {name} have shape {tuple(shape)}; expected (B, T), a batch of at least one "
            "sequence of at least one token"
        )
    if shape[1] is not None and past + shape[1] > longest:
        cached = f" after {past} in the cache" if past else ""
        raise ValueError(
            f"the {name} are {shape[1]} long{cached}; expected at most {longest} in all, "
            "the context of the model"
        )


def id_range(name, least, most, count):
    """Require that ids lie in a vocabulary.

    Args:
        name: What they are called in the message, such as "tokens".
        least: The smallest of them.
        most: The largest of them.
        count: How many different ids there are.

    Raises:
        ValueError: If one does not.
    """
    if not 0 <= int(least) <= int(most) < count:
        raise ValueError(
            f"the {name} have ids from {int(least)} to {int(most)}; expected 0 to {count - 1}"
        )


def like_tokens(name, shape, tokens):
    """Require one id per token.

    Args:
        name: What the ids are called in the message, such as "segments".
        shape: Their shape.
        tokens: The shape (B, T) of the token ids.

    Raises:
        ValueError: If the shapes differ.
    """
    if not _fits(shape, [(size,) for size in tokens]):
        raise ValueError(
            f"the {name} have shape {tuple(shape)}; expected {tuple(tokens)} like the tokens"
        )


def width_of(name, shape, width):
    """Require a batch of sequences of vectors.

    Args:
        name: What it is called in the message, such as "source".
        shape: Its shape; a dimension that is not known yet is None.
        width: Numbers per vector.

    Raises:
        ValueError: If the shape is another than (B, T, width).
    """
    if len(shape) != 3 or shape[2] != width or 0 in shape:
        raise ValueError(f"the {name} have shape {tuple(shape)}; expected (B, T, {width})")


def padding_shape(shape, dtype, tokens):
    """Require a padding mask: one truth value per token, True where there is one.

    Args:
        shape: The mask's shape.
        dtype: The name of its type.
        tokens: The shape (B, T) of the token ids.

    Raises:
        TypeError: If it is not of booleans.
        ValueError: If the shape is another.
    """
    if dtype != "bool":
        raise TypeError(f"the mask is {dtype}; expected bool, True where there is a token")
    if not _fits(shape, [(size,) for size in tokens]):
        raise ValueError(
            f"the mask has shape {tuple(shape)}; expected {tuple(tokens)} like the tokens"
        )


def mask_shape(shape, dtype, batch, heads, queries, keys):
    """Require an attention mask that fits the scores (B, A, T, S), and return its full shape.

    Args:
        shape: The mask's shape: (T, S), (B, T, S) or (B, A, T, S); B, A and T may be 1, if
            there are three axes or more.
        dtype: The name of its type.
        batch: B, or None if it is not known yet, like the others.
        heads: A.
        queries: T.
        keys: S.

    Returns:
        The shape with four axes; None where it is not known.

    Raises:
        TypeError: If it is not of booleans.
        ValueError: If the shape is another.
    """
    if dtype != "bool":
        raise TypeError(f"the mask is {dtype}; expected bool, True where attention may go")
    b, a, t = (batch, 1), (heads, 1), (queries, 1)
    allowed = {2: [(queries,), (keys,)], 3: [b, t, (keys,)], 4: [b, a, t, (keys,)]}
    if not _fits(shape, allowed.get(len(shape), [])):
        raise ValueError(
            f"the mask has shape {tuple(shape)}; expected (T, S), (B or 1, T or 1, S) or "
            f"(B or 1, A or 1, T or 1, S) with B = {batch}, A = {heads} heads, T = {queries} "
            f"queries and S = {keys} keys"
        )
    shape = tuple(shape)
    return {2: (1, 1, *shape), 3: (shape[0], 1, *shape[1:]), 4: shape}[len(shape)]


def _fits(shape, allowed):
    """Whether each size is among those that are allowed; None stands for one not known yet."""
    return len(shape) == len(allowed) and all(
        size is None or None in sizes or size in sizes
        for size, sizes in zip(shape, allowed, strict=True)
    )
