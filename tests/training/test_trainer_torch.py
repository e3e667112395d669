"""What only the PyTorch trainer promises."""

import ast
import inspect
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from companion.training import trainer_torch
from companion.training.checkpoint import CheckpointError
from companion.training.processes import Place
from companion.training.trainer_torch import fit

X = torch.linspace(-1, 1, 33).reshape(11, 3)
Y = X.sum(dim=1, keepdim=True).sin()


def dropout_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def state(model):
    return {name: tensor.tolist() for name, tensor in model.state_dict().items()}


def test_the_loop_equals_one_written_by_hand():
    model = dropout_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for epoch in range(3):
        rows = np.random.default_rng([7, epoch]).permutation(11)
        for batch in np.split(rows, [4, 8]):
            optimizer.param_groups[0]["lr"] = 0.1 * 0.9 ** len(losses)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(X[batch]), Y[batch])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.3)
            optimizer.step()
            losses.append(loss.item())

    same = dropout_model()
    history = fit(
        same,
        (X, Y),
        loss=nn.functional.mse_loss,
        optimizer=torch.optim.SGD(same.parameters(), lr=0.1, momentum=0.9),
        epochs=3,
        batch_size=4,
        schedule=lambda step: 0.9**step,
        clip_norm=0.3,
        seed=7,
    )
    assert history.series("loss")[1].tolist() == losses
    assert state(same) == state(model)


@pytest.fixture(scope="module")
def uninterrupted():
    model = dropout_model()
    history = fit(
        model, (X, Y), loss=nn.functional.mse_loss, optimizer=adam(model), epochs=4, batch_size=4
    )
    return model, history


@settings(max_examples=12, deadline=None)
@given(step=st.integers(1, 11))
def test_resuming_after_any_step_changes_nothing(tmp_path_factory, uninterrupted, step):
    whole, expected = uninterrupted
    options = {"loss": nn.functional.mse_loss, "batch_size": 4, "checkpoint_every": 50}
    options |= {"checkpoint": tmp_path_factory.mktemp("run"), "resume": True}
    first = dropout_model()
    fit(first, (X, Y), optimizer=adam(first), steps=step, **options)
    second = dropout_model(seed=1)
    history = fit(second, (X, Y), optimizer=adam(second), epochs=4, **options)
    assert state(second) == state(whole) and history == expected


class CountingSGD(torch.optim.SGD):
    """Has a number of Python in its state, beside the tensors."""

    def step(self):
        for parameter in self.param_groups[0]["params"]:
            count = self.state[parameter].get("count", 0)
            parameter.grad /= 1 + count
            self.state[parameter]["count"] = count + 1
        super().step()


def test_tied_weights_and_numbers_in_the_optimiser_are_kept(tmp_path):
    def train(**options):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
        model[2].weight = model[0].weight
        optimizer = CountingSGD(model.parameters(), lr=0.1, momentum=0.9)
        fit(
            model,
            (X, X),
            loss=nn.functional.mse_loss,
            optimizer=optimizer,
            batch_size=4,
            **options,
        )
        return state(model)

    whole = train(steps=6)
    train(steps=4, checkpoint=tmp_path, resume=True)
    assert train(steps=6, checkpoint=tmp_path, resume=True) == whole


def test_training_and_evaluation_mode():
    model = dropout_model()
    modes = []

    def evaluate(model):
        assert not torch.is_grad_enabled()
        modes.append(("evaluate", model.training))
        return {}

    fit(
        model,
        (X, Y),
        loss=lambda outputs, targets: modes.append(("loss", model.training)) or outputs.sum(),
        optimizer=adam(model),
        steps=2,
        evaluate=evaluate,
        evaluate_every=1,
    )
    assert modes == [("loss", True), ("evaluate", False)] * 2
    assert not model.training


def test_a_bad_loss_leaves_the_weights_as_they_were():
    model = dropout_model()
    weight = model[0].weight.tolist()
    with pytest.raises(FloatingPointError, match="step 0"):
        fit(model, (X, Y * torch.nan), loss=nn.functional.mse_loss, optimizer=adam(model), steps=1)
    assert model[0].weight.tolist() == weight


