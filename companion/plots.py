"""One look for every figure of the course.

Figures are SVG with a transparent ground, mid-grey ink that reads on white and on black, and the
colours of Okabe and Ito (2008), which people with colour-blindness can tell apart.
"""

import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

__all__ = ["COLOURS", "INK", "curves", "heatmap", "image_grid", "use_book_style"]

INK = "#6b6b6b"
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
}
_LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))

_STYLE = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": mpl.cycler(color=list(COLOURS.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "figure.figsize": (6.4, 3.6),
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "grid.alpha": 0.25,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "savefig.bbox": "tight",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "companion",  # the same figure gives the same bytes, so git shows real changes
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def use_book_style():
    """Switch matplotlib to the style of the course; in a notebook, also to SVG output."""
    plt.rcParams.update(_STYLE)
    from companion.claims import in_notebook

    if in_notebook():
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")
        formatter = get_ipython().display_formatter.formatters["image/svg+xml"]
        formatter.for_type(Figure, _compact_svg)


def curves(series, *, xlabel, ylabel, title=None, logx=False, logy=False, markers=False, ax=None):
    """Draw named curves that differ in colour and in line style.

    Args:
        series: A mapping from a name to (x, y), two sequences of the same length.
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A short title; not needed where the caption says it.
        logx: Whether the horizontal axis is logarithmic.
        logy: Whether the vertical axis is logarithmic.
        markers: Whether each point is marked.
        ax: The axes to draw on; a new figure by default.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If a label is empty, there is no series, or x and y differ in length.
    """
    _require_labels(xlabel, ylabel)
    if not series:
        raise ValueError("series is empty; expected at least one name with (x, y)")
    ax = ax or plt.figure().subplots()
    for index, (name, (x, y)) in enumerate(series.items()):
        if len(x) != len(y):
            raise ValueError(f"series {name!r} has {len(x)} x values and {len(y)} y values")
        style = _LINE_STYLES[index % len(_LINE_STYLES)]
        ax.plot(x, y, linestyle=style, marker="o" if markers else None, markersize=4, label=name)
    if logx:
        ax.set_xscale("log")
    if logy:
        ax.set_yscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(series) > 1:
        ax.legend()
    return ax


def image_grid(images, *, titles=None, columns=8, size=1.0, vmin=None, vmax=None):
    """Show images side by side.

    Args:
        images: An array (N, H, W) for grey images or (N, H, W, 3) for colour.
        titles: N short texts, shown above the images.
        columns: Images per row.
        size: Width of one image in inches.
        vmin: The value that is drawn black; the smallest of all images by default.
        vmax: The value that is drawn white; the largest of all images by default.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If the shape is another one, or the number of titles differs.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or len(images) == 0 or (images.ndim == 4 and images.shape[3] != 3):
        raise ValueError(f"images has shape {images.shape}; expected (N, H, W) or (N, H, W, 3)")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles has {len(titles)} texts for {len(images)} images")
    rows = -(-len(images) // columns)
    height = size * images.shape[1] / images.shape[2] + (0.25 if titles is not None else 0.05)
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * height), squeeze=False
    )
    vmin = images.min() if vmin is None else vmin
    vmax = images.max() if vmax is None else vmax
    for index, ax in enumerate(axes.flat):
        ax.axis("off")
        if index < len(images):
            ax.imshow(images[index], cmap="gray", vmin=vmin, vmax=vmax, interpolation="nearest")
            if titles is not None:
                ax.set_title(str(titles[index]), fontsize=8, pad=2)
    return figure


def heatmap(
    values, *, xlabel, ylabel, value_label, xticks=None, yticks=None, annotate=None, ax=None
):
    """Draw a matrix in colours with a labelled scale.

    Args:
        values: An array (rows, columns); row 0 is drawn at the top.
        xlabel: What the columns are.
        ylabel: What the rows are.
        value_label: What the colours show, with its unit.
        xticks: Names of the columns.
        yticks: Names of the rows.
        annotate: A format such as "{:.2f}" to write each value into its cell.
        ax: The axes to draw on; a new figure by default.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If a label is empty, `values` is no matrix, or the number of names differs.
    """
    _require_labels(xlabel, ylabel, value_label)
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(f"values has shape {values.shape}; expected (rows, columns)")
    ax = ax or plt.figure().subplots()
    picture = ax.imshow(values, cmap="cividis", aspect="auto")
    ax.figure.colorbar(picture, ax=ax, label=value_label)
    for axis, names, count in ((ax.xaxis, xticks, 1), (ax.yaxis, yticks, 0)):
        if names is None:
            continue
        if len(names) != values.shape[count]:
            raise ValueError(f"{len(names)} tick names for {values.shape[count]} rows or columns")
        axis.set_ticks(range(len(names)), [str(name) for name in names])
    if annotate is not None:
        _annotate(ax, values, annotate, picture)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(False)
    return ax


def _compact_svg(figure):
    """Draw a figure as SVG without what only makes it longer: about two thirds are left.

    Without a date, a figure that did not change has the same bytes as before. A hundredth of a
    point is far below what a screen or a printer can show.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.S)
    svg = re.sub(r'(?<= d=")[^"]+', lambda path: _round_numbers(path.group()), svg)
    return re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><")


def _round_numbers(path):
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number.group()):.2f}", path)


def _annotate(ax, values, text_format, picture):
    """Write each value into its cell, dark on light colours and light on dark ones."""
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if picture.norm(value) > 0.55 else "white"
        ax.text(
            column, row, text_format.format(value), ha="center", va="center", color=colour, size=8
        )


def _require_labels(*labels):
    for label in labels:
        if not isinstance(label, str) or not label.strip():
            raise ValueError(f"an axis label is {label!r}; expected what the axis shows")
