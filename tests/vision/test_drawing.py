"""A drawing of one's own: what comes out of a file, and which files are refused."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from companion.data import digits
from companion.vision import drawing


def drawn(ground="white", pen="black", mode="RGB", box=(90, 40, 140, 160)):
    """A picture of 200 × 200 with a ring, drawn well off its middle."""
    picture = Image.new(mode, (200, 200), ground)
    ImageDraw.Draw(picture).ellipse(box, outline=pen, width=12)
    return picture


def saved(folder, picture, name="drawing.png"):
    path = folder / name
    picture.save(path)
    return path


def centre_of_mass(image):
    return (np.indices(image.shape) * image).sum(axis=(1, 2)) / image.sum()


@pytest.mark.parametrize("size", [8, 20, 28])
def test_a_drawing_gets_the_layout_of_mnist(tmp_path, size):
    image = drawing.load(saved(tmp_path, drawn()), size)
    assert image.shape == (size, size) and image.dtype == np.float32
    assert image.min() == 0 and image.max() == 1
    rows = np.flatnonzero(image.max(axis=1) > 0.3)
    assert abs(rows[-1] - rows[0] + 1 - round(size * 20 / 28)) <= 1
    np.testing.assert_allclose(centre_of_mass(image), (size - 1) / 2, atol=0.51)  # a whole pixel


def test_place_and_size_on_the_sheet_do_not_matter():
    near, far = (
        np.asarray(drawn(box=box).convert("L"), dtype=np.float32) / 255
        for box in [(10, 10, 60, 130), (130, 60, 180, 180)]
    )
    np.testing.assert_allclose(drawing.normalised(near), drawing.normalised(far), atol=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"ground": "black", "pen": "white"},
        {"ground": (40, 40, 120), "pen": (240, 240, 250)},
        {"ground": (0, 0, 0, 0), "pen": (0, 0, 0, 255), "mode": "RGBA"},
        {"ground": 255, "pen": 0, "mode": "L"},
    ],
    ids=["light on dark", "in colour", "transparent paper", "grey"],
)
def test_paper_and_colour_do_not_matter(tmp_path, changed):
    expected = drawing.load(saved(tmp_path, drawn()))
    found = drawing.load(saved(tmp_path, drawn(**changed), "other.png"))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_digit_of_the_set_stays_nearly_as_it_is():
    images, _ = digits.load(28)
    alike = [
        np.corrcoef(drawing.normalised(1 - image).ravel(), image.ravel())[0, 1]
        for image in images[:300]
    ]
    assert np.median(alike) > 0.9


def test_the_centre_of_mass_or_of_the_box_stands_in_the_middle():
    seven = np.ones((100, 100), dtype=np.float32)
    seven[20:30, 30:70] = 0  # a heavy bar on top of a thin stroke
    seven[30:80, 60:70] = 0
    by_mass = drawing.normalised(seven, centre="mass")
    np.testing.assert_allclose(centre_of_mass(by_mass), 13.5, atol=0.1)
    rows, columns = (np.flatnonzero((drawing.normalised(seven) > 0).any(axis=a)) for a in (1, 0))
    assert abs(rows[0] + rows[-1] - 27) <= 1 and abs(columns[0] + columns[-1] - 27) <= 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.png is no file; expected an image"):
        drawing.load(tmp_path / "nothing.png")
    with pytest.raises(FileNotFoundError, match="is no file"):
        drawing.load(tmp_path)


def test_what_is_no_image_is_refused(tmp_path):
    path = tmp_path / "drawing.png"
    path.write_text("seven")
    with pytest.raises(ValueError, match=r"drawing\.png is no image that can be read; expected"):
        drawing.load(path)


def test_half_a_file_is_refused(tmp_path):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(256, size=(64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(whole, "PNG")
    path = tmp_path / "half.png"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(ValueError, match=r"half\.png is damaged .* expected a whole image"):
        drawing.load(path)


def test_a_poster_is_refused(tmp_path):
    path = saved(tmp_path, Image.new("L", (5000, 10)))
    with pytest.raises(ValueError, match=r"is 5000 × 10; expected at most 4096 to a side"):
        drawing.load(path)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (Image.new("L", (50, 50), 255), "the strongest stroke differs from the paper by 0.00"),
        (drawn("white", (230, 230, 230)), "strongest stroke differs from the paper by 0.10"),
        (drawn(box=(1, 1, 199, 199)).resize((4, 4)), r"shape \(4, 4\); expected \(h, w\)"),
    ],
    ids=["empty", "faint", "tiny"],
)
def test_a_sheet_without_a_drawing_is_refused(tmp_path, picture, message):
    with pytest.raises(ValueError, match=rf"drawing\.png: .*{message}"):
        drawing.load(saved(tmp_path, picture))


def test_a_filled_sheet_is_refused(tmp_path):
    picture = Image.new("L", (50, 50), 255)
    picture.paste(0, (1, 1, 49, 49))
    with pytest.raises(ValueError, match="92% of the drawing is ink; expected at most 60%"):
        drawing.load(saved(tmp_path, picture))


@pytest.mark.parametrize(
    ("grey", "size", "message"),
    [
        (np.zeros((10, 10, 3)), 28, r"shape \(10, 10, 3\); expected \(h, w\)"),
        (np.full((10, 10), 255.0), 28, "grey is from 255 to 255; expected 0 to 1"),
        (np.full((10, 10), np.nan), 28, "grey is from nan to nan; expected 0 to 1"),
        (np.eye(10), 7, "size is 7; expected an integer of at least 8"),
    ],
)
def test_other_arrays_are_refused(grey, size, message):
    with pytest.raises(ValueError, match=message):
        drawing.normalised(grey, size)


def test_another_centre_is_refused():
    with pytest.raises(ValueError, match="centre is 'middle'; expected one of 'box', 'mass'"):
        drawing.normalised(np.eye(10), centre="middle")
