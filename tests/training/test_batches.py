"""Which samples make up the batch of a step."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.training.batches import Batches, map_parts, order, split

counts, seeds, epochs = st.integers(1, 200), st.integers(0, 2**32), st.integers(0, 1000)


@given(counts, seeds, epochs)
def test_order_is_a_permutation(count, seed, epoch):
    assert sorted(order(count, seed, epoch).tolist()) == list(range(count))


@given(seeds, epochs)
def test_order_depends_on_seed_and_epoch_only(seed, epoch):
    np.random.seed(1)  # noqa: NPY002 - the global generator must not matter
    first = order(100, seed, epoch).tolist()
    np.random.seed(2)  # noqa: NPY002
    assert order(100, seed, epoch).tolist() == first
    assert order(100, seed + 1, epoch).tolist() != first
    assert order(100, seed, epoch + 1).tolist() != first


@given(counts, st.integers(1, 40), seeds, st.integers(1, 4), st.data())
def test_any_step_can_be_had_without_those_before_it(count, batch_size, seed, epochs, data):
    samples = np.arange(count)
    whole = Batches((samples, -samples), epochs, None, batch_size, seed)
    step = data.draw(st.integers(0, whole.total - 1))
    for earlier in range(step):
        whole.at(earlier)
    inputs, targets = whole.at(step)
    fresh = Batches((samples, -samples), None, step + 1, batch_size, seed)
    assert fresh.at(step)[0].tolist() == inputs.tolist() == (-targets).tolist()
    assert whole.size(step) == len(inputs)


@given(counts, st.integers(1, 40), seeds, st.integers(1, 4))
def test_every_epoch_uses_every_sample_once(count, batch_size, seed, epochs):
    samples = np.arange(count)
    batches = Batches((samples, samples), epochs, None, batch_size, seed)
    used = [batches.at(step)[0].tolist() for step in range(batches.total)]
    assert batches.total == epochs * batches.per_epoch
    assert all(len(batch) <= batch_size for batch in used)
    for epoch in range(epochs):
        mine = used[epoch * batches.per_epoch : (epoch + 1) * batches.per_epoch]
        assert sorted(sample for batch in mine for sample in batch) == list(range(count))


@given(counts, st.integers(1, 5))
def test_weighted_shares_give_the_mean_of_the_whole(count, world):
    values = np.random.default_rng(count).normal(size=count)
    shares = [split((values, values), rank, world) for rank in range(world)]
    mean = sum(weight * targets.mean() for _, targets, weight in shares) / world
    assert mean == pytest.approx(values.mean(), abs=1e-12)
    assert sum(len(targets) for _, targets, weight in shares if weight) == count


def test_tuples_of_arrays_stay_together():
    left, right, targets = np.arange(10), np.arange(10) * 2, np.arange(10) * 3
    (a, b), c = Batches(((left, right), targets), 1, None, 4, 0).at(1)
    assert (2 * a).tolist() == b.tolist() and (3 * a).tolist() == c.tolist() and len(a) == 4
    assert map_parts(len, ((left, right), targets)) == ((10, 10), 10)


def test_a_function_is_asked_for_each_step():
    batches = Batches(lambda step: (np.full(step + 1, step), np.zeros(step + 1)), None, 5, 32, 0)
    assert (batches.total, batches.per_epoch, batches.count) == (5, 5, None)
    assert batches.at(3)[0].tolist() == [3, 3, 3, 3]
    assert batches.size(3) == 4


X = np.zeros((6, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": None}, "epochs is None and steps None; expected exactly one"),
        ({"steps": 3}, "epochs is 1 and steps 3; expected exactly one"),
        ({"epochs": 0}, "epochs is 0; expected an integer of at least 1"),
        ({"epochs": None, "steps": 2.0}, "steps is 2.0; expected an integer of at least 1"),
        ({"batch_size": 0}, "batch_size is 0; expected an integer of at least 1"),
        ({"batch_size": True}, "batch_size is True; expected an integer"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
        ({"data": [X, X]}, "data is a list; expected a tuple (inputs, targets) or a function"),
        ({"data": (X, X, X)}, "data is a tuple of 3; expected a tuple (inputs, targets)"),
        ({"data": None}, "data is a NoneType; expected a tuple (inputs, targets) or a function"),
        ({"data": (X, X[:5])}, "the inputs and targets of data have the lengths [6, 5]"),
        ({"data": (X[:0], X[:0])}, "lengths [0, 0]; expected equal ones of at least 1"),
        ({"data": (X, [1] * 6)}, "inputs or targets hold a list; expected arrays or tensors"),
        ({"data": (X, np.float32(1))}, "inputs or targets hold a float32"),
        ({"data": lambda step: (X, X)}, "epochs is 1, but a function has none; expected steps"),
    ],
)
def test_wrong_arguments(changes, message):
    arguments = {"data": (X, X), "epochs": 1, "steps": None, "batch_size": 2, "seed": 0} | changes
    with pytest.raises(ValueError, match=re.escape(message)):
        Batches(**arguments)


def test_a_wrong_batch_of_a_function_names_the_step():
    batches = Batches(lambda step: X, None, 5, 32, 0)
    message = r"batch_at\(4\) is a ndarray; expected a tuple \(inputs, targets\)$"
    with pytest.raises(ValueError, match=message):
        batches.at(4)
    batches = Batches(lambda step: (X, X[:1]), None, 5, 32, 0)
    with pytest.raises(ValueError, match=r"of batch_at\(2\) have the lengths \[6, 1\]"):
        batches.at(2)
