"""`copy_weights` refuses what does not fit, names both sides, and leaves the target alone."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.layouts import named_weights
from companion.twins import copy_weights

L = keras.layers


def _stack(framework, **layers):
    """A model whose attributes are the given layers."""
    model = nn.Module() if framework == "torch" else KerasStack()
    for name, layer in layers.items():
        setattr(model, name, layer)
    model.built = True
    return model


class KerasStack(keras.Model):
    pass


def _built(layer, *shape):
    layer.build((None, *shape))
    return layer


def _dense(inputs, outputs, **options):
    return _built(L.Dense(outputs, **options), inputs)


# Each pair, and what the message has to say, first with torch's and then with Keras's side.
MISFITS = {
    "shape": (
        lambda: nn.Linear(3, 2),
        lambda: _dense(2, 3),
        "'weight' (Linear, float32, (2, 3) in torch's layout)",
        "'kernel' (Linear, float32, (3, 2) in torch's layout)",
    ),
    "bias only in torch": (
        lambda: nn.Linear(3, 3),
        lambda: _dense(3, 3, use_bias=False),
        "only in torch: 'bias' (Linear, float32, (3,) in torch's layout)",
        "",
    ),
    "bias only in Keras": (
        lambda: nn.Linear(3, 3, bias=False),
        lambda: _dense(3, 3),
        "",
        "only in Keras: 'bias' (Linear, float32, (3,) in torch's layout)",
    ),
    "name": (
        lambda: _stack("torch", head=nn.Linear(3, 3)),
        lambda: _stack("keras", top=_dense(3, 3)),
        "only in torch: 'head.weight' (Linear, float32, (3, 3) in torch's layout), 'head.bias'",
        "only in Keras: 'top.kernel' (Linear, float32, (3, 3) in torch's layout), 'top.bias'",
    ),
    "kind, all shapes alike": (
        lambda: nn.Linear(3, 3, bias=False),
        lambda: _built(L.Embedding(3, 3)),
        "'weight' (Linear,",
        "'embeddings' (Embedding,",
    ),
    "groups, all shapes alike": (
        lambda: nn.Conv1d(1, 2, 3),
        lambda: _built(L.DepthwiseConv1D(3), 9, 2),
        "'weight' (Conv,",
        "'kernel' (Conv in 2 groups,",
    ),
    "order of gates, all shapes alike": (
        lambda: nn.GRU(3, 3, bias=False),
        lambda: _built(L.GRU(3, use_bias=False, reset_after=False), 5, 3),
        "'weight_ih_l0' (GRU,",
        "'kernel' (GRU with reset_after=False, which torch does not have,",
    ),
    "layers of an RNN": (
        lambda: nn.LSTM(3, 3, num_layers=2),
        lambda: _built(L.LSTM(3), 5, 3),
        "'weight_hh_l1' (LSTM, float32, (12, 3) in torch's layout)",
        "'recurrent_kernel' (LSTM, float32, (12, 3) in torch's layout)",
    ),
    "dtype": (
        lambda: nn.Linear(3, 3).double(),
        lambda: _dense(3, 3),
        "'weight' (Linear, float64,",
        "'kernel' (Linear, float32,",
    ),
    "running statistics": (
        lambda: nn.BatchNorm1d(3, track_running_stats=False),
        lambda: _built(L.BatchNormalization(), 3),
        "",
        "only in Keras: 'moving_mean' (BatchNorm, float32, (3,) in torch's layout)",
    ),
}


@pytest.mark.parametrize("direction", ["torch to Keras", "Keras to torch"])
@pytest.mark.parametrize("misfit", MISFITS)
def test_a_misfit_is_refused_and_nothing_is_copied(misfit, direction):
    make_torch, make_keras, of_torch, of_keras = MISFITS[misfit]
    source, target = make_torch(), make_keras()
    if direction == "Keras to torch":
        source, target = target, source
    before = [weight.read() for _, weight in named_weights(target)]
    with pytest.raises(ValueError, match="cannot copy the weights of ") as caught:
        copy_weights(source, target)
    assert of_torch in str(caught.value) and of_keras in str(caught.value)
    after = [weight.read() for _, weight in named_weights(target)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_one_misfit_among_many_stops_the_others_too():
    source = _stack("torch", first=nn.Linear(3, 3), second=nn.Linear(3, 3))
    target = _stack("keras", first=_dense(3, 3), second=_dense(3, 4))
    before = target.first.kernel.numpy()
    with pytest.raises(ValueError, match=r"second.weight.* does not fit .*second.kernel"):
        copy_weights(source, target)
    assert np.array_equal(target.first.kernel.numpy(), before)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (nn.Linear(1, 1), nn.Linear(1, 1), "both torch models; expected one of each"),
        (L.Dense(1), L.Dense(1), "both Keras models; expected one of each"),
        (nn.Linear(1, 1), {"weight": 1}, "neither a torch.nn.Module nor a keras.layers.Layer"),
        (torch.zeros(1), L.Dense(1), "neither a torch.nn.Module nor a keras.layers.Layer"),
    ],
)
def test_only_a_pair_of_twins_is_taken(source, target, message):
    with pytest.raises(TypeError, match=message):
        copy_weights(source, target)


def test_a_keras_layer_without_weights_yet_is_named():
    with pytest.raises(ValueError, match="'newborn' has no weights yet; build it or call it once"):
        copy_weights(nn.Linear(1, 1), L.Dense(1, name="newborn"))


def test_weights_behind_private_attributes_are_named():
    target = _stack("keras", _hidden=_dense(3, 2, name="secret"))
    with pytest.raises(ValueError, match=r"leads to 'secret/kernel' \(3, 2\), 'secret/bias'"):
        copy_weights(_stack("torch", _hidden=nn.Linear(3, 2)), target)


def test_names_that_read_the_same_are_refused():
    source = _stack("torch", block=nn.ModuleList([nn.Linear(1, 1)]), block_0=nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"'block.0.weight' .*'block_0.weight' .*rename one"):
        copy_weights(source, _stack("keras", block=[_dense(1, 1)]))
