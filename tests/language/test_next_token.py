"""Windows, loss and measurement of next-token prediction, against the definitions."""

import numpy as np
import pytest
import torch

from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.next_token_torch import next_token_loss, surprises, windows

TEXT = np.random.default_rng(0).integers(0, 7, size=60)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    found = GPT(GPTConfig(7, 8, 12, 2, 2, 16)).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.mul_(10)  # so that the context matters
    return found


def test_targets_are_the_next_tokens():
    inputs, targets = windows(np.arange(50), 5, 4, seed=1)(3)
    assert inputs.shape == targets.shape == (4, 5)
    torch.testing.assert_close(targets, inputs + 1)


def test_all_places_come_and_a_step_is_the_same_in_each_run():
    batch_at = windows(np.arange(12), 5, 8)
    starts = {int(s) for step in range(40) for s in batch_at(step)[0][:, 0]}
    assert starts == set(range(7))
    torch.testing.assert_close(batch_at(9)[0], windows(np.arange(12), 5, 8)(9)[0])


def test_the_loss_is_the_mean_of_minus_log_q():
    logits, targets = torch.randn(2, 3, 5), torch.randint(5, (2, 3))
    chances = logits.softmax(-1).gather(2, targets[:, :, None])
    torch.testing.assert_close(next_token_loss(logits, targets), -chances.log().mean())


@pytest.mark.parametrize("length", [2, 5, 9, 10, 13, 60])
def test_each_token_is_predicted_once_from_half_a_window_or_more(model, length):
    text, context = TEXT[:length], 8
    found = surprises(model, text, batch_size=3)
    assert found.shape == (length - 1,)
    starts = [*range(0, max(length - 1 - context, 0), 4), max(length - 1 - context, 0)]
    for i in range(1, length):
        start = next(s for s in starts if i <= s + context)  # the first window that reaches it
        with torch.no_grad():
            logits = model(torch.tensor(text[None, start:i]))[0, -1].double()
        expected = -logits.log_softmax(0)[text[i]].item() / np.log(2)
        assert found[i - 1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.arange(5), 5, 1), r"tokens have shape \(5,\); expected one row of more than 5"),
        ((np.arange(5), 0, 1), "context is 0"),
        ((np.arange(5), 2, 0), "batch_size is 0"),
        ((np.arange(5), 2, 1, -1), "seed is -1"),
    ],
)
def test_bad_windows_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        windows(*arguments)


def test_a_text_of_one_token_is_refused(model):
    with pytest.raises(ValueError, match="expected at least 2 in a row"):
        surprises(model, [1])
