"""Attention: against torch, masks and causality as properties, the cache, what it refuses."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.language import attention_keras, attention_torch, kv_cache_keras, kv_cache_torch
from companion.language.attention_torch import CrossAttention, SelfAttention, attend
from companion.language.kv_cache_torch import LayerCache
from companion.layouts import named_weights
from companion.twins import copy_weights
from tests.twin_walk import shake

MODULES = {"torch": attention_torch, "keras": attention_keras}
CACHES = {"torch": kv_cache_torch, "keras": kv_cache_keras}
TENSOR = {"torch": torch.tensor, "keras": keras.ops.convert_to_tensor}

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

B, A, T, S, D = 2, 3, 4, 5, 4
E = A * D


def _close(ours, theirs, atol=1e-5):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def _qkv(t=T, s=S):
    return torch.randn(B, A, t, D), torch.randn(B, A, s, D), torch.randn(B, A, s, D)


def _whole(layer, parts):
    """torch.nn.MultiheadAttention with the weights of a layer of ours."""
    whole = nn.MultiheadAttention(E, A, batch_first=True)
    state = {
        "in_proj_weight": torch.cat([part.weight for part in parts]),
        "in_proj_bias": torch.cat([part.bias for part in parts]),
        "out_proj.weight": layer.mix.weight,
        "out_proj.bias": layer.mix.bias,
    }
    whole.load_state_dict({name: value.detach() for name, value in state.items()})
    return whole


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_self_attention_is_that_of_torch(causal, padded):
    layer = SelfAttention(E, A, causal)
    shake(layer)
    whole = _whole(layer, [layer.project])
    tokens = 3 * torch.randn(B, T, E)
    there = torch.tensor([[True, True, True, False], [True, True, True, True]])
    mask = there[:, None] if padded else None
    expected, shares = whole(
        tokens,
        tokens,
        tokens,
        key_padding_mask=~there if padded else None,
        attn_mask=~torch.ones(T, T, dtype=torch.bool).tril() if causal else None,
        average_attn_weights=False,
    )
    assert shares.std() > 0.1, "then every token gathers the same mean"
    plain, nothing = layer(tokens, mask)
    assert nothing is None
    _close(plain, expected)
    found, weights = layer(tokens, mask, weights=True)
    _close(found, expected)
    _close(weights, shares)


@pytest.mark.parametrize("masked", [False, True])
def test_cross_attention_is_that_of_torch(masked):
    layer = CrossAttention(E, A)
    shake(layer)
    whole = _whole(layer, [layer.query, layer.project])
    tokens, source = 3 * torch.randn(B, T, E), 3 * torch.randn(B, S, E)
    there = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    mask, padding = (there[:, None], ~there) if masked else (None, None)
    expected, shares = whole(
        tokens, source, source, key_padding_mask=padding, average_attn_weights=False
    )
    found, weights = layer(tokens, source, mask, weights=True)
    _close(layer(tokens, source, mask)[0], expected)
    _close(found, expected)
    _close(weights, shares)
    _close(layer(tokens, attention_mask=mask, offered=layer.keys_values(source))[0], expected)


@pytest.mark.parametrize(
    ("shape", "full"),
    [
        ((T, S), (1, 1, T, S)),
        ((B, T, S), (B, 1, T, S)),
        ((1, T, S), (1, 1, T, S)),
        ((B, 1, S), (B, 1, 1, S)),
        ((B, A, T, S), (B, A, T, S)),
        ((1, A, 1, S), (1, A, 1, S)),
    ],
)
def test_a_mask_of_each_shape_does_what_it_says(shape, full):
    q, k, v = _qkv()
    mask = torch.rand(shape) < 0.7
    seen = mask.reshape(full).expand(B, A, T, S)
    found, weights = attend(q, k, v, mask, weights=True)
    assert (weights[~seen] == 0).all() and (weights[seen] > 0).all()
    _close(attend(q, k, v, mask)[0], found)


def test_no_change_of_what_is_masked_changes_anything():
    q, k, v = _qkv()
    mask = torch.rand(B, T, S) < 0.5
    before = attend(q, k, v, mask)[0]
    for t in range(T):
        hidden = ~mask[:, t]  # (B, S)
        k2, v2 = (torch.where(hidden[:, None, :, None], 9 * torch.randn_like(x), x) for x in (k, v))
        _close(attend(q, k2, v2, mask)[0][:, :, t], before[:, :, t])


@pytest.mark.parametrize("weights", [False, True])
def test_a_query_that_may_look_nowhere_gathers_zeros_and_gives_finite_gradients(weights):
    q, k, v = (part.requires_grad_() for part in _qkv())
    mask = torch.ones(B, T, S, dtype=torch.bool)
    mask[0, 1] = False
    found, _ = attend(q, k, v, mask, weights=weights)
    assert (found[0, :, 1] == 0).all() and (found[1] != 0).all()
    found.square().sum().backward()
    assert all(torch.isfinite(part.grad).all() for part in (q, k, v))
    theirs, _ = attention_keras.attend(*(part.detach().numpy() for part in (q, k, v)), mask.numpy())
    np.testing.assert_allclose(theirs, found.detach(), atol=1e-6)


@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_no_token_sees_a_later_one(kind):
    layer = MODULES[kind].SelfAttention(E, A, True)
    tokens = np.random.default_rng(0).normal(size=(1, 6, E)).astype(np.float32)
    with torch.no_grad():
        before = np.asarray(layer(TENSOR[kind](tokens))[0])
        for place in range(6):
            other = tokens.copy()
            other[:, place] += 1
            change = np.abs(np.asarray(layer(TENSOR[kind](other))[0]) - before).max(axis=(0, 2))
            assert change[:place].max(initial=0) < 1e-6 and change[place:].min() > 1e-4


def test_without_masks_the_order_of_the_tokens_does_not_matter():
    layer = SelfAttention(E, A)
    tokens = torch.randn(B, T, E)
    order = torch.tensor([2, 0, 3, 1])
    _close(layer(tokens[:, order])[0], layer(tokens)[0][:, order])


def test_gradients_are_those_of_finite_differences():
    mask = torch.tensor([[True, False, True], [True, True, False], [False, False, True]])
    inputs = [torch.randn(1, 1, 3, 2, dtype=torch.double, requires_grad=True) for _ in range(3)]
    for weights in (False, True):
        torch.autograd.gradcheck(
            lambda q, k, v, w=weights: attend(q, k, v, mask, weights=w)[0], inputs
        )
    torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, causal=True)[0], inputs)


@pytest.mark.parametrize("steps", [(1,) * 7, (4, 1, 1, 1), (2, 5), (3, 3, 1)])
@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_with_a_cache_it_gives_the_same_step_by_step(kind, steps):
    ours = SelfAttention(E, A, True)
    tokens = torch.randn(B, 7, E)
    with torch.no_grad():
        expected, shares = ours(tokens, weights=True)
    layer, cache = ours, LayerCache(8)
    if kind == "keras":
        layer, cache = attention_keras.SelfAttention(E, A, True), kv_cache_keras.LayerCache(8)
        copy_weights(ours, layer)
        tokens = tokens.numpy()
    start = 0
    for step in steps:
        end = start + step
        with torch.no_grad():
            found, weights = layer(tokens[:, start:end], cache=cache, weights=start == 0)
        np.testing.assert_allclose(found, expected[:, start:end], atol=1e-5)
        if start == 0:
            np.testing.assert_allclose(weights, shares[:, :, :end, :end], atol=1e-5)
        start = cache.length
        assert start == end


@pytest.mark.parametrize("kind", ["torch", "keras"])
@pytest.mark.parametrize(
    "shape",
    [(T,), (S, T), (1, S), (B, S), (3, T, S), (B, T, 1), (B, 2, T, S), (B, A, T, S, 1)],
)
def test_masks_of_another_shape_are_refused(kind, shape):
    module = MODULES[kind]
    parts = [TENSOR[kind](part.numpy()) for part in _qkv()]
    mask = np.ones(shape, dtype=bool)
    message = rf"the mask has shape \({', '.join(map(str, shape))}.*expected \(T, S\).*S = 5 keys"
    with pytest.raises(ValueError, match=message):
        module.attend(*parts, TENSOR[kind](mask))


@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_masks_that_are_not_boolean_and_other_wrong_calls_are_refused(kind):
    module = MODULES[kind]
    tensor = TENSOR[kind]
    parts = [tensor(part.numpy()) for part in _qkv()]
    with pytest.raises(TypeError, match="the mask is float32; expected bool, True where attention"):
        module.attend(*parts, tensor(np.ones((T, S), dtype=np.float32)))
    longer = [tensor(part.numpy()) for part in _qkv(t=6)]
    with pytest.raises(ValueError, match="6 queries look at 5 keys; expected at least as many"):
        module.attend(*longer, causal=True)
    with pytest.raises(ValueError, match="width is 10; expected a multiple of heads, 3"):
        module.SelfAttention(10, 3)
    with pytest.raises(ValueError, match="heads is 0; expected an integer of at least 1"):
        module.CrossAttention(12, 0)
    tokens = tensor(np.zeros((B, T, E), dtype=np.float32))
    with pytest.raises(ValueError, match=r"tokens have shape \(2, 4, 12\); expected \(B, T, 24\)"):
        module.SelfAttention(24, 3)(tokens)
    with pytest.raises(ValueError, match="expected either source or offered, and not both"):
        module.CrossAttention(E, A)(tokens)


def test_it_starts_as_the_docstring_says():
    ours, theirs = (module.CrossAttention(120, 3) for module in MODULES.values())
    for weight, value in [*named_weights(ours), *named_weights(theirs)]:
        if weight.endswith("bias"):
            assert not value.read().any()
        else:
            sizes = np.abs(value.read()) * 120**0.5
            assert 0.99 < sizes.max() <= 1.0001 and abs(sizes.mean() - 0.5) < 0.02
