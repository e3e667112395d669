"""Twins: copies the weights of a PyTorch model into its Keras twin, or the other way round.

Weights are paired by name, shape and kind of layer (`companion.layouts` says how each is named and
laid out), and nothing is copied unless everything fits. Three rules keep twins alike:

- An attribute that holds weights has the same name in both: `self.blocks[0].norm` in torch is
  `self.blocks[0].norm` in Keras. `block_0` and `block.0` read the same.
- The two biases of a torch RNN or LSTM act as their sum. Keras has one bias: it receives the sum,
  and on the way back it goes into `bias_ih`, while `bias_hh` becomes zero.
- Random states of dropout and torch's count of batches are no weights and stay as they are.
"""

import re

from companion.layouts import framework, named_weights

__all__ = ["copy_weights"]


def copy_weights(source, target):
    """Copy every weight of `source` into `target`, its twin in the other framework.

    Args:
        source: A torch module, or a built Keras layer or model. It is only read.
        target: The twin in the other framework. Its weights keep their dtype and device.

    Raises:
        TypeError: If the two are not one torch module and one Keras layer.
        ValueError: If a weight has no partner, or one of another shape, dtype or kind of layer;
            the message names both sides. `target` is then unchanged.
    """
    sides = framework(source), framework(target)
    if sides[0] == sides[1]:
        raise TypeError(f"source and target are both {sides[0]} models; expected one of each")
    old, new = _by_common_name(source), _by_common_name(target)
    wrong = [*_unlike(sides, old, new), *_alone(sides[0], old, new), *_alone(sides[1], new, old)]
    if wrong:
        pair = f"{sides[0]} {type(source).__name__} into {sides[1]} {type(target).__name__}"
        raise ValueError("\n  ".join([f"cannot copy the weights of {pair}:", *wrong]))
    for name, weight in new.items():
        weight.write(old[name].read())


def _by_common_name(model):
    """Return the weights of a model under the names that both frameworks agree on."""
    found = {}
    for path, weight in named_weights(model):
        name = re.sub(r"_(\d+)(?=\.|$)", r".\1", path.replace("/", "."))
        if name in found:
            raise ValueError(f"{found[name]} and {weight} read as one name, {name!r}; rename one")
        found[name] = weight
    return found


def _unlike(sides, old, new):
    """Yield a line for each pair whose shape, dtype or kind of layer differs."""
    for name in (name for name in old if name in new):
        a, b = old[name], new[name]
        if (a.shape, a.dtype, a.kind) != (b.shape, b.dtype, b.kind):
            yield f"{sides[0]} {a} does not fit {sides[1]} {b}"


def _alone(side, mine, other):
    """Yield a line that lists the weights without a partner."""
    names = [str(weight) for name, weight in mine.items() if name not in other]
    if names:
        yield f"only in {side}: {', '.join(names)}"
