"""The encoder-decoder Transformer: against torch.nn.Transformer, positions, masks, the cache.

What it shares with the other sequence models is tested in test_sequence_models.py.
"""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from companion.language import transformer_keras, transformer_torch
from companion.language.positions import sinusoids
from companion.language.sequence_config import TransformerConfig
from companion.text.padding import END, START
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

_rng = np.random.default_rng(0)
SOURCE = torch.from_numpy(_rng.integers(3, 7, size=(4, 6)))
SOURCE[1, 3:], SOURCE[2, 1:] = 0, 0
TARGET = torch.from_numpy(_rng.integers(3, 9, size=(4, 5)))
TARGET[:, 0] = START


def _model(norm_first=False):
    torch.manual_seed(0)
    config = TransformerConfig(7, 9, 12, 3, 2, 20, 10, norm_first)
    model = transformer_torch.Transformer(config)
    shake(model)
    return model.eval()


def _copy_attention(target, *projections, mix):
    target.in_proj_weight.data.copy_(torch.cat([layer.weight for layer in projections]))
    target.in_proj_bias.data.copy_(torch.cat([layer.bias for layer in projections]))
    target.out_proj.load_state_dict(mix.state_dict())


def _reference(model):
    """Return torch's Transformer with the weights of ours; embeddings and head are not in it."""
    config = model.config
    sizes = (config.width, config.heads, config.layers, config.layers, config.feed_forward)
    found = nn.Transformer(*sizes, 0.0, batch_first=True, norm_first=config.norm_first)
    for ours, theirs in ((model.encoder, found.encoder), (model.decoder, found.decoder)):
        for layer, other in zip(ours, theirs.layers, strict=True):
            own = layer.attention
            _copy_attention(other.self_attn, own.project, mix=own.mix)
            if theirs is found.decoder:
                cross = layer.cross
                _copy_attention(other.multihead_attn, cross.query, cross.project, mix=cross.mix)
            other.linear1.load_state_dict(layer.widen.state_dict())
            other.linear2.load_state_dict(layer.narrow.state_dict())
            for n, norm in enumerate(layer.norms, start=1):
                getattr(other, f"norm{n}").load_state_dict(norm.state_dict())
        theirs.norm = model.last[ours is model.decoder] if config.norm_first else None
    return found


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_it_is_the_transformer_of_torch(norm_first):
    model = _model(norm_first)
    places = torch.from_numpy(sinusoids(10, 12))
    source = model.source(SOURCE) * 12**0.5 + places[:6]
    target = model.target(TARGET) * 12**0.5 + places[:5]
    hidden = _reference(model)(
        source,
        target,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(5),
        src_key_padding_mask=SOURCE == 0,
        memory_key_padding_mask=SOURCE == 0,
        tgt_is_causal=True,
    )
    expected = hidden @ model.head.weight.T + model.head.bias
    assert expected.std(dim=0).min() > 0.01
    torch.testing.assert_close(model(SOURCE, TARGET), expected, rtol=0, atol=1e-5)


def test_positions_are_those_of_the_paper():
    found = sinusoids(50, 6)
    assert found.shape == (50, 6) and found.dtype == np.float32
    for place, number in ((0, 0), (3, 0), (7, 2), (49, 4)):
        angle = place / 10_000 ** (number / 6)
        assert found[place, number] == pytest.approx(np.sin(angle), abs=1e-5)
        assert found[place, number + 1] == pytest.approx(np.cos(angle), abs=1e-5)
    # How alike two places are depends on their distance alone.
    products = found @ found.T
    np.testing.assert_allclose(np.diag(products, 4), products[0, 4], atol=1e-5)
    assert products[0, 0] > products[0, 1] > products[0, 2]
    for wrong, message in (((5, 3), "width is 3; expected an even"), ((0, 2), "length is 0")):
        with pytest.raises(ValueError, match=message):
            sinusoids(*wrong)


@pytest.mark.parametrize("norm_first", [False, True])
def test_decoding_with_a_cache_gives_the_logits_of_decoding_without(norm_first):
    model = _model(norm_first)
    twin = transformer_keras.Transformer(model.config)
    copy_weights(model, twin)
    with torch.no_grad():
        expected = model(SOURCE, TARGET)
        read, cache = model.encode(SOURCE), transformer_torch.KVCache(2, 5)
        for start, end in ((0, 1), (1, 2), (2, 4), (4, 5)):  # one token and several at once
            logits, _ = model.decode(TARGET[:, start:end], read, cache)
            torch.testing.assert_close(logits, expected[:, start:end], rtol=0, atol=1e-5)
    source, target = SOURCE.numpy(), TARGET.numpy()
    read, cache = twin.encode(source), transformer_keras.KVCache(2, 5)
    for start, end in ((0, 1), (1, 4), (4, 5)):
        logits, _ = twin.decode(target[:, start:end], read, cache)
        np.testing.assert_allclose(logits, expected[:, start:end], rtol=0, atol=1e-5)


