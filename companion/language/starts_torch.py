"""First weights for narrow models, in PyTorch: those of GPT-2 and BERT suit wide ones."""

import torch

from companion.checks import number

__all__ = ["scale_start"]


@torch.no_grad()
def scale_start(model, factor):
    """Multiply the first weights of a model, all its matrices and tables, and return the model.

    GPT-2 and BERT draw them with a deviation of 0.02. That suits a width of about a thousand; in a
    narrow model the scores of attention then begin so close to 0 that training first has to enlarge
    them.

    Args:
        model: A `torch.nn.Module` that is not trained yet; it is changed.
        factor: What to multiply by, at least 1e-6.

    Raises:
        ValueError: If the factor is not such a number.
    """
    factor = number("factor", factor, 1e-6)
    for parameter in model.parameters():
        if parameter.ndim == 2:  # neither biases nor norms
            parameter.mul_(factor)
    return model
