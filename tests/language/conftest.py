"""Fixtures of the tests of language models."""

import keras
import pytest
import torch


@pytest.fixture
def seeds_and_one_thread():
    """Seed both frameworks, and keep torch to one thread: more are slower with small models."""
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
