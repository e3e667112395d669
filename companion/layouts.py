"""How PyTorch and Keras name and lay out the weights of the same layers.

`named_weights` lists a model of either framework in one form: torch's layout, under a common name.
The name is the path of attributes to the layer, then torch's name for the tensor; in Keras the
attributes must be public, and the layers need no names of their own. The layout follows from the
type of the layer, never from a shape, which says nothing where a matrix is square:

    layer                    torch                             Keras
    Linear, Dense            weight (O, I)                     kernel (I, O)
    convolution              weight (O, I/groups, H, W)        kernel (H, W, I/groups, O)
    depthwise convolution    weight (I·M, 1, H, W)             kernel (H, W, I, M)
    transposed convolution   weight (I, O, H, W)               kernel (H, W, O, I)
    embedding                weight (V, D)                     embeddings (V, D)
    normalisation            weight, bias, running_mean, …     gamma (scale), beta, moving_mean, …
    RNN, LSTM                weight_ih (4H, I), weight_hh      kernel (I, 4H), recurrent_kernel
                             (4H, H), two biases (4H,)         (H, 4H), one bias (4H,)
    GRU                      gates reset, update, new;         gates update, reset, new;
                             two biases (3H,)                  one bias (2, 3H)

I inputs, O outputs, H × W the kernel or H the hidden size, M outputs per input, V entries of D
numbers. A torch RNN of several layers reads like a list of one-layer ones. Parameters that a model
declares itself (`nn.Parameter`, `add_weight`) keep their attribute's name and their layout.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Weight", "framework", "named_weights"]


@dataclass(frozen=True)
class Weight:
    """One tensor, or the biases of one recurrent layer, with access in torch's layout."""

    name: str  # the model's own name for it
    kind: str  # of layer
    dtype: str
    shape: tuple[int, ...]  # in torch's layout
    read: Callable[[], np.ndarray]  # returns a copy
    write: Callable[[np.ndarray], None]

    def __str__(self):
        return f"{self.name!r} ({self.kind}, {self.dtype}, {self.shape} in torch's layout)"


def framework(model):
    """Return "torch" or "Keras", whichever `model` belongs to.

    Raises:
        TypeError: If it is neither a torch module nor a Keras layer or model.
    """
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in type(model).__mro__}
    if ("torch", "Module") in bases:
        return "torch"
    if ("keras", "Layer") in bases:
        return "Keras"
    raise TypeError(f"{model!r} is neither a torch.nn.Module nor a keras.layers.Layer")


def named_weights(model):
    """Yield (common name, weight) for every weight; one that is shared is met once.

    Raises:
        TypeError: If `model` is neither a torch module nor a Keras layer or model.
        ValueError: If a Keras model is not built, or a weight is out of reach of public attributes.
    """
    if framework(model) == "torch":
        yield from _torch_weights(model)
    else:
        yield from _keras_weights(model)


def _kind(layer, kinds, root):
    """Look a layer's nearest base class of the framework up in a table; None if it is absent."""
    names = (b.__name__ for b in type(layer).__mro__ if b.__module__.partition(".")[0] == root)
    return next((kinds[name] for name in names if name in kinds), None)


def _join(*names):
    return ".".join(str(name) for name in names if name != "")


_TORCH_KINDS = {
    **{name: name for name in ("Linear", "Embedding", "LayerNorm", "GroupNorm", "RMSNorm")},
    **{"_BatchNorm": "BatchNorm", "_ConvNd": "Conv", "_ConvTransposeNd": "ConvTranspose"},
    **{name + end: name for name in ("RNN", "LSTM", "GRU") for end in ("", "Cell")},
}


