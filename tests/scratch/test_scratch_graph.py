"""What `backward` does with the graph: order, accumulation, ownership, freeing, errors."""

import gc
import weakref

import numpy as np
import pytest

from companion.scratch.tensor import Tensor, record


def leaf(data):
    return Tensor(data, requires_grad=True)


def test_a_value_that_is_used_twice_adds_up():
    x = leaf(3.0)
    (x * x + x).backward()
    assert x.grad == 7


def test_a_diamond_is_passed_from_end_to_start_once():
    calls = []

    def counted(x, name, factor):
        def local(g):
            calls.append(name)
            return g * factor

        return record(x.data * factor, (x, local))

    x = leaf(1.0)
    top = counted(x, "top", 2)
    (counted(top, "left", 3) + counted(top, "right", 5)).backward()
    assert x.grad == 16
    assert sorted(calls[:2]) == ["left", "right"] and calls[2:] == ["top"]


def test_sixty_diamonds_on_top_of_each_other_take_no_time():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_a_chain_of_many_operations_does_not_recurse():
    x = leaf(0.0)
    y = x
    for _ in range(10_000):
        y = y + 1.0
    assert y.item() == 10_000
    y.backward()
    assert x.grad == 1
    y = leaf(1.0)
    for _ in range(10_000):  # and one that is thrown away unused
        y = y * 1.0
    del y


def test_gradients_add_up_over_several_graphs():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5, 7]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_results_on_the_way_keep_their_gradient():
    x = leaf([1.0, 2.0])
    hidden = x * 2
    (hidden * hidden).sum().backward()
    assert hidden.grad.tolist() == [4, 8]


def test_a_leaf_can_be_the_start():
    x = leaf([[2.0]])
    x.backward()
    x.backward()
    assert x.grad.tolist() == [[2]]


def test_a_gradient_for_more_than_one_number():
    x = leaf([1.0, 2.0, 3.0])
    (x * x).backward(np.array([1.0, 0.0, -1.0]))
    assert x.grad.tolist() == [2, 0, -6]
    y = leaf(np.ones(2, np.float32))
    (y * 2).backward([1, 2])
    assert y.grad.tolist() == [2, 4] and y.grad.dtype == np.float32


def test_every_gradient_is_an_array_of_its_own():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    given = np.ones(2)
    (a + b).backward(given)
    a.grad *= 5
    assert b.grad.tolist() == given.tolist() == [1, 1]
    c = leaf([1.0, 2.0])
    c.sum().backward()
    c.grad[0] = 7  # what summing leaves behind could not be written to
    assert c.grad.tolist() == [7, 1]


def test_data_are_copied():
    data = np.ones(2)
    x = Tensor(data)
    x.data += 1
    assert data.tolist() == [1, 1]


def test_constants_record_nothing_and_get_no_gradient():
    x, constant = leaf(2.0), Tensor(3.0)
    result = constant * constant
    assert not result.requires_grad and result._edges == ()
    (x * result).backward()
    assert x.grad == 9 and constant.grad is None and result.grad is None


def test_arrays_and_numbers_on_the_left():
    x = leaf([[1.0, 2.0]])
    for value in (np.ones((2, 1)) @ x, np.ones((2, 2)) - x, np.ones(2) / x, np.float64(2) * x):
        assert isinstance(value, Tensor) and value.requires_grad


@pytest.fixture
def without_collector():
    gc.disable()
    yield
    gc.enable()


def test_the_graph_is_freed_without_the_collector(without_collector):
    x = leaf(np.ones(3))
    hidden = x.exp()
    alive = weakref.ref(hidden)
    loss = hidden.sum()
    del hidden
    assert alive() is not None
    loss.backward()
    assert alive() is None
    hidden = x.exp()  # neither does a graph that nobody uses need the collector
    alive, loss = weakref.ref(hidden), hidden.sum()
    del hidden, loss
    assert alive() is None


def test_a_second_backward_is_refused_and_changes_nothing():
    x = leaf([1.0, 2.0])
    hidden = x.exp()
    first, second = hidden.sum(), (hidden * x).sum()
    first.backward()
    before = x.grad.copy()
    for value in (first, second):
        with pytest.raises(RuntimeError, match="it has freed this graph; compute the value anew"):
            value.backward()
    assert (x.grad == before).all() and first.grad == 1 and second.grad is None
    hidden.grad = None
    x.exp().sum().backward()
    assert (x.grad == 2 * before).all()


def test_backward_needs_something_that_requires_a_gradient():
    with pytest.raises(RuntimeError, match="nothing behind this value has requires_grad=True"):
        (Tensor(1.0) * 2).backward()


def test_backward_needs_a_gradient_of_the_same_shape():
    x = leaf(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"value of \(2, 3\) needs a gradient of that shape"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"gradient of \(3,\) for a value of \(2, 3\)"):
        (x * 2).backward(np.ones(3))
    with pytest.raises(ValueError, match="data hold nan"):
        (x * 2).backward(np.full((2, 3), np.nan))
    assert x.grad is None


@pytest.mark.filterwarnings("ignore:overflow")
def test_backward_refuses_a_value_that_is_not_finite():
    x = leaf(1000.0)
    with pytest.raises(FloatingPointError, match="the value is inf; expected finite"):
        x.exp().backward()


def test_a_tensor_prints_its_values():
    assert repr(Tensor([1.0, 2.0])) == "Tensor(array([1., 2.]))"
    assert repr(Tensor(1, requires_grad=True)) == "Tensor(array(1.), requires_grad=True)"
    assert Tensor([[2.5]]).item() == 2.5
