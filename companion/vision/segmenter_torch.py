"""A fully convolutional network in PyTorch: a class for every pixel.

Long, Shelhamer and Darrell (2015), *Fully convolutional networks for semantic segmentation*, CVPR,
arXiv:1411.4038, section 3 and figure 3. Stages of convolutions make the image smaller and smaller.
A 1×1 convolution turns the channels of each stage into scores for each class. The coarse scores are
made twice as large by a transposed convolution, which starts as bilinear interpolation, and the
scores of the stage before are added:

    S_L = W_L h_L        S_l = up(S_{l+1}) + W_l h_l   for l = L - 1 … 0

Stage l = 1 … L has 1/2^l of the image's size; h_0 are two convolutions at the full size, which know
where edges are. The stages are those of `companion.vision.detector_torch`, so a trained detector
can lend its weights, as the paper's networks start from trained classifiers.

Shapes: B images in a batch, C channels, H × W pixels, K classes and the background.

What differs from the paper: small stages of two 3×3 convolutions with batch normalisation; skips
down to the full size, where the paper's FCN-8s stops at an eighth; each class is enlarged by
itself. Without skips it is the paper's FCN-32s in small.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from companion.checks import image_batch
from companion.vision.detector_torch import stages
from companion.vision.resnet_torch import ConvNorm

__all__ = ["Segmenter", "Upsample", "segment", "segmentation_loss"]


class Upsample(nn.Module):
    """A transposed convolution that doubles height and width; at first, bilinear interpolation.

    Args:
        channels: How many; each is enlarged by a kernel of its own.
    """

    def __init__(self, channels):
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(
            channels, channels, 4, stride=2, padding=1, groups=channels, bias=False
        )
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        with torch.no_grad():
            self.enlarge.weight.copy_(torch.outer(ramp, ramp).expand(channels, 1, 4, 4))

    def forward(self, scores):
        """Return the enlarged scores: (B, K, H, W) to (B, K, 2H, 2W)."""
        return self.enlarge(scores)


class Segmenter(nn.Module):
    """Stages that see more and more of the image, and the way back to its size.

    Args:
        config: A `companion.vision.scene_config.SegmenterConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.stages = stages(config)
        scored = (config.fine, *config.widths) if config.skips else config.widths[-1:]
        pairs = ((config.image[2], config.fine), (config.fine, config.fine))
        self.fine = nn.ModuleList(ConvNorm(*pair, 3, 1) for pair in pairs if config.skips)
        self.scores = nn.ModuleList(nn.Conv2d(width, config.outputs, 1) for width in scored)
        self.enlarge = nn.ModuleList(Upsample(config.outputs) for _ in config.widths)
        for layer in self.scores:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, images):
        """Return the logits of every pixel.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            Shape (B, 1 + K, H, W), the background first.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        weight = self.scores[-1].weight
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (images, weight))
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        images = images.contiguous(memory_format=torch.channels_last)
        hidden, seen = images, []
        if self.config.skips:
            for layer in self.fine:
                hidden = F.relu(layer(hidden))
            seen.append(hidden)  # (B, fine, H, W)
            hidden = images
        for stage in self.stages:
            for layer in stage:
                hidden = F.relu(layer(hidden))
            seen.append(hidden)  # (B, width, H / 2, W / 2), a quarter …
        scores = self.scores[-1](hidden)  # (B, 1 + K, H / 2^L, W / 2^L)
        for index in reversed(range(len(self.enlarge))):
            scores = self.enlarge[index](scores)  # twice as large
            if self.config.skips:
                scores = scores + self.scores[index](seen[index])
        return scores


def segmentation_loss(logits, masks):
    """Return the cross-entropy of the pixels, averaged over all of them: a scalar.

    Args:
        logits: What `Segmenter` returns, shape (B, 1 + K, H, W).
        masks: Int64, shape (B, H, W): 0 for the background, 1 + class elsewhere.

    Raises:
        ValueError: If the shapes do not belong together, there is no image, or a class is unknown.
    """
    expected = (len(logits), *logits.shape[2:])
    if tuple(masks.shape) != expected or len(logits) == 0:
        raise ValueError(
            f"masks have shape {tuple(masks.shape)} for logits of shape {tuple(logits.shape)}; "
            "expected (B, H, W) for (B, 1 + K, H, W) with B at least 1"
        )
    if masks.min() < 0 or masks.max() >= logits.shape[1]:
        raise ValueError(
            f"masks range from {int(masks.min())} to {int(masks.max())}; "
            f"expected 0 for the background and classes up to {logits.shape[1] - 1}"
        )
    return F.cross_entropy(logits, masks)


@torch.no_grad()
def segment(model, images):
    """Give every pixel its likeliest class.

    Args:
        model: A `Segmenter`; it is put into evaluation mode.
        images: A NumPy array of float32 from 0 to 1, shape (B, H, W, C), as `scenes` has them.

    Returns:
        Int64, shape (B, H, W): 0 for the background, 1 + class elsewhere.

    Raises:
        ValueError: If shape or range of the images is another.
        TypeError: If the images are no float32 array.
    """
    batch = torch.from_numpy(np.ascontiguousarray(image_batch(images)))
    if batch.ndim != 4:
        raise ValueError(f"images have shape {images.shape}; expected (B, H, W, C)")
    model.eval()
    batch = batch.permute(0, 3, 1, 2).to(model.scores[-1].weight.device)
    return model(batch).argmax(dim=1).cpu().numpy()
