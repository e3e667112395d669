"""Counts the multiplications of a PyTorch model without doing them.

What is counted: the multiply-adds of convolutions and matrix products, attention's included, one
for each multiplication with the addition behind it. What is not: biases, norms, activations,
pooling, softmax, sums of skips; in the networks here they are a few per cent together. Papers on
vision print this number as "FLOPs"; where one counts additions and multiplications apart, as
`companion.planner_vision` does, it is twice as large.
"""

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from companion.vision.config import image_size

__all__ = ["count"]


def count(model, image_shape):
    """Count the multiply-adds of one forward pass of one image.

    The pass runs on torch's meta device, with shapes and no numbers, so that no size takes long,
    and on a copy: the model, which may live on any device, stays as it is.

    Args:
        model: A torch module that takes images (B, C, H, W).
        image_shape: Height, width and channels of an image, such as `model.config.image`.

    Returns:
        An integer.

    Raises:
        TypeError: If `model` is no torch module.
        ValueError: If `image_shape` is something else, or the model cannot take it.
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model is {type(model).__name__}; expected a torch.nn.Module")
    height, width, channels = image_size(image_shape)
    tensors = [*model.parameters(), *model.buffers()]
    # What deepcopy finds in its memo it takes for copied already: here, a tensor without numbers.
    memo = {id(tensor): torch.empty_like(tensor, device="meta") for tensor in tensors}
    on_meta = copy.deepcopy(model, memo).eval()
    dtype = next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)
    images = torch.empty(1, channels, height, width, dtype=dtype, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(images)
    return counter.get_total_flops() // 2  # the counter, too, counts additions apart
