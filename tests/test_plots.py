"""Figures carry labels, differ without colour, and repeat byte for byte."""

import io

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from companion.plots import COLOURS, INK, curves, heatmap, image_grid, use_book_style


@pytest.fixture(autouse=True)
def _book_style():
    with mpl.rc_context():
        use_book_style()
        yield
    plt.close("all")


def _luminance(colour):
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(("paper", "least"), [("#ffffff", 4.5), ("#111111", 3.0)])
def test_ink_reads_on_light_and_dark(paper, least):
    bright, dim = sorted((_luminance(INK) + 0.05, _luminance(paper) + 0.05), reverse=True)
    assert bright / dim >= least


def test_curves_differ_in_line_style_as_well_as_colour():
    lines = {str(k): ([0, 1], [k, k]) for k in range(len(COLOURS))}
    ax = curves(lines, xlabel="step", ylabel="loss", logy=True)
    drawn = {(line.get_linestyle(), line.get_color()) for line in ax.lines}
    assert len({colour for _, colour in drawn}) == len(drawn) == len(COLOURS)
    dashes = {str(line._dash_pattern) for line in ax.lines}
    assert len(dashes) == len(COLOURS)
    assert ax.get_yscale() == "log"
    assert ax.get_legend() is not None


@pytest.mark.parametrize("label", ["", " ", None])
def test_labels_are_required(label):
    with pytest.raises(ValueError, match="axis label"):
        curves({"a": ([0], [1])}, xlabel=label, ylabel="loss")
    with pytest.raises(ValueError, match="axis label"):
        heatmap(np.eye(2), xlabel="x", ylabel="y", value_label=label)


def test_unequal_series_are_refused():
    with pytest.raises(ValueError, match="'a' has 2 x values and 1 y values"):
        curves({"a": ([0, 1], [1])}, xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match="series is empty"):
        curves({}, xlabel="x", ylabel="y")


def test_an_image_grid_shows_every_image_once():
    figure = image_grid(np.zeros((5, 8, 8)), titles="abcde", columns=3)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(figure.axes) == 6
    assert [ax.get_title() for ax in shown] == list("abcde")


@pytest.mark.parametrize("shape", [(8, 8), (0, 8, 8), (2, 8, 8, 4)])
def test_an_image_grid_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="expected"):
        image_grid(np.zeros(shape))


def test_an_image_grid_refuses_missing_titles():
    with pytest.raises(ValueError, match="1 texts for 2 images"):
        image_grid(np.zeros((2, 4, 4)), titles=["a"])


def test_a_heatmap_writes_readable_values():
    ax = heatmap(
        np.array([[0.0, 1.0]]),
        xlabel="predicted",
        ylabel="true",
        value_label="count",
        xticks=["no", "yes"],
        annotate="{:.1f}",
    )
    assert [text.get_text() for text in ax.texts] == ["0.0", "1.0"]
    assert [text.get_color() for text in ax.texts] == ["white", "black"]
    with pytest.raises(ValueError, match="1 tick names for 2"):
        heatmap(np.eye(2), xlabel="x", ylabel="y", value_label="v", yticks=["a"])
    with pytest.raises(ValueError, match="expected \\(rows, columns\\)"):
        heatmap(np.zeros(3), xlabel="x", ylabel="y", value_label="v")


def test_the_same_figure_gives_the_same_bytes():
    def picture():
        ax = curves({"a": ([0, 1, 2], [3, 1, 2])}, xlabel="x", ylabel="y")
        buffer = io.BytesIO()
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    assert picture() == picture()
