"""What it takes for two modules to be twins: same names, same signatures, same outputs.

tests/test_twins.py applies this to the package, and to packages that were broken on purpose.
"""

import importlib
import inspect
import itertools

import keras
import numpy as np
import torch

from companion.layouts import framework, named_weights
from companion.twins import copy_weights

TOLERANCE = 1e-5  # between the outputs of twins, in float32

# What a framework asks a model to have, and the other does not know.
HOOKS = {"build", "compute_output_shape", "extra_repr", "from_config", "get_config"}


def stems(root, side):
    """Return the modules that end in _torch or _keras, without the ending."""
    files = (path.relative_to(root.parent) for path in root.rglob(f"*_{side}.py"))
    return sorted(".".join(path.with_suffix("").parts).removesuffix(f"_{side}") for path in files)


def lonely(root, torch_only):
    """Yield a line for each module without a twin and each entry that is out of date."""
    ours, theirs = stems(root, "torch"), stems(root, "keras")
    for stem in ours:
        if stem not in theirs and stem not in torch_only:
            yield f"{stem}_torch has no twin {stem}_keras"
    for stem in theirs:
        if stem not in ours:
            yield f"{stem}_keras has no twin {stem}_torch"
    for stem, reason in torch_only.items():
        if stem not in ours or stem in theirs:
            yield f"TORCH_ONLY is out of date: {stem} is not a module in torch only"
        if not reason.strip():
            yield f"TORCH_ONLY gives no reason for {stem}"


def modules(stem):
    return [importlib.import_module(f"{stem}_{side}") for side in ("torch", "keras")]


def different_names(stem):
    """Yield a line for each public name or signature that differs between twin modules."""
    pair = modules(stem)
    names = [set(module.__all__) for module in pair]
    if names[0] != names[1]:
        yield f"{stem}: public in one twin only: {sorted(names[0] ^ names[1])}"
    for name in sorted(names[0] & names[1]):
        yield from different(f"{stem}: {name}", *(getattr(module, name) for module in pair))


def different(place, ours, theirs):
    """Yield a line for each difference between two functions, classes or constants."""
    if inspect.isclass(ours) and inspect.isclass(theirs):
        yield from different(f"{place}()", ours.__init__, theirs.__init__)
        members = public_members(ours), public_members(theirs)
        if members[0].keys() != members[1].keys():
            alone = sorted(members[0].keys() ^ members[1].keys())
            yield f"{place}: public in one twin only: {alone}"
        for name in sorted(members[0].keys() & members[1].keys()):
            yield from different(f"{place}.{name}", members[0][name], members[1][name])
    elif inspect.isfunction(ours) and inspect.isfunction(theirs):
        signatures = parameters(ours), parameters(theirs)
        if signatures[0] != signatures[1]:
            yield f"{place}: {signatures[0]} in torch, {signatures[1]} in Keras"
    elif type(ours) is not type(theirs) or not (isinstance(ours, property) or ours == theirs):
        yield f"{place}: {ours!r} in torch, {theirs!r} in Keras"


def public_members(cls):
    """Return what a class and its bases outside of the frameworks define, by common names."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] not in ("builtins", "torch", "keras", "tensorflow"):
            for name, value in vars(base).items():
                if not name.startswith("_") and name not in HOOKS:
                    function = getattr(value, "__func__", value)  # of class and static methods
                    found["forward / call" if name in ("forward", "call") else name] = function
    return found


def parameters(function):
    """Return name, kind and default of each parameter.

    `training` of a Keras `call` is left out: a module in torch knows it without being told.
    """
    return [
        (one.name, one.kind.description, one.default)
        for one in inspect.signature(function).parameters.values()
        if not (function.__name__ == "call" and one.name == "training" and not one.default)
    ]


def models(stem):
    """Return the public models of a pair of modules: name -> (torch class, Keras class)."""
    ours, theirs = modules(stem)
    pairs = {name: (getattr(ours, name), getattr(theirs, name, None)) for name in ours.__all__}
    return {
        name: pair
        for name, pair in pairs.items()
        if inspect.isclass(pair[0]) and issubclass(pair[0], torch.nn.Module) and pair[1]
    }


def different_outputs(stem, cases):
    """Yield a line for each model without a case, and each case whose outputs differ."""
    pairs = models(stem)
    for key in cases:
        if key.partition(":")[0] == stem and key.partition(":")[2] not in pairs:
            yield f"twin_cases.py is out of date: there is no model {key}"
    for name, classes in pairs.items():
        if not cases.get(f"{stem}:{name}"):
            yield f"{stem}: {name} has no case in twin_cases.py"
        for case in cases.get(f"{stem}:{name}", []):
            for source in ("torch", "Keras"):
                problem = misbehaviour(case, classes, source)
                if problem:
                    yield f"{stem}: {name}{case.arguments}, copied from {source}: {problem}"


def misbehaviour(case, classes, source):
    """Copy weights from one twin to the other and say what is wrong with the outputs."""
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    twins = {framework(model): model for model in (cls(*case.arguments) for cls in classes)}
    twins["torch"].eval()
    shake(twins[source])
    target = "Keras" if source == "torch" else "torch"
    before = outputs(twins[target], case)
    try:
        copy_weights(twins[source], twins[target])
    except ValueError as error:
        return str(error)
    ours, theirs = (outputs(model, case) for model in twins.values())
    if [array.shape for array in ours] != [array.shape for array in theirs]:
        return f"shapes {[a.shape for a in ours]} in torch, {[a.shape for a in theirs]} in Keras"
    if not distance(before, outputs(twins[target], case)) > 1e-3:
        return "the weights hardly change the outputs, so the case proves nothing"
    if not distance(ours, theirs) <= TOLERANCE:  # a NaN is not either
        return f"outputs differ by {distance(ours, theirs):.2g}, more than {TOLERANCE}"
    return None


def shake(model):
    """Move every floating-point weight, so that no bias is zero and no scale is one."""
    rng = np.random.default_rng(1)
    for _, weight in named_weights(model):
        if "float" in weight.dtype:
            weight.write(weight.read() + rng.uniform(-0.1, 0.1, weight.shape).astype(weight.dtype))


def outputs(model, case):
    """Return the outputs of a model as a flat list of arrays in Keras's layout."""
    in_torch = framework(model) == "torch"
    place = torch.from_numpy if in_torch else case.arrange
    inputs = {k: place(v) if isinstance(v, np.ndarray) else v for k, v in case.inputs.items()}
    with torch.no_grad():
        arrays = list(flatten(model(**inputs)))
    return [case.arrange(array) for array in arrays] if in_torch else arrays


def flatten(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return itertools.chain.from_iterable(map(flatten, value))
    return [] if value is None else [np.asarray(value)]


def distance(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))