def test_padding_changes_nothing_and_is_not_looked_at():
    model = _model()
    logits, alignment = model.align(SOURCE, TARGET)
    torch.testing.assert_close(logits, model(SOURCE, TARGET), rtol=0, atol=1e-5)
    for row, size in ((0, 6), (1, 3), (2, 1)):
        alone = model(SOURCE[row : row + 1, :size], TARGET[row : row + 1])
        torch.testing.assert_close(logits[row : row + 1], alone, rtol=0, atol=1e-5)
    assert alignment.shape == (4, 5, 6)
    torch.testing.assert_close(alignment.sum(dim=2), torch.ones(4, 5))
    assert not alignment[1, :, 3:].any() and (alignment[1, :, :3] > 0).all()
    longer = F.pad(TARGET, (0, 3))
    torch.testing.assert_close(model(SOURCE, longer)[:, :5], logits, rtol=0, atol=1e-5)


def test_a_target_token_changes_what_comes_behind_it_and_nothing_before():
    model, changed = _model(), TARGET.clone()
    changed[:, 2] = (TARGET[:, 2] - 2) % 6 + 3
    difference = (model(SOURCE, changed) - model(SOURCE, TARGET)).abs().amax(dim=(0, 2))
    assert not difference[:2].any() and (difference[2:] > 1e-4).all()


def test_without_positions_the_encoder_does_not_see_the_order():
    model = _model()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    seen = model.encode(SOURCE[:1])[0]
    turned = model.encode(SOURCE[:1, order])[0]
    assert (turned - seen[:, order]).abs().max() > 0.01
    model.places.zero_()
    seen, turned = model.encode(SOURCE[:1])[0], model.encode(SOURCE[:1, order])[0]
    torch.testing.assert_close(turned, seen[:, order], rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True])
def test_greedy_decoding_takes_the_likeliest_token_until_the_end(norm_first):
    model = _model(norm_first)
    with torch.no_grad():
        logits = model(SOURCE, TARGET[:, :1])[:, -1]
        gaps = logits[:, END + 1 :].amax(dim=1) - logits[:, END]
        model.head.bias[END] += gaps.sort().values[1:3].mean()  # so that two end at once
    written = model.translate(SOURCE, 8)
    assert torch.equal(written, model.translate(SOURCE, 8, cached=False))
    assert (written[:, 0] == END).sum() == 2
    for row in range(4):
        tokens = torch.tensor([[START]])
        while tokens.shape[1] <= 8 and tokens[0, -1] != END:
            likeliest = model(SOURCE[row : row + 1], tokens)[0, -1, END:].argmax() + END
            tokens = torch.cat([tokens, likeliest[None, None]], dim=1)
        expected = F.pad(tokens[0, 1:], (0, 8))[: written.shape[1]]
        assert torch.equal(written[row], expected)
    twin = transformer_keras.Transformer(model.config)
    copy_weights(model, twin)
    np.testing.assert_array_equal(twin.translate(SOURCE.numpy(), 8), written)
    np.testing.assert_array_equal(twin.translate(SOURCE.numpy(), 8, cached=False), written)


def test_what_is_too_long_is_refused():
    config = TransformerConfig(7, 9, 12, 3, 1, 20, context=5)
    for module, make in ((transformer_torch, torch.from_numpy), (transformer_keras, np.asarray)):
        model = module.Transformer(config)
        source, target = make(SOURCE.numpy()), make(TARGET.numpy())
        with pytest.raises(ValueError, match="the source are 6 long; expected at most 5 in all"):
            model(source, target)
        read = model.encode(source[:, :5])
        cache = module.KVCache(1, 5)
        model.decode(target[:, :3], read, cache)
        with pytest.raises(ValueError, match="the target are 3 long after 3 in the cache"):
            model.decode(target[:, :3], read, cache)
        with pytest.raises(ValueError, match="longest is 6; expected at most 5"):
            model.translate(source[:, :5], 6)
        with pytest.raises(ValueError, match="the source has 4 sequences and the target 3"):
            model(source[:, :5], target[:3])
        with pytest.raises(ValueError, match=re.escape("the mask has shape (4, 1, 4); expected")):
            model.decoder[0](model.target(target), source=read[0], attention_mask=read[1][..., :4])
