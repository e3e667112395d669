"""The language model with a fixed window: its shape, its gradients, its training, bad input."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.language.config import WindowConfig
from companion.language.window_torch import WindowLM, grade, train_to_best, windows

CONFIG = WindowConfig(vocabulary=5, width=12, window=3)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on tensors this small, several threads only wait for each other
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def _cycle(n):
    return np.arange(n) % CONFIG.vocabulary


@pytest.mark.parametrize("width", [1, 8, 9, 160])
@pytest.mark.parametrize("window", [1, 10])
def test_the_config_counts_the_parameters(width, window):
    config = WindowConfig(7, width, window)
    model = WindowLM(config)
    assert sum(weight.numel() for weight in model.parameters()) == config.parameters


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((1, 8), "vocabulary is 1; expected an integer of at least 2"),
        ((5, 0), "width is 0; expected an integer of at least 1"),
        ((5, 8.0), "width is 8.0"),
        ((5, 8, 0), "window is 0"),
    ],
)
def test_a_wrong_config_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        WindowConfig(*fields)


def test_the_logits_are_those_of_the_formula():
    model, tokens = WindowLM(CONFIG), torch.tensor([[0, 4, 2], [1, 1, 3]])
    table, (hidden, head) = model.embedding.weight, (model.hidden, model.head)
    vectors = torch.stack([torch.cat([table[token] for token in row]) for row in tokens])
    expected = torch.tanh(vectors @ hidden.weight.T + hidden.bias) @ head.weight.T + head.bias
    torch.testing.assert_close(model(tokens), expected)


def test_the_gradient_agrees_with_finite_differences():
    model = WindowLM(CONFIG).double()
    tokens, targets = torch.tensor([[0, 4, 2], [1, 1, 3]]), torch.tensor([1, 0])

    def loss(weight):
        logits = torch.func.functional_call(model, {"embedding.weight": weight}, (tokens,))
        return F.cross_entropy(logits, targets)

    assert torch.autograd.gradcheck(loss, model.embedding.weight.detach().requires_grad_())


@pytest.mark.parametrize("shape", [(2, 4), (3,), (2, 3, 3)])
def test_another_window_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(B, 3\)"):
        WindowLM(CONFIG)(torch.zeros(shape, dtype=torch.int64))


def test_windows_are_followed_by_their_successors():
    inputs, targets = windows([5, 6, 7, 8, 9], 3)
    assert inputs.tolist() == [[5, 6, 7], [6, 7, 8]]
    assert targets.tolist() == [8, 9]
    for codes in ([1, 2, 3], [[1, 2, 3, 4, 5]]):
        with pytest.raises(ValueError, match="with n above 3"):
            windows(codes, 3)


def test_the_grade_is_the_cross_entropy_of_each_character():
    model, codes = WindowLM(CONFIG), np.random.default_rng(0).integers(5, size=10_000)
    losses, hits = grade(model, codes)
    inputs, targets = windows(codes, 3)
    with torch.no_grad():
        logits = model(inputs)
    expected = F.cross_entropy(logits, targets, reduction="none")
    np.testing.assert_allclose(losses, expected.numpy(), atol=1e-5)
    assert (hits == (logits.argmax(1) == targets).numpy()).all()
    assert losses.shape == hits.shape == (9997,)


def test_it_learns_a_cycle_by_heart():
    model = WindowLM(CONFIG)
    training = train_to_best(model, _cycle(2000), _cycle(500), seed=0, max_passes=30)
    losses, hits = grade(model, _cycle(700))
    assert hits.all() and losses.mean() < 0.05
    assert losses.mean() == pytest.approx(training.loss, rel=0.1)
    assert 0 < training.passes <= 30


def test_it_stops_early_and_keeps_the_best_weights():
    rng = np.random.default_rng(0)
    train, validation = rng.integers(5, size=300), rng.integers(5, size=4000)
    model = WindowLM(WindowConfig(5, 64, window=3))
    training = train_to_best(model, train, validation, seed=0, max_passes=10_000, patience=3)
    assert training.passes < 1000, "noise has nothing to learn, so it must stop"
    assert grade(model, validation)[0].mean() == pytest.approx(training.loss, abs=1e-5)
    assert training.loss < 2.0, "the best weights know that all five tokens are as likely"


def test_the_seed_decides_the_training():
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        training = train_to_best(
            WindowLM(CONFIG), _cycle(400), _cycle(100), seed=seed, max_passes=20
        )
        losses.append(training.loss)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", ["seed", "batch_size", "max_passes"])
def test_a_wrong_number_is_named(name):
    arguments = {"seed": 0, name: -1}
    with pytest.raises(ValueError, match=f"{name} is -1"):
        train_to_best(WindowLM(CONFIG), _cycle(50), _cycle(50), **arguments)
