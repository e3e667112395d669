"""The recurrent encoder-decoder: its encoder against torch.nn, attention by hand, masks, decoding.

What it shares with the other sequence models is tested in test_sequence_models.py.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from companion.language import seq2seq_keras, seq2seq_torch
from companion.language.sequence_config import ATTENTION, Seq2SeqConfig
from companion.text.padding import END, START
from companion.twins import copy_weights
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

_rng = np.random.default_rng(0)
SOURCE = torch.from_numpy(_rng.integers(3, 7, size=(4, 6)))
SOURCE[1, 3:], SOURCE[2, 1:] = 0, 0
TARGET = torch.from_numpy(_rng.integers(3, 9, size=(4, 5)))
TARGET[:, 0] = START


def _model(kind, fused=False):
    torch.manual_seed(0)
    model = seq2seq_torch.Seq2Seq(Seq2SeqConfig(7, 9, 5, 8, kind, fused=fused))
    shake(model)
    return model.eval()


def test_the_encoder_is_a_bidirectional_gru_of_torch():
    model = _model("luong")
    reference = nn.GRU(5, 4, batch_first=True, bidirectional=True)
    for end, cell in (("", model.forwards), ("_reverse", model.backwards)):
        for place, layer in (("ih", cell.from_input), ("hh", cell.from_hidden)):
            getattr(reference, f"weight_{place}_l0{end}").data.copy_(layer.weight)
            getattr(reference, f"bias_{place}_l0{end}").data.copy_(layer.bias)
    packed = nn.utils.rnn.pack_padded_sequence(
        model.source(SOURCE), (SOURCE > 0).sum(1), batch_first=True, enforce_sorted=False
    )
    outputs, last = reference(packed)
    expected, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    states, final, mask = model.encode(SOURCE)
    torch.testing.assert_close(states * mask[..., None], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(final, torch.cat([*last], dim=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ATTENTION[1:])
def test_attention_is_its_formula(kind):
    attention = seq2seq_torch.Attention(4, kind)
    state, values = torch.randn(1, 1, 4), torch.randn(1, 3, 4)
    mask = torch.tensor([[True, True, False]])
    found, alignment = attention(state, values, mask)
    scores = []
    for h in values[0, :2]:
        if kind == "luong":
            scores.append(state[0, 0] @ (attention.keys.weight @ h))
        else:
            both = attention.query.weight @ state[0, 0] + attention.keys.weight @ h
            scores.append(attention.score.weight[0] @ torch.tanh(both))
    expected = F.pad(torch.softmax(torch.stack(scores), dim=0), (0, 1))
    torch.testing.assert_close(alignment[0, 0], expected)
    torch.testing.assert_close(found[0, 0], expected @ values[0])


@pytest.mark.parametrize("kind", ATTENTION)
def test_the_fused_kernel_gives_the_same(kind):
    torch.testing.assert_close(
        _model(kind, fused=True)(SOURCE, TARGET), _model(kind)(SOURCE, TARGET), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("kind", ATTENTION)
def test_padding_changes_nothing_and_is_not_looked_at(kind):
    model = _model(kind)
    logits, alignment = model.align(SOURCE, TARGET)
    for row, size in ((0, 6), (1, 3), (2, 1)):
        alone = model(SOURCE[row : row + 1, :size], TARGET[row : row + 1])
        torch.testing.assert_close(logits[row : row + 1], alone, rtol=0, atol=1e-6)
    if kind == "none":
        assert alignment is None
    else:
        assert alignment.shape == (4, 5, 6)
        torch.testing.assert_close(alignment.sum(dim=2), torch.ones(4, 5))
        assert not alignment[1, :, 3:].any() and (alignment[1, :, :3] > 0).all()


@pytest.mark.parametrize("kind", ATTENTION)
def test_a_target_token_changes_what_comes_behind_it_and_nothing_before(kind):
    model, changed = _model(kind), TARGET.clone()
    changed[:, 2] = (TARGET[:, 2] - 2) % 6 + 3
    difference = (model(SOURCE, changed) - model(SOURCE, TARGET)).abs().amax(dim=(0, 2))
    assert not difference[:2].any() and (difference[2:] > 1e-4).all()


def test_without_attention_nothing_but_the_vector_reaches_the_decoder():
    for kind in ATTENTION:
        model = _model(kind)
        states, final, mask = model.encode(SOURCE)
        logits, _, _ = model.decode(TARGET, (states, final, mask))
        other, _, _ = model.decode(TARGET, (torch.randn_like(states), final, mask))
        assert torch.equal(logits, other) == (kind == "none")
        assert final.shape == (4, 8), "of the same size, whatever the length of the source"


@pytest.mark.parametrize("kind", ATTENTION)
def test_decoding_in_parts_is_decoding_at_once_in_both_twins(kind):
    model = _model(kind)
    twin = seq2seq_keras.Seq2Seq(model.config)
    copy_weights(model, twin)
    with torch.no_grad():
        expected, shares, last = model.decode(TARGET, model.encode(SOURCE))
    for net, source, target in ((model, SOURCE, TARGET), (twin, SOURCE.numpy(), TARGET.numpy())):
        read, state, found, looked = net.encode(source), None, [], []
        for start, end in ((0, 1), (1, 3), (3, 5)):
            logits, alignment, state = net.decode(target[:, start:end], read, state)
            found.append(np.asarray(logits.detach() if net is model else logits))
            if kind != "none":
                looked.append(np.asarray(alignment.detach() if net is model else alignment))
        np.testing.assert_allclose(np.concatenate(found, axis=1), expected, rtol=0, atol=1e-5)
        state = state.detach() if net is model else state
        np.testing.assert_allclose(state, last, rtol=0, atol=1e-5)
        if looked:
            np.testing.assert_allclose(np.concatenate(looked, 1), shares, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTION)
def test_greedy_decoding_takes_the_likeliest_token_until_the_end(kind):
    model = _model(kind)
    with torch.no_grad():
        logits = model(SOURCE, TARGET[:, :1])[:, -1]
        gaps = logits[:, END + 1 :].amax(dim=1) - logits[:, END]
        model.head.bias[END] += gaps.sort().values[1:3].mean()  # so that two end at once
    written = model.translate(SOURCE, 9)
    assert (written[:, 0] == END).sum() == 2
    for row in range(4):
        tokens = torch.tensor([[START]])
        while tokens.shape[1] <= 9 and tokens[0, -1] != END:
            size = int((SOURCE[row] > 0).sum())
            likeliest = model(SOURCE[row : row + 1, :size], tokens)[0, -1, END:].argmax() + END
            tokens = torch.cat([tokens, likeliest[None, None]], dim=1)
        expected = F.pad(tokens[0, 1:], (0, 9))[: written.shape[1]]
        assert torch.equal(written[row], expected)
    twin = seq2seq_keras.Seq2Seq(model.config)
    copy_weights(model, twin)
    np.testing.assert_array_equal(twin.translate(SOURCE.numpy(), 9), written)


def test_wrong_masks_and_batches_are_refused():
    for module, make in ((seq2seq_torch, torch.from_numpy), (seq2seq_keras, np.asarray)):
        attention = module.Attention(4, "luong")
        states, mask = make(np.ones((2, 3, 4), "f4")), make(np.ones((2, 3), bool))
        with pytest.raises(ValueError, match=r"the mask has shape \(2, 2\); expected \(2, 3\)"):
            attention(states, states, mask[:, :2])
        with pytest.raises(TypeError, match=r"the mask is .*int.*; expected bool"):
            attention(states, states, make(np.ones((2, 3), int)))
        model = module.Seq2Seq(Seq2SeqConfig(7, 9, 5, 8))
        source, target = make(SOURCE.numpy()), make(TARGET.numpy())
        with pytest.raises(ValueError, match="the source has 4 sequences and the target 3"):
            model(source, target[:3])
        with pytest.raises(ValueError, match="longest is 0; expected an integer of at least 1"):
            model.translate(source, 0)
