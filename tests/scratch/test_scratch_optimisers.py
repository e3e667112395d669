"""Optimisers take torch's steps, schedules follow torch's."""

import math

import numpy as np
import pytest
import torch

from companion.scratch import optimisers
from companion.scratch.tensor import Tensor

CASES = {
    "sgd": ("SGD", {"lr": 0.01}),
    "momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop with settings": ("RMSprop", {"lr": 0.02, "alpha": 0.8, "eps": 1e-3}),
    "adam": ("Adam", {}),
    "adam with settings": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-2}),
    "adamw": ("AdamW", {}),
    "adamw with settings": ("AdamW", {"lr": 0.1, "betas": (0.8, 0.99), "weight_decay": 0.5}),
}


def valley(x, y):
    """A bent valley, after Rosenbrock, that the second tensor enters by broadcasting."""
    return ((1 - x) ** 2).sum() + 5 * ((y - x**2) ** 2).sum()


@pytest.mark.parametrize("name", CASES)
def test_every_step_equals_torchs(name):
    kind, settings = CASES[name]
    starts = [np.random.default_rng(0).normal(size=shape) for shape in ((2, 3), (3,))]
    ours = [Tensor(start, requires_grad=True) for start in starts]
    theirs = [torch.tensor(start, requires_grad=True) for start in starts]
    optimizer = getattr(optimisers, kind)(ours, **settings)
    reference = getattr(torch.optim, kind)(theirs, **settings)
    rate = reference.param_groups[0]["lr"]
    for step in range(40):
        optimizer.lr = reference.param_groups[0]["lr"] = rate * (1 - step / 80)
        for chosen, values in ((optimizer, ours), (reference, theirs)):
            chosen.zero_grad()
            valley(*values).backward()
            if step % 7 == 3:
                values[1].grad = None  # its state has to wait as well
            chosen.step()
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine.data, other.detach(), rtol=1e-11, atol=1e-12)
    assert not np.allclose(ours[0].data, starts[0], atol=1e-3)


def test_steps_are_taken_in_place_and_in_the_parameters_type():
    parameter = Tensor(np.ones(3, np.float32), requires_grad=True)
    data = parameter.data
    for kind in ("SGD", "RMSprop", "Adam", "AdamW"):
        optimizer = getattr(optimisers, kind)([parameter], lr=np.float64(0.1))
        (parameter**2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        assert parameter.grad is None
    assert parameter.data is data and data.dtype == np.float32 and (data < 1).all()


def test_states_begin_anew_in_another_optimiser():
    parameter = Tensor([1.0], requires_grad=True)
    for _ in range(2):
        optimizer = optimisers.Adam([parameter], lr=0.25)
        parameter.grad = np.array([3.0])
        optimizer.step()
    assert parameter.data[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("SGD", "lr", -0.1),
        ("SGD", "lr", math.nan),
        ("Adam", "lr", math.inf),
        ("SGD", "momentum", 1.0),
        ("SGD", "momentum", -0.5),
        ("RMSprop", "alpha", 1.5),
        ("RMSprop", "eps", -1e-8),
        ("Adam", "betas", (0.9, 1.0)),
        ("Adam", "betas", (-0.1, 0.9)),
        ("AdamW", "weight_decay", -1.0),
    ],
)
def test_settings_out_of_range_are_refused(kind, name, value):
    settings = {"lr": 0.1} | {name: value}
    with pytest.raises(ValueError, match=rf"{name} is .*; expected at least 0 and less than"):
        getattr(optimisers, kind)([Tensor([1.0], requires_grad=True)], **settings)


@pytest.mark.parametrize("parameters", [[], [Tensor([1.0])]], ids=["none", "constant"])
def test_parameters_have_to_be_some(parameters):
    with pytest.raises(ValueError, match="expected at least one, all with requires_grad=True"):
        optimisers.SGD(parameters, 0.1)


def torch_rates(make, steps):
    """Follow the learning rate of a torch scheduler, with 1 to begin with."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


SCHEDULES = {
    "step": (
        optimisers.step_decay(4, 0.5),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 4, 0.5),
    ),
    "cosine": (
        optimisers.cosine(20, 0.1),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20, 0.1),
    ),
    "warm-up": (
        optimisers.warm_up(5, optimisers.constant()),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 1 / 5, 1, 4),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_equal_torchs(name):
    schedule, make = SCHEDULES[name]
    ours = [schedule(step) for step in range(20)]
    np.testing.assert_allclose(ours, torch_rates(make, 20), rtol=1e-12)


def test_schedules_at_their_ends():
    cosine = optimisers.cosine(10, 0.2)
    assert (cosine(0), cosine(10), cosine(1000)) == (1, pytest.approx(0.2), pytest.approx(0.2))
    after = optimisers.warm_up(4, optimisers.cosine(10))
    assert [after(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert after(14) == pytest.approx(0)
    assert optimisers.warm_up(0, optimisers.constant())(0) == 1


def test_a_schedule_fits_the_trainer():
    from companion.training.trainer_torch import fit

    model = torch.nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    weights = [model.weight.item()]
    fit(
        model,
        (np.ones((4, 1)), np.zeros((4, 1))),
        loss=lambda output, target: (output - target).sum() / 4,
        optimizer=optimizer,
        steps=4,
        batch_size=4,
        schedule=optimisers.warm_up(2, optimisers.step_decay(1, 0.1)),
        callbacks=[lambda step, model, history: weights.append(model.weight.item())],
    )
    np.testing.assert_allclose(-np.diff(weights), [0.5, 1, 1, 0.1], rtol=1e-5)
