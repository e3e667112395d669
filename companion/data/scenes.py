"""Glyphs on photographs, with the truth about them: boxes, classes and masks.

Made for detection and segmentation. A scene is a random crop of one of the two photographs that
scikit-learn brings along (a temple in China, a flower), one to `max_objects` characters of
`companion.data.glyphs` in random colours, sizes and places on it. The crops of training scenes
come from the left two thirds of the photographs, those of test scenes from the right third, so
with `fonts="test"` neither the typefaces nor the backgrounds were seen in training.

A character is drawn by opacity: where its ink is a, the pixel is a · colour + (1 - a) · photograph.
Its colour is drawn again until its brightness differs from that of the photograph behind it by at
least `CONTRAST`. Characters keep clear of each other's boxes, but for `overlap`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn.datasets import load_sample_images

from companion.checks import natural, number, one_of
from companion.data import glyphs

__all__ = ["CONTRAST", "Scenes", "generate"]

CONTRAST = 0.35  # in brightness, where black is 0 and white 1

_SIZES = (24, 32, 40, 48)  # of the glyphs' frames in pixels, whose middle 20/28 is ink
_INK = 0.5  # opacity from which on a pixel belongs to a character
_TRIES = 30  # for the place of a character, before the scene goes without it
_BRIGHTNESS = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green and blue


@dataclass(frozen=True)
class Scenes:
    """Images of n scenes and what is on them.

    Attributes:
        images: Float32, shape (n, size, size, 3), from 0 to 1.
        boxes: One float32 array (k, 4) per scene: x0, y0, x1, y1 in pixels from the upper left
            corner, right around the ink; a pixel reaches from its index to the next integer.
        labels: One int64 array (k,) per scene: indices into the characters.
        masks: Int64, shape (n, size, size): 0 for background, 1 + label where there is ink.
    """

    images: np.ndarray
    boxes: list[np.ndarray]
    labels: list[np.ndarray]
    masks: np.ndarray

    def __len__(self):
        return len(self.images)


def generate(
    n,
    size=96,
    characters="0123456789",
    fonts="train",
    seed=0,
    max_objects=3,
    distortion=1.0,
    overlap=0.0,
):
    """Draw `n` scenes.

    Args:
        n: How many, at least 1.
        size: Height and width of a scene in pixels, from 64 to 200.
        characters: See `companion.data.glyphs.generate`.
        fonts: "train" or "test", which chooses the parts of the photographs too.
        seed: Of NumPy's generator, at least 0; the same seed gives the same scenes.
        max_objects: A scene has 1 to this many characters, each number as often; at least 1. Where
            no room is found for another, there are fewer.
        distortion: See `companion.data.glyphs.generate`.
        overlap: How much of the smaller box of two may be covered by the other, from 0 to 0.5.
            Later characters cover earlier ones, in the masks too; boxes stay as they were drawn.

    Returns:
        The `Scenes`.

    Raises:
        ValueError: If an argument is none of these.
    """
    if natural("size", size, 64) > 200:
        raise ValueError(f"size is {size}; expected at most 200: the photographs are not larger")
    one_of("fonts", fonts, ("train", "test"))
    overlap = number("overlap", overlap, 0, 0.5)
    rng = np.random.default_rng(natural("seed", seed, 0))
    counts = rng.integers(1, natural("max_objects", max_objects, 1) + 1, size=natural("n", n, 1))
    drawn = _glyphs(int(counts.sum()), characters, fonts, rng, distortion)
    scenes = []
    for count in counts:
        image = _crop(size, fonts, rng)
        scenes.append(_composed(image, [next(drawn) for _ in range(count)], rng, overlap))
    images, boxes, labels, masks = zip(*scenes, strict=True)
    return Scenes(np.stack(images), list(boxes), list(labels), np.stack(masks))


def _glyphs(count, characters, fonts, rng, distortion):
    """Yield `count` pairs of opacity, cropped to the ink, and label, in random sizes."""
    pools, sizes = {}, rng.integers(len(_SIZES), size=count)
    for kind, size in enumerate(_SIZES):
        wanted = max(1, int((sizes == kind).sum()))  # one checks the arguments even if none is used
        seed = int(rng.integers(2**31))
        found = glyphs.generate(wanted, size, characters, fonts, seed, distortion)
        pools[kind] = zip(*found, strict=True)
    for kind in sizes:
        opacity, label = next(pools[kind])
        opacity = opacity / opacity.max()  # thin strokes too are opaque somewhere
        rows, columns = (np.flatnonzero((opacity > _INK).any(axis=axis)) for axis in (1, 0))
        yield opacity[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(label)


@lru_cache(maxsize=1)
def _photographs():
    return [np.float32(image) / 255 for image in load_sample_images().images]


def _crop(size, fonts, rng):
    """Return a copy of a random square of one photograph, half of them mirrored."""
    photographs = _photographs()
    photograph = photographs[rng.integers(len(photographs))]
    border = photograph.shape[1] * 2 // 3
    part = photograph[:, :border] if fonts == "train" else photograph[:, border:]
    top, left = (rng.integers(length - size + 1) for length in part.shape[:2])
    square = part[top : top + size, left : left + size].copy()
    return square[:, ::-1].copy() if rng.random() < 0.5 else square


def _composed(image, drawn, rng, overlap):
    """Draw characters on an image; return image, boxes, labels and mask."""
    boxes, labels = [], []
    mask = np.zeros(image.shape[:2], dtype=np.int64)
    for opacity, label in drawn:
        box = _place(opacity.shape, len(image), boxes, rng, overlap)
        if box is None:
            continue
        place = np.s_[box[1] : box[3], box[0] : box[2]]
        colour = _colour(image[place], rng)
        image[place] += opacity[..., None] * (colour - image[place])
        mask[place][opacity > _INK] = 1 + label
        boxes.append(box)
        labels.append(label)
    return image, np.array(boxes, dtype=np.float32), np.array(labels, dtype=np.int64), mask


def _place(shape, size, boxes, rng, overlap):
    """Find a box (x0, y0, x1, y1) that keeps clear of the others, or return None."""
    height, width = shape
    for _ in range(_TRIES):
        x, y = int(rng.integers(size - width + 1)), int(rng.integers(size - height + 1))
        box = (x, y, x + width, y + height)
        if all(_covered(box, other) <= overlap for other in boxes):
            return box
    return None


def _covered(a, b):
    """Return the intersection of two boxes as a share of the smaller one."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / min(areas)


def _colour(background, rng):
    """Draw red, green and blue that stand out from what is behind."""
    behind = float((background @ _BRIGHTNESS).mean())
    while True:
        colour = rng.random(3, dtype=np.float32)
        if abs(float(colour @ _BRIGHTNESS) - behind) >= CONTRAST:
            return colour
