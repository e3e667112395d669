"""A one-stage detector in PyTorch: one look at the image, and every cell of a grid answers.

Redmon, Divvala, Girshick and Farhadi (2016), *You only look once: unified, real-time object
detection*, CVPR, arXiv:1506.02640, section 2; the way in which boxes are written is that of
Redmon and Farhadi (2017), *YOLO9000*, arXiv:1612.08242, section 2. The cell that holds the centre
of an object is to find it. A cell's numbers o, t_x, t_y, t_w, t_h, c_1 … c_K mean

    P(there is an object) = σ(o)                   P(class k | object) = softmax(c)_k
    centre = s · (column + σ(t_x), row + σ(t_y))   size = r · (exp t_w, exp t_h)

with cells of s × s pixels and a reference length of r pixels.

Shapes: B images in a batch, C channels, H × W pixels, R × S rows and columns of cells, K classes.

What differs from the papers: one box per cell and no anchors; objectness is a probability with a
cross-entropy, not a predicted IoU with a squared error; so are the classes. The network is small,
made of 3×3 convolutions with batch normalisation, two a stage, the first with stride 2.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from companion.checks import image_batch, number
from companion.vision.boxes import Detections, nms
from companion.vision.resnet_torch import ConvNorm

__all__ = ["Detector", "decode", "detect", "detection_loss", "detection_losses", "encode", "stages"]

_BOX_WEIGHT = 5.0  # of the boxes in the loss, λ_coord of the paper
_RARE = -3.0  # the first objectness logit: 5 % of the cells


def stages(config):
    """Return the stages of a config, each a list of two layers: it halves the image, then looks."""
    channels = config.image[2], *config.widths
    return nn.ModuleList(
        nn.ModuleList([ConvNorm(before, width, 3, 2), ConvNorm(width, width, 3, 1)])
        for before, width in pairwise(channels)
    )


class Detector(nn.Module):
    """Stages that halve the image, then a 1×1 convolution with the numbers of each cell.

    Args:
        config: A `companion.vision.scene_config.DetectorConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.stages = stages(config)
        self.head = nn.Conv2d(config.widths[-1], config.outputs, 1)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[0] = _RARE
        self.to(memory_format=torch.channels_last)

    def forward(self, images):
        """Return what each cell says, before σ, exp and softmax.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            Shape (B, R, S, 5 + K): o, t_x, t_y, t_w, t_h, c_1 … c_K.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (images, self.head.weight))
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        hidden = images.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            for layer in stage:
                hidden = F.relu(layer(hidden))  # (B, width, H / 2, W / 2), and so on
        return self.head(hidden).permute(0, 2, 3, 1)  # (B, R, S, 5 + K)


def encode(boxes, labels, config):
    """Write the truth of several images as targets, cell by cell.

    Of two objects with their centres in one cell only the later one can be written down.

    Args:
        boxes: One array (k, 4) per image, in pixels.
        labels: One array (k,) of classes per image.
        config: The detector's config.

    Returns:
        objects: Float32, shape (B, R, S): 1 where a cell has an object.
        places: Float32, shape (B, R, S, 4): the centre within its cell, ln of the size / reference.
        classes: Int64, shape (B, R, S); 0 where there is no object.

    Raises:
        ValueError: If there is no image, the lists differ in length, a box is none or reaches out
            of the image, or a class is not known.
    """
    if len(boxes) != len(labels) or len(boxes) == 0:
        raise ValueError(
            f"boxes has {len(boxes)} arrays and labels {len(labels)}; expected one of each for "
            "every image, and at least one image"
        )
    shape = (len(boxes), *config.grid)
    objects, places = np.zeros(shape, np.float32), np.zeros((*shape, 4), np.float32)
    classes = np.zeros(shape, np.int64)
    for image, truth in enumerate(zip(boxes, labels, strict=True)):
        found, kinds = config.check_truth(*truth)
        centres = (found[:, :2] + found[:, 2:]) / 2 / config.cell  # (k, 2): x, y in cells
        corner = np.minimum(centres.astype(int), np.array(config.grid[::-1]) - 1)
        sizes = np.log((found[:, 2:] - found[:, :2]) / config.reference)
        for (column, row), centre, size, kind in zip(corner, centres, sizes, kinds, strict=True):
            objects[image, row, column] = 1
            places[image, row, column] = *(centre - (column, row)), *size
            classes[image, row, column] = kind
    return objects, places, classes


def detection_losses(outputs, targets):
    """Return the three parts of the loss, each the sum over the cells of an image, averaged.

    Args:
        outputs: What `Detector` returns, shape (B, R, S, 5 + K).
        targets: Tensors objects, places and classes as `encode` writes them.

    Returns:
        A dict of scalars: "objectness", "box" and "class".

    Raises:
        ValueError: If the shapes do not belong together, or there is no image.
    """
    objects, places, classes = targets
    found = [tuple(tensor.shape) for tensor in (outputs[..., 0], objects, classes, places[..., 0])]
    if len(set(found)) > 1 or len(outputs) == 0 or places.shape[-1] != 4:
        raise ValueError(
            f"outputs have shape {tuple(outputs.shape)}, objects {found[1]}, places "
            f"{tuple(places.shape)} and classes {found[2]}; expected (B, R, S, 5 + K), (B, R, S), "
            "(B, R, S, 4) and (B, R, S) with B at least 1"
        )
    has, batch = objects.bool(), len(outputs)
    objectness = F.binary_cross_entropy_with_logits(outputs[..., 0], objects, reduction="sum")
    inside = outputs[has]  # (cells with an object, 5 + K)
    centres, sizes = inside[:, 1:3].sigmoid(), inside[:, 3:5]
    box = (torch.cat([centres, sizes], dim=1) - places[has]).square().sum()
    kind = F.cross_entropy(inside[:, 5:], classes[has], reduction="sum")
    return {"objectness": objectness / batch, "box": box / batch, "class": kind / batch}


def detection_loss(outputs, targets):
    """Return objectness + 5 · box + class, a scalar; see `detection_losses`."""
    parts = detection_losses(outputs, targets)
    return parts["objectness"] + _BOX_WEIGHT * parts["box"] + parts["class"]


def decode(outputs, config):
    """Turn what the cells say into boxes.

    Args:
        outputs: What `Detector` returns, shape (B, R, S, 5 + K).
        config: The detector's config.

    Returns:
        boxes: Shape (B, R·S, 4), in pixels, cut at the borders of the image.
        scores: Shape (B, R·S): P(object) · P(class | object) of the likeliest class.
        labels: Shape (B, R·S): that class.

    Raises:
        ValueError: If the shape is another.
    """
    if outputs.ndim != 4 or outputs.shape[1:] != (*config.grid, config.outputs):
        raise ValueError(
            f"outputs have shape {tuple(outputs.shape)}; "
            f"expected (B, {', '.join(map(str, (*config.grid, config.outputs)))})"
        )
    rows, columns = (torch.arange(n, device=outputs.device) for n in config.grid)
    corner = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # (R, S, 2): x, y
    centres = config.cell * (corner + outputs[..., 1:3].sigmoid())
    halves = config.reference * outputs[..., 3:5].clamp(-8, 8).exp() / 2
    boxes = torch.cat([centres - halves, centres + halves], dim=-1).flatten(1, 2)
    height, width = config.image[:2]
    boxes = torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))
    kinds, labels = outputs[..., 5:].softmax(dim=-1).max(dim=-1)
    return boxes, (outputs[..., 0].sigmoid() * kinds).flatten(1), labels.flatten(1)


@torch.no_grad()
def detect(model, images, threshold=0.05, overlap=0.5):
    """Find the objects on images: one pass, decoding, suppression; boxes of all classes compete.

    Args:
        model: A `Detector`; it is put into evaluation mode.
        images: A NumPy array of float32 from 0 to 1, shape (B, H, W, C), as `scenes` has them.
        threshold: The least score of a box that is returned, from 0 to 1.
        overlap: See `companion.vision.boxes.nms`.

    Returns:
        A list with the `Detections` of each image.

    Raises:
        ValueError: If shape or range of the images, or a number, is another.
        TypeError: If the images are no float32 array.
    """
    threshold, overlap = number("threshold", threshold, 0, 1), number("overlap", overlap, 0, 1)
    batch = torch.from_numpy(np.ascontiguousarray(image_batch(images)))
    if batch.ndim != 4:
        raise ValueError(f"images have shape {images.shape}; expected (B, H, W, C)")
    outputs = model.eval()(batch.permute(0, 3, 1, 2).to(model.head.weight.device))
    decoded = (tensor.cpu().numpy() for tensor in decode(outputs, model.config))
    found = []
    for boxes, scores, labels in zip(*decoded, strict=True):
        sure = np.flatnonzero(scores >= threshold)
        kept = sure[nms(boxes[sure], scores[sure], overlap)]
        found.append(Detections(boxes[kept], scores[kept], labels[kept]))
    return found
