"""Characters rendered from the fonts that matplotlib brings along, each one a little different.

Any number of labelled images without a download. Each draws a font and a character, and is then
turned, slanted, scaled, shifted and bent (see `companion.data.warp`). `distortion` multiplies the
size of all changes. At 1 they are of independent images:

    rotation   ~ Normal(0, 8²) degrees          scale ~ log-normal around 1 with log-sd 0.12
    shear      ~ Normal(0, 0.15²)               shift ~ Normal(0, (size/28)²) pixels, down and right
    elastic      smoothed noise with a standard deviation of size/28 · 0.6 pixels

all cut at two standard deviations but the elastic one. At 0 the longer side of the ink fills the
middle 20/28 of the image, as in MNIST: small letters are as large as capitals.

The fonts of `FONTS["test"]` are of other typefaces than those of `FONTS["train"]`: a model that
reads them has learnt characters, not files.
"""

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font

from companion.checks import natural, number, one_of
from companion.data.warp import matrices, smooth_displacements, warp

__all__ = ["FONTS", "generate"]

_DEJAVU = ("", "-Bold", "-Oblique", "-BoldOblique")
_STIX = ("", "Bol", "Italic", "BolIta")
_TRAIN = (
    *(f"DejaVuSans{style}" for style in _DEJAVU),
    *(f"DejaVuSansMono{style}" for style in _DEJAVU),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *("cmr10", "cmb10", "cmti10", "cmmi10"),  # Computer Modern: serif, bold, italic, old-style
)
_TEST = (*(f"STIXGeneral{style}" for style in _STIX), "cmss10", "cmtt10")  # sans and typewriter

# Which fonts are for what: the names of matplotlib's files. "all" is both together.
FONTS = {"train": _TRAIN, "test": _TEST, "all": _TRAIN + _TEST}

_INK = 20 / 28  # of the image is filled by the larger side of an undistorted glyph
_FINER = 2  # glyphs are rendered with this many pixels per pixel of the image
_OVERSAMPLING = 4  # and these are means of 4 × 4, because FreeType fits outlines to whole pixels


def generate(n, size=28, characters="0123456789", fonts="train", seed=0, distortion=1.0):
    """Draw `n` images of characters.

    Args:
        n: How many, at least 1.
        size: Height and width in pixels, at least 8.
        characters: Different letters and digits of ASCII, which all these fonts have.
        fonts: "train", "test" or "all", see `FONTS`.
        seed: Of NumPy's generator, at least 0; the same seed gives the same images.
        distortion: What the random changes are multiplied by, from 0 (none) to 3.

    Returns:
        images: Float32, shape (n, size, size), from 0 (paper) to 1 (ink).
        labels: Int64, shape (n,), indices into `characters`.

    Raises:
        ValueError: If an argument is none of these.
    """
    n, size = natural("n", n, 1), natural("size", size, 8)
    faces = FONTS[one_of("fonts", fonts, FONTS)]
    number("distortion", distortion, 0, 3)
    _check_characters(characters)
    rng = np.random.default_rng(natural("seed", seed, 0))
    labels = rng.integers(len(characters), size=n)
    chosen = rng.integers(len(faces), size=n)
    drawn = zip(chosen, labels, strict=True)
    glyphs = np.stack([_rendered(faces[face], characters[label], size) for face, label in drawn])
    return _distorted(glyphs.astype(np.float32) / 255, size, rng, distortion), labels


def _check_characters(characters):
    if not isinstance(characters, str) or not characters:
        raise ValueError(f"characters is {characters!r}; expected a string such as '0123456789'")
    # Computer Modern has other signs than ASCII where this has its punctuation marks.
    known = characters.isascii() and characters.isalnum()
    if not known or len(set(characters)) < len(characters):
        raise ValueError(
            f"characters is {characters!r}; expected different letters and digits of ASCII"
        )


def _distorted(glyphs, size, rng, distortion):
    """Bring glyphs of `_FINER` times the size to the size, each changed by chance."""
    n, pixel = len(glyphs), size / 28
    normal = np.clip(rng.standard_normal((n, 5)), -2, 2) * distortion
    maps = matrices(8 * normal[:, 0], 0.15 * normal[:, 1], np.exp(0.12 * normal[:, 2]))
    bend = smooth_displacements(rng, n, size, size, sigma=4 * pixel)
    bend *= 0.6 * pixel * distortion
    shift = -np.einsum("nij,nj->ni", maps, pixel * normal[:, 3:])
    return warp(glyphs, _FINER * maps, _FINER * shift, _FINER * bend, (size, size))


@lru_cache(maxsize=4096)
def _rendered(face, character, size):
    """Return one glyph, its ink in the middle: bytes (2·size, 2·size), not to be written to."""
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{face}.ttf")))
    side = _OVERSAMPLING * _FINER * size
    points = target = side * _INK
    for _ in range(2):  # the first attempt shows how large the ink comes out
        font.set_size(points, 72)
        font.set_text(character)
        font.draw_glyphs_to_bitmap(antialiased=True)
        ink = _cropped(np.asarray(font.get_image()))
        points *= target / max(ink.shape)
    canvas = np.zeros((side, side), dtype=np.float32)
    top, left = ((side - length) // 2 for length in ink.shape)
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    blocks = canvas.reshape(_FINER * size, _OVERSAMPLING, _FINER * size, _OVERSAMPLING)
    glyph = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    glyph.setflags(write=False)
    return glyph


def _cropped(bitmap):
    """Cut away the empty rows and columns around the ink."""
    rows, columns = (np.flatnonzero(bitmap.any(axis=axis)) for axis in (1, 0))
    return bitmap[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
