"""A scaled start: what grows, what stays, and what is refused."""

import pytest
import torch

from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.starts_torch import scale_start


def test_a_scaled_start_has_larger_matrices_and_the_same_norms_and_biases():
    torch.manual_seed(0)
    network = GPT(GPTConfig(7, 8, 12, 2, 2, 16))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert scale_start(network, 3) is network
    for name, value in network.state_dict().items():
        factor = 3 if value.ndim == 2 else 1
        torch.testing.assert_close(value, factor * before[name])


@pytest.mark.parametrize("factor", [0, -1.0, float("nan"), "3"])
def test_a_start_is_not_scaled_by_anything_else(factor):
    with pytest.raises(ValueError, match=r"factor is .*; expected a number of at least 1e-06"):
        scale_start(torch.nn.Linear(2, 2), factor)
