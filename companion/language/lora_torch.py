"""LoRA: fine-tuning that adds a product of two thin matrices to frozen ones.

Hu et al. (2022), *LoRA: low-rank adaptation of large language models*, ICLR, arXiv:2106.09685,
equation 3. The weights W of a linear layer stay as they are, and two small matrices are trained:

    y = W x + b + α/r · B A x             A: (r, n_in), B: (n_out, r), r much smaller than both

B starts at 0, so that the model starts as it was; A from a uniform distribution of bound 1/√n_in.
The update ΔW = α/r · B A has a rank of at most r, and r (n_in + n_out) numbers in place of
n_in · n_out. Added to W, it costs nothing any more when the model is used.

Shapes: n_in and n_out numbers of a layer's input and output, r the rank.

What differs from the paper: no dropout in front of A, and A is uniform as in the library peft.
"""

import torch
from torch import nn
from torch.nn import functional as F

from companion.checks import natural, number

__all__ = ["LoRALinear", "add_lora", "merge_lora", "trained_parameters"]


class LoRALinear(nn.Module):
    """A linear layer, frozen, with an update of low rank beside it.

    Args:
        layer: The `torch.nn.Linear` that is adapted; its parameters are frozen.
        rank: r, at least 1 and at most the smaller side of its matrix.
        alpha: α, above 0; the rank itself by default, which makes the factor 1.

    Raises:
        TypeError: If `layer` is no linear layer.
        ValueError: If a number is none of these.
    """

    def __init__(self, layer, rank, alpha=None):
        super().__init__()
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"layer is a {type(layer).__name__}; expected a torch.nn.Linear")
        n_out, n_in = layer.weight.shape
        rank = natural("rank", rank, 1)
        if rank > min(n_in, n_out):
            raise ValueError(
                f"rank is {rank} for a matrix of {n_out} x {n_in}; expected at most "
                f"{min(n_in, n_out)}, from where on it is no smaller than the matrix"
            )
        self.scale = number("alpha", rank if alpha is None else alpha, 1e-6) / rank
        self.layer = layer.requires_grad_(False)
        self.A = nn.Parameter(layer.weight.new_empty(rank, n_in).uniform_(-1, 1) / n_in**0.5)
        self.B = nn.Parameter(layer.weight.new_zeros(n_out, rank))

    def forward(self, inputs):
        """Return the layer's output and the update's, (…, n_out), for inputs (…, n_in)."""
        narrow = F.linear(inputs, self.A)  # (…, r)
        return self.layer(inputs) + self.scale * F.linear(narrow, self.B)  # (…, n_out)

    @torch.no_grad()
    def update(self):
        """Return ΔW = α/r · B A, shape (n_out, n_in)."""
        return self.scale * self.B @ self.A

    @torch.no_grad()
    def merged(self):
        """Return the layer itself, with ΔW added to its weights and everything trainable."""
        self.layer.weight += self.update()
        return self.layer.requires_grad_(True)


def add_lora(model, rank, alpha=None, targets=("project", "mix")):
    """Freeze a model and give an update of low rank to some of its linear layers.

    Args:
        model: A `torch.nn.Module`; it is changed.
        rank: r, at least 1.
        alpha: α; the rank itself by default.
        targets: The last parts of the names of the layers that get one. By default the two of
            attention in the companion's GPT and BERT: queries, keys and values, and their mix.

    Returns:
        The model.

    Raises:
        ValueError: If the model has an update already, no layer has one of the names, or a number
            is not as `LoRALinear` takes it; the model is then unchanged.
        TypeError: If a named part is no linear layer.
    """
    if any(isinstance(part, LoRALinear) for part in model.modules()):
        raise ValueError("the model has updates of low rank already; merge_lora takes them in")
    named = _named(model, (targets,) if isinstance(targets, str) else tuple(targets))
    frozen = [parameter.requires_grad for parameter in model.parameters()]
    try:
        made = {name: LoRALinear(model.get_submodule(name), rank, alpha) for name in named}
    except (TypeError, ValueError):
        for parameter, needed in zip(model.parameters(), frozen, strict=True):
            parameter.requires_grad_(needed)
        raise
    model.requires_grad_(False)
    for name, layer in made.items():
        _replace(model, name, layer)
    return model


def merge_lora(model):
    """Add all updates to the weights that they belong to, and return the model as it was built.

    Args:
        model: What `add_lora` returned, trained or not; it is changed. All its parameters are
            trainable again.

    Raises:
        ValueError: If there is no update in it.
    """
    found = [name for name, part in model.named_modules() if isinstance(part, LoRALinear)]
    if not found:
        raise ValueError("the model has no updates of low rank; add_lora gives it some")
    for name in found:
        _replace(model, name, model.get_submodule(name).merged())
    return model.requires_grad_(True)


def trained_parameters(model):
    """Return the parameters of a model that are trained, as a list for an optimiser."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _named(model, targets):
    """Return the full names of the parts whose names end so."""
    parts = {name: part for name, part in model.named_modules() if name}
    named = [name for name in parts if name.rpartition(".")[2] in targets]
    if not named:
        linear = (name for name, part in parts.items() if isinstance(part, nn.Linear))
        last = sorted({name.rpartition(".")[2] for name in linear})
        raise ValueError(f"no layer is named one of {targets}; linear layers are {last}")
    return named


def _replace(model, name, layer):
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
