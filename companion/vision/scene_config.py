"""Configurations of the detector and the segmenter, and what both ask of a scene's truth."""

from dataclasses import dataclass

import numpy as np

from companion.checks import natural, number
from companion.vision.boxes import as_boxes
from companion.vision.config import ImageConfig, image_size, naturals

__all__ = ["DetectorConfig", "SegmenterConfig"]


class _StagedConfig(ImageConfig):
    """What the two share: fields image, classes and widths, and a factor 2 for each halving."""

    def _tidy(self):
        widths = naturals("widths", self.widths, "channels of each stage such as (16, 32)")
        if not widths:
            raise ValueError("widths is (); expected at least one stage")
        object.__setattr__(self, "image", image_size(self.image))
        object.__setattr__(self, "classes", natural("classes", self.classes, 1))
        object.__setattr__(self, "widths", widths)
        factor = 2 ** len(widths)
        if self.image[0] % factor or self.image[1] % factor:
            raise ValueError(
                f"image is {self.image}; expected a height and a width that {factor} divides, "
                f"because each of {len(widths)} stages halves them"
            )


@dataclass(frozen=True)
class DetectorConfig(_StagedConfig):
    """The shape of a one-stage detector: stages that each halve the image, then a grid of cells.

    Attributes:
        image: Height, width and channels of an image; 2^stages must divide height and width.
        classes: Kinds of objects, at least 1.
        widths: Channels of each stage, first to last; at least one stage.
        reference: A typical side of a box in pixels, above 0. Sizes are predicted as logarithms
            of how many times larger a box is.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    classes: int
    widths: tuple[int, ...] = (16, 32, 64)
    reference: float = 20.0

    def __post_init__(self):
        self._tidy()
        reference = number("reference", self.reference, 0)
        if reference == 0:
            raise ValueError("reference is 0; expected a number of pixels above 0")
        object.__setattr__(self, "reference", reference)

    @property
    def cell(self):
        """The side of a cell in pixels."""
        return 2 ** len(self.widths)

    @property
    def grid(self):
        """Rows and columns of cells."""
        return self.image[0] // self.cell, self.image[1] // self.cell

    @property
    def outputs(self):
        """Numbers per cell: objectness, x, y, width, height, and a logit for each class."""
        return 5 + self.classes

    def check_truth(self, boxes, labels):
        """Return the boxes and classes of one image, both checked.

        Args:
            boxes: Shape (k, 4), in pixels; k may be 0.
            labels: Integers, shape (k,), from 0 to below `classes`.

        Returns:
            Float64 (k, 4) and int64 (k,).

        Raises:
            ValueError: If a box is none or reaches out of the image, or a class is not known.
        """
        boxes, labels = as_boxes("boxes", boxes), np.asarray(labels)
        height, width = self.image[:2]
        outside = (boxes < 0) | (boxes > (width, height, width, height))
        if outside.any():
            place = int(np.flatnonzero(outside.any(axis=1))[0])
            raise ValueError(
                f"boxes[{place}] is {boxes[place].tolist()}, which reaches out of the image; "
                f"expected x from 0 to {width} and y from 0 to {height}"
            )
        if labels.shape != (len(boxes),):
            raise ValueError(
                f"labels have shape {labels.shape}; expected ({len(boxes)},), one for each box"
            )
        return boxes, check_classes("labels", labels, self.classes)


@dataclass(frozen=True)
class SegmenterConfig(_StagedConfig):
    """The shape of a fully convolutional network: a detector's stages, and the way back.

    Attributes:
        image: Height, width and channels of an image; 2^stages must divide height and width.
        classes: Kinds of objects, at least 1; the background comes on top.
        widths: Channels of each stage, first to last; at least one stage.
        fine: Channels of the convolution at the full size, at least 1; unused without skips.
        skips: Whether the scores of earlier stages are added on the way back to the full size.

    Raises:
        ValueError: If a field is none of these.
    """

    image: tuple[int, int, int]
    classes: int
    widths: tuple[int, ...] = (16, 32, 64)
    fine: int = 12
    skips: bool = True

    def __post_init__(self):
        self._tidy()
        object.__setattr__(self, "fine", natural("fine", self.fine, 1))
        if not isinstance(self.skips, bool):
            raise ValueError(f"skips is {self.skips!r}; expected True or False")

    @property
    def outputs(self):
        """Scores per pixel: the background, then the classes."""
        return 1 + self.classes


def check_classes(name, labels, classes):
    """Return integers from 0 to below `classes` as int64.

    Raises:
        ValueError: If they are no integers, or one is outside.
    """
    labels = np.asarray(labels)
    if labels.size == 0:
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} are {labels.dtype}; expected integers")
    strange = (labels < 0) | (labels >= classes)
    if strange.any():
        raise ValueError(
            f"{name} hold {labels[strange][0].item()}; expected classes from 0 to {classes - 1}"
        )
    return labels.astype(np.int64)