def _torch_weights(model):
    seen, recurrent = set(), {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        path, _, last = name.rpartition(".")
        layer = model.get_submodule(path)
        kind = _kind(layer, _TORCH_KINDS, "torch")
        if id(tensor) in seen or last == "num_batches_tracked":
            continue
        seen.add(id(tensor))
        if kind in ("RNN", "LSTM", "GRU"):
            part = _join(path, _torch_rnn_part(layer, last))
            recurrent.setdefault((part, kind), []).append((name, tensor))
        else:
            kind = _grouped(kind, getattr(layer, "groups", 1)) if kind else "parameter"
            yield name, _torch_weight([(name, tensor)], kind)
    for (part, kind), tensors in recurrent.items():
        yield part, _torch_weight(tensors, kind)


def _grouped(kind, groups):
    return f"{kind} in {groups} groups" if groups > 1 and "Conv" in kind else kind


def _torch_rnn_part(layer, name):
    """Turn `weight_ih_l1_reverse` into `1.reverse.weight_ih`, and either bias into `bias`."""
    what, depth, reverse = re.fullmatch(r"(.*?)(?:_l(\d+))?(_reverse)?", name).groups()
    depth = depth if getattr(layer, "num_layers", 1) > 1 else ""
    return _join(depth, "reverse" if reverse else "", re.sub("^bias_.*", "bias", what))


def _torch_weight(tensors, kind):
    """Wrap one tensor, or the pair (bias_ih, bias_hh), which only a GRU keeps apart."""
    name = " and ".join(name for name, _ in tensors)

    def read():
        arrays = [tensor.detach().cpu().numpy() for _, tensor in tensors]
        if len(arrays) == 1:
            return arrays[0].copy()
        return np.stack(arrays) if kind == "GRU" else arrays[0] + arrays[1]

    def write(array):
        parts = array if kind == "GRU" and len(tensors) > 1 else (array, np.zeros_like(array))
        for (_, tensor), part in zip(tensors, parts, strict=False):
            tensor.detach().copy_(tensor.new_tensor(part))

    first = tensors[0][1]
    return Weight(name, kind, str(first.dtype).partition(".")[2], read().shape, read, write)


_KERNEL = {"weight": "kernel", "bias": "bias"}
_CELL = {"weight_ih": "kernel", "weight_hh": "recurrent_kernel", "bias": "bias"}
_NORM = {"weight": "gamma", "bias": "beta"}
_MOVING = {"running_mean": "moving_mean", "running_var": "moving_variance"}
# Base class -> the kind of layer in torch's words, and its weights: torch's name -> Keras's.
_KERAS_KINDS = {
    "Dense": ("Linear", _KERNEL),
    "BaseConv": ("Conv", _KERNEL),
    "BaseDepthwiseConv": ("Conv", _KERNEL),
    "BaseConvTranspose": ("ConvTranspose", _KERNEL),
    "Embedding": ("Embedding", {"weight": "embeddings"}),
    "BatchNormalization": ("BatchNorm", _NORM | _MOVING),
    "GroupNormalization": ("GroupNorm", _NORM),
    "LayerNormalization": ("LayerNorm", _NORM),
    "RMSNormalization": ("RMSNorm", {"weight": "scale"}),
    "SimpleRNNCell": ("RNN", _CELL),
    "LSTMCell": ("LSTM", _CELL),
    "GRUCell": ("GRU", _CELL),
}
# Layers that only hold others: what to call these.
_KERAS_WRAPPERS = {
    "Bidirectional": lambda layer: [("", layer.forward_layer), ("reverse", layer.backward_layer)],
    "RNN": lambda layer: [("", layer.cell)],
    "Sequential": lambda layer: enumerate(layer.layers),
    "StackedRNNCells": lambda layer: [("", layer.cells)],
    "TimeDistributed": lambda layer: [("", layer.layer)],
}


def _keras_weights(model):
    if not model.built:
        raise ValueError(f"Keras {model.name!r} has no weights yet; build it or call it once")
    waiting = {id(variable): variable for variable in model.weights}
    for path, layer in _keras_layers(model, "", set()):
        known = _kind(layer, _KERAS_KINDS, "keras")
        kind, names = known or ("parameter", {name: name for name in _public(layer)})
        for name, own_name in names.items():
            variable = waiting.pop(id(getattr(layer, own_name, None)), None)
            if variable is not None:
                yield _join(path, name), _keras_weight(_join(path, own_name), kind, layer, variable)
    if waiting:
        lost = [f"{variable.path!r} {tuple(variable.shape)}" for variable in waiting.values()]
        raise ValueError(
            f"no public attribute of Keras {model.name!r} leads to {', '.join(lost)}; "
            "keep layers and weights in attributes without a leading underscore"
        )


def _keras_layers(thing, path, seen):
    """Yield (path, layer) for every layer at or below `thing`, a layer or container."""
    if isinstance(thing, dict):
        children = thing.items()
    elif isinstance(thing, list | tuple):
        children = enumerate(thing)
    elif id(thing) not in seen and _kind(thing, {"Layer": True}, "keras"):
        seen.add(id(thing))
        yield path, thing
        wrapper = _kind(thing, _KERAS_WRAPPERS, "keras")
        children = wrapper(thing) if wrapper else _public(thing).items()
    else:
        return
    for name, child in children:
        yield from _keras_layers(child, _join(path, name), seen)


def _public(layer):
    return {name: value for name, value in vars(layer).items() if not name.startswith("_")}


def _keras_kind(layer, kind):
    """Add to the kind what must agree beside the shapes."""
    if kind == "GRU" and not layer.reset_after:
        return "GRU with reset_after=False, which torch does not have"
    depthwise = _kind(layer, {"BaseDepthwiseConv": True}, "keras")
    return _grouped(kind, layer.kernel.shape[-2] if depthwise else getattr(layer, "groups", 1))


def _keras_weight(name, kind, layer, variable):
    to_torch, to_keras = _keras_layout(name.rpartition(".")[2], kind, layer, tuple(variable.shape))

    def read():
        return to_torch(np.array(variable.numpy()))

    kind, dtype, shape = _keras_kind(layer, kind), str(variable.dtype), read().shape
    return Weight(name, kind, dtype, shape, read, lambda array: variable.assign(to_keras(array)))


def _keras_layout(name, kind, layer, shape):
    """Return the two functions that take an array to torch's layout and back."""
    gates = _swap_gates if kind == "GRU" else lambda array: array
    if kind == "parameter" or not name.endswith("kernel"):
        return gates, gates
    if _kind(layer, {"BaseDepthwiseConv": True}, "keras"):  # (H, W, I, M) <-> (I·M, 1, H, W)
        *size, inputs, each = shape
        return (
            lambda array: np.moveaxis(array, (-2, -1), (0, 1)).reshape(inputs * each, 1, *size),
            lambda array: np.moveaxis(array.reshape(inputs, each, *size), (0, 1), (-2, -1)),
        )
    return (  # (…, I, O) <-> (O, I, …)
        lambda array: np.moveaxis(gates(array), (-1, -2), (0, 1)),
        lambda array: gates(np.moveaxis(array, (0, 1), (-1, -2))),
    )


def _swap_gates(array):
    """Exchange reset and update, the first two of three gates along the last axis."""
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)
