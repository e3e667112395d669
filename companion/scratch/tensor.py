"""Reverse-mode automatic differentiation over NumPy arrays (Baydin et al., 2018, section 3.2).

An operation computes its value at once and records an *edge* to each operand that needs a gradient:
the operand, and a local function that turns g, the gradient of the result, into the operand's own.
`Tensor.backward` follows the edges back and adds up what arrives at each tensor: the chain rule,
with each operation visited once. Names are torch's, `axis` and `keepdims` NumPy's. Unlike torch's,
`grad` is an array, and results on the way keep theirs too.
"""

import numpy as np


def _reflected(method):
    return lambda self, other: method(self._like(other), self)  # for 1 - tensor, and so on


class Tensor:
    """An array that remembers how it was computed.

    Args:
        data: Finite numbers of any shape; they are copied. float32 stays, integers become float64.
        requires_grad: Whether `backward` is to compute a gradient with respect to this tensor.

    Attributes:
        data: The values, an array.
        grad: What `backward` has added up so far, an array of the same shape; None before.

    Raises:
        TypeError: If the data are not float32, float64 or integers.
        ValueError: If a value is infinite or NaN.
    """

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: record(self.data.T, (self, lambda g: g.T)))
    __array_ufunc__ = None  # so that array + tensor comes to Tensor.__radd__

    def __init__(self, data, requires_grad=False):
        data = np.array(data)
        if data.dtype.kind in "biu":
            data = data.astype(np.float64)
        if data.dtype.char not in "fd":
            raise TypeError(f"data have type {data.dtype}; expected float32, float64 or integers")
        if not np.isfinite(data).all():
            raise ValueError(f"data hold {data[~np.isfinite(data)][0]}; expected finite numbers")
        self.data, self.grad, self.requires_grad = data, None, requires_grad
        self._edges = ()  # pairs of operand and local function; None once they have been used

    def backward(self, gradient=None):
        """Add the gradient of this value by each tensor behind it to the `grad` of that tensor.

        Args:
            gradient: The gradient with respect to this tensor, of its shape; 1 for a single value.

        Raises:
            FloatingPointError: If this tensor has become infinite or NaN.
            RuntimeError: If nothing requires a gradient, or `backward` has been here before.
            ValueError: If the gradient is missing or of another shape.
        """
        if not self.requires_grad:
            raise RuntimeError("backward: nothing behind this value has requires_grad=True")
        if not np.isfinite(self.data).all():
            raise FloatingPointError(f"backward: the value is {self.data}; expected finite numbers")
        if gradient is None and self.data.size > 1:
            raise ValueError(f"backward: a value of {self.shape} needs a gradient of that shape")
        gradient = self._like(np.ones(self.shape) if gradient is None else gradient)
        if gradient.shape != self.shape:
            raise ValueError(f"backward: gradient of {gradient.shape} for a value of {self.shape}")
        order = self._sorted()
        self._receive(gradient.data)
        while order:
            tensor = order.pop()
            for operand, local in tensor._edges:
                operand._receive(local(tensor.grad))
            tensor._edges = None if tensor._edges else ()  # frees what nobody needs any more

    def _sorted(self):
        """List the tensors behind this one, each after all that it was computed from."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:  # a stack, because recursion would end after some 1000 operations
            tensor, operands_done = stack.pop()
            if operands_done:
                order.append(tensor)
            elif tensor not in seen:
                if tensor._edges is None:
                    raise RuntimeError("backward: it has freed this graph; compute the value anew")
                seen.add(tensor)
                stack.append((tensor, True))
                stack.extend((operand, False) for operand, _ in tensor._edges)
        return order

    def _receive(self, grad):
        """Add a gradient, summed over the axes along which broadcasting repeated the values."""
        if grad.shape != self.shape:
            grad = grad.sum(tuple(range(grad.ndim - self.ndim)))  # axes that were put in front
            stretched = [axis for axis, size in enumerate(self.shape) if size != grad.shape[axis]]
            grad = grad.sum(tuple(stretched), keepdims=True)
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        self.grad += grad

    def __repr__(self):
        return f"Tensor({self.data!r}{', requires_grad=True' if self.requires_grad else ''})"

    def item(self):
        """Return the only value as a Python number."""
        return self.data.item()

    def _like(self, other):
        if isinstance(other, Tensor):
            return other
        return record(Tensor(other).data.astype(self.dtype, copy=False))

    def _combine(self, f, other, first, second):
        """Apply f to two arrays a and b; `first` and `second` are its local functions."""
        other = self._like(other)
        a, b = self.data, other.data
        try:
            value = f(a, b)
        except ValueError:
            raise ValueError(f"{f.__name__}: shapes {a.shape} and {b.shape} do not fit") from None
        return record(value, (self, lambda g: first(g, a, b)), (other, lambda g: second(g, a, b)))

    def __add__(self, other):
        return self._combine(np.add, other, lambda g, a, b: g, lambda g, a, b: g)

    def __sub__(self, other):
        return self._combine(np.subtract, other, lambda g, a, b: g, lambda g, a, b: -g)

    def __mul__(self, other):
        return self._combine(np.multiply, other, lambda g, a, b: g * b, lambda g, a, b: g * a)

    def __truediv__(self, other):
        return self._combine(np.divide, other, lambda g, a, b: g / b, lambda g, a, b: -g * a / b**2)

    def __matmul__(self, other):
        other = self._like(other)
        if other.ndim == 1:  # a vector on the right is a column
            return (self @ other.reshape(-1, 1))[..., 0]
        if self.ndim == 1:  # and on the left a row
            return (self.reshape(1, -1) @ other)[..., 0, :]
        return self._combine(
            np.matmul,
            other,
            lambda g, a, b: g @ b.swapaxes(-1, -2),
            lambda g, a, b: a.swapaxes(-1, -2) @ g,
        )

    __radd__, __rmul__ = __add__, __mul__
    __rsub__, __rtruediv__, __rmatmul__ = map(_reflected, (__sub__, __truediv__, __matmul__))

    def __neg__(self):
        return record(-self.data, (self, lambda g: -g))

    def __pow__(self, exponent):
        n = float(exponent)
        less = n - 1 if n else 0.0  # the derivative of x⁰ is 0, even at 0
        return record(self.data**n, (self, lambda g: g * (n * self.data**less)))

    def exp(self):
        """Compute e to the power of each value."""
        value = np.exp(self.data)
        return record(value, (self, lambda g: g * value))

    def log(self):
        """Compute the natural logarithm."""
        return record(np.log(self.data), (self, lambda g: g / self.data))

    def tanh(self):
        """Compute the hyperbolic tangent."""
        value = np.tanh(self.data)
        return record(value, (self, lambda g: g * (1 - value * value)))

    def sigmoid(self):
        """Compute 1 / (1 + exp(-x)), without overflow."""
        value = np.exp(-np.logaddexp(0, -self.data))
        return record(value, (self, lambda g: g * value * (1 - value)))

    def relu(self):
        """Compute max(x, 0); its derivative at 0 counts as 0."""
        return record(np.maximum(self.data, 0), (self, lambda g: g * (self.data > 0)))

    def sum(self, axis=None, keepdims=False):
        """Add up along an axis, several, or all."""
        kept = self.data.sum(axis, keepdims=True)
        value = kept if keepdims else kept.squeeze(axis)
        return record(value, (self, lambda g: np.broadcast_to(g.reshape(kept.shape), self.shape)))

    def mean(self, axis=None, keepdims=False):
        """Take the mean along an axis, several, or all."""
        total = self.sum(axis, keepdims)
        return total / (self.data.size / total.data.size)

    def max(self, axis=None, keepdims=False):
        """Take the largest value along an axis, or of all; among equals the first counts."""
        chosen, index = np.zeros(self.shape, bool), self.data.argmax(axis, keepdims=True)
        np.put_along_axis(chosen, index.ravel() if axis is None else index, True, axis)
        only = record(np.where(chosen, self.data, 0), (self, lambda g: g * chosen))
        return only.sum(axis, keepdims)

    def reshape(self, *shape):
        """Lay the values out in another shape; one size may be -1."""
        try:
            value = self.data.reshape(*shape)
        except ValueError:
            raise ValueError(f"reshape: shape {self.shape} cannot become {shape}") from None
        return record(value, (self, lambda g: g.reshape(self.shape)))

    def transpose(self, first, second):
        """Swap two axes."""
        swapped = self.data.swapaxes(first, second)
        return record(swapped, (self, lambda g: g.swapaxes(first, second)))

    def __getitem__(self, index):
        value = self.data[index]

        def local(g):
            full = np.zeros_like(self.data)
            if np.may_share_memory(value, self.data):  # a slice: no element twice
                full[index] = g
            else:
                np.add.at(full, index, g)
            return full

        return record(value, (self, local))


def record(value, *edges):
    """Make the result of an operation from its value and edges; `backward` undoes broadcasting."""
    result = Tensor.__new__(Tensor)
    result.data, result.grad = np.asarray(value), None
    result._edges = tuple(edge for edge in edges if edge[0].requires_grad)
    result.requires_grad = bool(result._edges)
    return result
