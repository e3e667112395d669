"""Which samples make up the batch of a step: the same in every framework, process and resumed run.

Nothing here draws from a global random generator, so the batch of step 1000 can be had without the
999 before it.
"""

import numpy as np

from companion.checks import natural

__all__ = ["Batches", "map_parts", "order", "split"]


def order(count, seed, epoch):
    """Return the order of the samples in one epoch, which depends on nothing but the arguments.

    Args:
        count: Number of samples.
        seed: A non-negative integer.
        epoch: A non-negative integer.

    Returns:
        A permutation of 0 … count - 1, an int64 array (count,).
    """
    return np.random.default_rng([seed, epoch]).permutation(count)


def map_parts(function, part):
    """Apply a function to an array, or to each array of a tuple (of tuples)."""
    if isinstance(part, tuple):
        return tuple(map_parts(function, inner) for inner in part)
    return function(part)


def split(batch, rank, world):
    """Return the share of one process in a global batch.

    Args:
        batch: The pair (inputs, targets).
        rank: The number of the process, from 0.
        world: How many processes share the batch.

    Returns:
        The triple (inputs, targets, weight). The mean over the processes of weight × (mean over
        the share) is the mean over the global batch, also where the shares are unequal. A process
        for which nothing is left takes the first sample with weight 0.
    """
    count = _first_length(batch)
    own = len(range(rank, count, world))
    rows = slice(rank, None, world) if own else slice(0, 1)
    inputs, targets = map_parts(lambda part: part[rows], batch)
    return inputs, targets, own * world / count


class Batches:
    """The batches of a whole run by step.

    Args:
        data: The pair (inputs, targets) of equally long arrays or tensors, or of tuples of these;
            or a function batch_at(step) that returns such a pair for one batch, and always the
            same for the same step.
        epochs: How often each sample is used; the last batch of an epoch may be smaller.
        steps: How many batches are used. Exactly one of `epochs` and `steps` is given.
        batch_size: Samples per batch; for a function it is not used.
        seed: A non-negative integer that the order of the samples depends on.

    Attributes:
        total: Number of steps of the run.
        per_epoch: Steps per epoch; for a function, all of them.
        count: Number of samples; None for a function.

    Raises:
        ValueError: If an argument has none of these forms.
    """

    def __init__(self, data, epochs, steps, batch_size, seed):
        if (epochs is None) == (steps is None):
            raise ValueError(f"epochs is {epochs!r} and steps {steps!r}; expected exactly one")
        self.batch_size = natural("batch_size", batch_size, 1)
        self.seed = natural("seed", seed, 0)
        self._data = data
        self._epoch = (None, None)  # (number, order) of the epoch that was used last
        self._size = 0  # of the latest batch of a function
        self.count = None if callable(data) else _checked_count(data)
        if self.count is not None:
            self.per_epoch = -(-self.count // self.batch_size)
            self.total = (
                natural("steps", steps, 1)
                if epochs is None
                else natural("epochs", epochs, 1) * self.per_epoch
            )
        elif steps is None:
            raise ValueError(f"epochs is {epochs!r}, but a function has none; expected steps")
        else:
            self.total = self.per_epoch = natural("steps", steps, 1)

    def at(self, step):
        """Return the pair (inputs, targets) of a step, which counts from 0."""
        if self.count is None:
            batch = self._data(step)
            self._size = _checked_count(batch, f"batch_at({step})")
            return batch
        epoch, index = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, order(self.count, self.seed, epoch))
        start = index * self.batch_size
        rows = self._epoch[1][start : start + self.batch_size]
        return map_parts(lambda part: part[rows], self._data)

    def size(self, step):
        """Return the number of samples of a step; for a function, of its latest batch."""
        if self.count is None:
            return self._size
        return min(self.batch_size, self.count - step % self.per_epoch * self.batch_size)

    def config(self):
        """Return what decides on the batches, so far as it can be written down."""
        if self.count is None:
            return {"samples": None}
        return {"samples": self.count, "batch_size": self.batch_size, "seed": self.seed}


def _first_length(part):
    return _first_length(part[0]) if isinstance(part, tuple) else len(part)


def _checked_count(data, name="data"):
    if not isinstance(data, tuple) or len(data) != 2:
        kind = type(data).__name__ + (f" of {len(data)}" if isinstance(data, tuple) else "")
        raise ValueError(
            f"{name} is a {kind}; expected a tuple (inputs, targets)"
            + (" or a function batch_at(step)" if name == "data" else "")
        )
    lengths = []
    map_parts(lambda part: lengths.append(_length(part)), data)
    if len(set(lengths)) != 1 or lengths[0] == 0:
        raise ValueError(
            f"the inputs and targets of {name} have the lengths {lengths}; "
            "expected equal ones of at least 1"
        )
    return lengths[0]


def _length(part):
    if not getattr(part, "shape", ()):
        raise ValueError(
            f"inputs or targets hold a {type(part).__name__}; "
            "expected arrays or tensors whose first axis counts the samples"
        )
    return len(part)
