"""The key-value cache of both frameworks: its room, its order, and what it refuses.

That attention and GPT give the same with it is tested in test_attention.py and test_gpt.py.
"""

import keras
import numpy as np
import pytest
import torch

from companion.language import kv_cache_keras, kv_cache_torch
from companion.language.kv_cache_torch import KVCache

CACHES = {"torch": kv_cache_torch, "keras": kv_cache_keras}
TENSOR = {"torch": torch.tensor, "keras": keras.ops.convert_to_tensor}

B, A, D = 2, 3, 4


@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_a_cache_is_reordered_row_by_row(kind):
    module = CACHES[kind]
    cache = module.KVCache(2, 4)
    cache.reorder([0])  # nothing is in it yet
    part = np.random.default_rng(0).normal(size=(2, 3, A, 2, D)).astype(np.float32)
    tensor = TENSOR[kind]
    for layer in cache.layers:
        layer.append(tensor(part))
    rows = [2, 0, 2, 2]
    cache.reorder(rows)
    found = cache.layers[0].append(tensor(-part[:, rows]))
    assert cache.layers[0].length == 4 and cache.length == 2
    np.testing.assert_array_equal(found, np.concatenate([part, -part], axis=3)[:, rows])


@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_a_full_cache_and_another_batch_are_refused(kind):
    module = CACHES[kind]
    tensor = TENSOR[kind]
    cache = module.LayerCache(3)
    part = tensor(np.zeros((2, B, A, 2, D), dtype=np.float32))
    cache.append(part)
    with pytest.raises(
        ValueError, match="holds 2 tokens and shall take 2 more; expected at most 3"
    ):
        cache.append(part)
    one = tensor(np.zeros((2, 1, A, 1, D), dtype=np.float32))
    with pytest.raises(ValueError, match="a batch of 1 comes to a cache of 2 sequences"):
        cache.append(one)
    for wrong in (0, 2.5, True):
        with pytest.raises(ValueError, match=r"capacity is .*; expected an integer of at least 1"):
            module.KVCache(2, wrong)
        with pytest.raises(ValueError, match=r"layers is .*; expected an integer of at least 1"):
            module.KVCache(wrong, 2)


def test_the_cache_allocates_once():
    cache = KVCache(1, 5).layers[0]
    part = torch.randn(2, B, A, 1, D)
    places = {cache.append(part).data_ptr() for _ in range(5)}
    assert len(places) == 1
