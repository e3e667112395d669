"""Optimisers and schedules; the optimisers are equal to torch's step for step.

Each subtracts the learning rate times a direction; they differ in what they make of the gradient
for that, and in the state that they keep.

A schedule is a function of the step, from 0, that returns what the learning rate is multiplied by:
set `optimizer.lr` to it times the base rate, or hand it to `companion.training` as `schedule=`.
"""

import math

import numpy as np


class Optimizer:
    """What optimisers have in common.

    Args:
        parameters: Tensors with requires_grad=True; `step` changes them in place.
        lr: The learning rate.

    Raises:
        ValueError: If there are no parameters, or a setting is out of range.
    """

    def __init__(self, parameters, lr, **settings):
        self.parameters = list(parameters)
        if not self.parameters or not all(p.requires_grad for p in self.parameters):
            raise ValueError("parameters: expected at least one, all with requires_grad=True")
        for name, value in {"lr": lr, **settings}.items():
            top = 1 if name in ("momentum", "alpha", "betas") else math.inf
            if not 0 <= np.min(value) <= np.max(value) < top:
                raise ValueError(f"{name} is {value}; expected at least 0 and less than {top}")
        vars(self).update(settings, lr=lr, states=[{} for _ in self.parameters])

    def zero_grad(self):
        """Forget the gradients, because `backward` adds to them."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        """Change every parameter that has a gradient."""
        for parameter, state in zip(self.parameters, self.states, strict=True):
            if parameter.grad is not None:
                parameter.data -= self.lr * self._direction(parameter, state)


class SGD(Optimizer):
    """The gradient; or a decaying sum of all so far; or, with Nesterov's, a look ahead of it."""

    def __init__(self, parameters, lr, momentum=0.0, nesterov=False):
        super().__init__(parameters, lr, momentum=momentum, nesterov=nesterov)

    def _direction(self, parameter, state):
        velocity = state["velocity"] = self.momentum * state.get("velocity", 0) + parameter.grad
        return parameter.grad + self.momentum * velocity if self.nesterov else velocity


class RMSprop(Optimizer):
    """The gradient over the root of its mean square (Tieleman and Hinton, 2012)."""

    def __init__(self, parameters, lr=0.01, alpha=0.99, eps=1e-8):
        super().__init__(parameters, lr, alpha=alpha, eps=eps)

    def _direction(self, parameter, state):
        square = _mean(state, "square", self.alpha, parameter.grad**2)
        return parameter.grad / (np.sqrt(square) + self.eps)


class Adam(Optimizer):
    """The mean gradient over the root of the mean square (Kingma and Ba, 2015, algorithm 1)."""

    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8, **settings):
        super().__init__(parameters, lr, betas=betas, eps=eps, **settings)

    def _direction(self, parameter, state):
        steps = state["steps"] = state.get("steps", 0) + 1
        missing1, missing2 = (1 - beta**steps for beta in self.betas)  # as means begin with 0
        mean = _mean(state, "mean", self.betas[0], parameter.grad) / missing1
        square = _mean(state, "square", self.betas[1], parameter.grad**2) / missing2
        return mean / (np.sqrt(square) + self.eps)


class AdamW(Adam):
    """Adam, and apart from it a pull of the parameters to 0 (Loshchilov and Hutter, 2019)."""

    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(parameters, lr, betas, eps, weight_decay=weight_decay)

    def _direction(self, parameter, state):
        return super()._direction(parameter, state) + self.weight_decay * parameter.data


def constant():
    """Leave the learning rate as it is."""
    return lambda step: 1.0


def step_decay(every, factor=0.1):
    """Multiply by `factor` after every so many steps."""
    return lambda step: factor ** (step // every)


def cosine(steps, floor=0.0):
    """Fall from 1 to `floor` along half a cosine, and stay there (Loshchilov and Hutter, 2017)."""
    return lambda step: floor + (1 - floor) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def warm_up(steps, then):
    """Rise in a line, to 1 at the last of so many steps; then another schedule begins at its 0."""
    return lambda step: (step + 1) / steps if step < steps else then(step - steps)


def _mean(state, name, keep, new):
    state[name] = keep * state.get(name, 0) + (1 - keep) * new
    return state[name]
