"""Hidden tokens: how many, what replaces them, what is asked for, and how guesses are counted."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.language.masked_torch import hide, masked_accuracy, masked_loss, masked_windows

MASK, FIRST, ORDINARY = 52, 51, 50
TEXT = np.random.default_rng(0).integers(0, ORDINARY, size=400)
SPECIAL = {"first": FIRST, "mask": MASK, "ordinary": ORDINARY}


def test_shares_are_those_of_the_paper():
    tokens = np.random.default_rng(1).integers(0, ORDINARY, size=(400, 500))
    inputs, targets = hide(tokens, MASK, ORDINARY, 0.15, np.random.default_rng(2))
    asked = targets >= 0
    assert asked.mean() == pytest.approx(0.15, abs=0.005)
    assert (inputs[asked] == MASK).mean() == pytest.approx(0.8, abs=0.01)
    assert (inputs[asked] == tokens[asked]).mean() == pytest.approx(0.1, abs=0.01)
    other = asked & (inputs != MASK) & (inputs != tokens)
    assert other.sum() / asked.sum() == pytest.approx(0.1, abs=0.01)
    assert inputs[other].max() < ORDINARY


def test_what_is_not_asked_for_stays_and_targets_are_the_hidden_tokens():
    tokens = TEXT.reshape(8, 50)
    inputs, targets = hide(tokens, MASK, ORDINARY, 0.3, np.random.default_rng(0))
    asked = targets != -100
    np.testing.assert_array_equal(targets[asked], tokens[asked])
    np.testing.assert_array_equal(inputs[~asked], tokens[~asked])


def test_special_tokens_are_never_asked_for():
    tokens = np.full((4, 30), FIRST)
    inputs, targets = hide(tokens, MASK, ORDINARY, 1.0, np.random.default_rng(0))
    assert (inputs == tokens).all()
    assert (targets == -100).all()


def test_windows_start_with_the_class_token_and_hold_the_text():
    batch_at = masked_windows(np.arange(40), 6, 64, share=1e-6, **SPECIAL)
    inputs, targets = batch_at(0)
    assert inputs.shape == targets.shape == (64, 6)
    assert (inputs[:, 0] == FIRST).all()
    assert (inputs[:, 2:] == inputs[:, 1:-1] + 1).all()
    starts = {int(s) for step in range(20) for s in batch_at(step)[0][:, 1]}
    assert starts == set(range(36))


def test_a_step_is_the_same_in_each_run_and_differs_from_the_next():
    one, two = (masked_windows(TEXT, 8, 4, seed=3, **SPECIAL) for _ in range(2))
    torch.testing.assert_close(one(5), two(5))
    assert not torch.equal(one(5)[0], one(6)[0])


def test_the_loss_counts_what_is_asked_for_only():
    logits, targets = torch.randn(2, 3, 5), torch.tensor([[1, -100, 4], [-100, -100, 0]])
    asked = targets >= 0
    torch.testing.assert_close(
        masked_loss(logits, targets), F.cross_entropy(logits[asked], targets[asked])
    )


class Constant(torch.nn.Module):
    """Guesses token 3 everywhere."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        return F.one_hot(torch.full_like(tokens, 3), 5).float() + self.weight


def test_accuracy_is_the_share_of_right_guesses_over_all_batches():
    first = torch.zeros(1, 4, dtype=torch.int64), torch.tensor([[3, -100, 1, -100]])
    second = torch.zeros(1, 2, dtype=torch.int64), torch.tensor([[3, 3]])
    assert masked_accuracy(Constant(), [first, second]) == 3 / 4


def test_accuracy_of_nothing_is_refused():
    batch = torch.zeros(1, 2, dtype=torch.int64), torch.full((1, 2), -100)
    with pytest.raises(ValueError, match="ask for no token"):
        masked_accuracy(Constant(), [batch])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0}, "share is 0"),
        ({"share": 1.5}, "share is 1.5"),
        ({"ordinary": 1}, "ordinary is 1"),
    ],
)
def test_bad_numbers_are_refused(changes, message):
    arguments = {"mask": MASK, "ordinary": ORDINARY, "share": 0.15} | changes
    with pytest.raises(ValueError, match=message):
        hide(TEXT[None], rng=np.random.default_rng(0), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TEXT[None], 8, 4), r"tokens have shape \(1, 400\)"),
        ((TEXT[:5], 6, 4), r"tokens have shape \(5,\); expected one row of 6 or more"),
        ((TEXT, 1, 4), "context is 1"),
        ((TEXT, 8, 0), "batch_size is 0"),
    ],
)
def test_bad_windows_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        masked_windows(*arguments, **SPECIAL)
