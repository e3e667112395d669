"""A drawing of one's own: an image file in, an image as the digit classifiers expect it out.

The drawing is brought into MNIST's layout (LeCun and others 1998): light ink on black, its longer
side scaled to 20/28 of the frame. In MNIST the ink's centre of mass stands in the middle of the
frame. The digits that scikit-learn bundles (`companion.data.digits`) were put there by the box
around them, so the two sets need different drawings: a classifier expects what it was trained on.
"""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from scipy.ndimage import shift

from companion.checks import natural, one_of

__all__ = ["CENTRES", "load", "normalised"]

CENTRES = ("box", "mass")

_INK = 20 / 28  # in MNIST's layout, a digit fills the middle 20 of 28 pixels
_FAINTEST = 0.2  # of the way from paper to white or black; less is dust or a shadow
_MOST_INK = 0.6  # of the drawing; more is a photograph or a filled square
_LARGEST = 4096  # pixels to a side


def load(path, size=28, centre="box"):
    """Read a drawing of one digit, dark on light or light on dark, with or without colour.

    Args:
        path: A PNG, JPEG or other image file that Pillow reads. What is transparent is white.
        size: Pixels to a side of the result, at least 8.
        centre: What stands in the middle: the "box" around the ink, or its centre of "mass".

    Returns:
        Float32, shape (size, size), from 0 (paper) to 1 (ink).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no image, an empty or damaged one, or shows no drawing.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; expected an image such as drawing.png")
    try:
        with Image.open(path) as picture:
            if max(picture.size) > _LARGEST:
                width, height = picture.size
                raise ValueError(
                    f"{path.name} is {width} × {height}; expected at most {_LARGEST} to a side"
                )
            pixels = picture.convert("RGBA")
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path.name} is no image that can be read; expected PNG or JPEG"
        ) from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path.name} is damaged ({error}); expected a whole image") from error
    paper = Image.new("RGBA", pixels.size, "white")
    grey = Image.alpha_composite(paper, pixels).convert("L")
    try:
        return normalised(np.asarray(grey, dtype=np.float32) / 255, size, centre)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def normalised(grey, size=28, centre="box"):
    """Bring one drawing into MNIST's layout.

    The paper's brightness is the median along the border; ink is what differs from it.

    Args:
        grey: From 0 (black) to 1 (white), shape (h, w), at least 8 to a side.
        size: Pixels to a side of the result, at least 8.
        centre: See `load`.

    Returns:
        Float32, shape (size, size), from 0 (paper) to 1 (ink).

    Raises:
        ValueError: If an argument is none of these, there is no ink, or too much of it.
    """
    size, centre = natural("size", size, 8), one_of("centre", centre, CENTRES)
    grey = np.asarray(grey, dtype=np.float32)
    if grey.ndim != 2 or min(grey.shape) < 8:
        raise ValueError(f"the drawing has shape {grey.shape}; expected (h, w), both at least 8")
    if not (grey.min() >= 0 and grey.max() <= 1):  # a NaN is neither
        raise ValueError(f"grey is from {grey.min():g} to {grey.max():g}; expected 0 to 1")
    ink = _ink(grey)
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _framed(ink, size, centre)


def _ink(grey):
    """Return ink from 0 to 1, whatever is dark and whatever is light."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    ink = np.abs(grey - np.median(border))
    strongest = float(ink.max())
    if strongest < _FAINTEST:
        raise ValueError(
            f"the strongest stroke differs from the paper by {strongest:.2f}; "
            f"expected at least {_FAINTEST}: draw one digit, dark on light or light on dark"
        )
    ink = ink / strongest
    ink[ink < _FAINTEST] = 0
    share = float(np.mean(ink > 0))
    if share > _MOST_INK:
        raise ValueError(
            f"{share:.0%} of the drawing is ink; expected at most {_MOST_INK:.0%}, "
            "one digit on a plain ground"
        )
    return ink


def _framed(ink, size, centre):
    """Scale the ink to its part of the frame and put its centre into the middle."""
    scale = round(size * _INK) / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    picture = np.array(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))
    top, left = (size - height) // 2, (size - width) // 2
    frame = np.zeros((size, size), dtype=np.float32)
    frame[top : top + height, left : left + width] = picture
    if centre == "mass":
        places = np.indices(frame.shape)
        move = (size - 1) / 2 - (places * frame).sum(axis=(1, 2)) / frame.sum()
        room = np.array([[top, left], [size - height - top, size - width - left]])
        frame = shift(frame, np.clip(move, -room[0], room[1]), order=1)  # no ink leaves the frame
    return (frame / frame.max()).astype(np.float32)