def test_arrays_of_numpy_become_float32_and_class_numbers_stay_integers():
    model = nn.Linear(3, 2)
    seen = []

    def loss(outputs, targets):
        seen.append((outputs.dtype, targets.dtype))
        return nn.functional.cross_entropy(outputs, targets)

    data = (X.double().numpy(), np.arange(11) % 2)
    fit(model, data, loss=loss, optimizer=adam(model), steps=1)
    assert seen == [(torch.float32, torch.int64)]


def test_inputs_may_be_a_tuple():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, inputs):
            left, right = inputs
            return self.scale * left * right

    model = Product()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = ((X, X), 2 * X**2)
    history = fit(model, data, loss=nn.functional.mse_loss, optimizer=optimizer, epochs=200)
    assert history.last("loss") < 1e-6 and model.scale.item() == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("cuda", "auto", ("cuda", torch.bfloat16)),
        ("cuda", "float32", None),
        ("cpu", "auto", None),
        ("mps", "auto", None),
    ],
)
def test_autocast_is_requested_on_cuda_only(monkeypatch, device, precision, expected):
    monkeypatch.setattr(torch, "autocast", lambda device, dtype: (device, dtype))
    context = Place(torch.device(device), precision).autocast()
    assert isinstance(context, nullcontext) if expected is None else context == expected


def test_the_forward_pass_runs_under_autocast(monkeypatch):
    monkeypatch.setattr(Place, "autocast", lambda self: torch.autocast("cpu", dtype=torch.bfloat16))
    model = nn.Linear(3, 1)
    seen = []

    def loss(outputs, targets):
        seen.append((outputs.dtype, torch.is_autocast_enabled("cpu")))
        return nn.functional.mse_loss(outputs.float(), targets)

    fit(model, (X, Y), loss=loss, optimizer=adam(model), steps=1)
    assert seen == [(torch.bfloat16, True)]
    assert model.weight.dtype == model.weight.grad.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_forward_pass_is_bfloat16_and_resuming_is_exact(tmp_path):
    seen = set()

    def loss(outputs, targets):
        seen.add((outputs.device.type, outputs.dtype))
        return nn.functional.mse_loss(outputs.float(), targets)

    options = {"loss": loss, "batch_size": 4, "device": "cuda"}
    whole = dropout_model().cuda()
    torch.cuda.manual_seed(0)
    fit(whole, (X, Y), optimizer=adam(whole), steps=8, **options)
    for steps in (5, 8):
        model = dropout_model().cuda()
        torch.cuda.manual_seed(0 if steps == 5 else 1)
        fit(
            model,
            (X, Y),
            optimizer=adam(model),
            steps=steps,
            **options,
            checkpoint=tmp_path,
            resume=True,
        )
    assert state(model) == state(whole)
    assert seen == {("cuda", torch.bfloat16)}


def test_a_checkpoint_of_other_names_is_refused_and_changes_nothing(tmp_path):
    model = nn.Sequential(nn.Linear(3, 1))
    fit(
        model,
        (X, Y),
        loss=nn.functional.mse_loss,
        optimizer=adam(model),
        steps=2,
        checkpoint=tmp_path,
    )
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = nn.Linear(3, 1)
    optimizer, weights, draws = adam(other), state(other), torch.get_rng_state().tolist()
    with pytest.raises(CheckpointError, match=r"holds 0\.bias, which the model has not"):
        fit(
            other,
            (X, Y),
            loss=nn.functional.mse_loss,
            optimizer=optimizer,
            steps=4,
            checkpoint=tmp_path,
            resume=True,
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert state(other) == weights and optimizer.state_dict()["state"] == {}
    assert torch.get_rng_state().tolist() == draws


def test_an_optimiser_of_another_model_is_refused():
    model = nn.Linear(3, 1)
    with pytest.raises(ValueError, match="optimizer holds parameters that are not the model's"):
        fit(model, (X, Y), loss=nn.functional.mse_loss, optimizer=adam(nn.Linear(3, 1)), epochs=1)


def test_the_loop_is_short_enough_to_read():
    lengths = {}
    for node in ast.walk(ast.parse(inspect.getsource(trainer_torch))):
        if isinstance(node, ast.FunctionDef):
            documented = node.body[0].end_lineno - node.body[0].lineno + 1
            length = node.end_lineno - node.lineno + 1
            lengths[node.name] = length - (documented if ast.get_docstring(node) else 0)
    assert max(lengths.values()) <= 40
    assert lengths["fit"] + lengths["_train"] <= 80
