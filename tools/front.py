"""Compute and draw the front page's picture: gradient descent below, at and above its limit.

The surface is the mean squared error of a straight line through the course's own house prices
(`companion.data.houses`, seed 0). ``python -m tools.front`` writes ``book/_static/front.svg`` and,
for phones, ``front-narrow.svg``.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt
import numpy as np

from companion.data.houses import generate
from companion.plots import COLOURS, INK, use_book_style

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"
# Learning rates as multiples of the limit, with steps, colour and what happens.
RUNS = (
    (0.9, 60, "blue", "below the limit: it settles"),
    (1.0, 40, "orange", "at the limit: it bounces for ever"),
    (1.06, 17, "vermilion", "above the limit: it flies apart"),
)
# Where every path starts, seen from the minimum: along the valley, and up its side.
ALONG, ACROSS = 1.8, 0.5


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Return the design matrix (n, 2), areas in 100 m² and ones, and prices (n,) in 100 000 €."""
    area, price = generate(n=100, seed=0)
    return np.column_stack([area / 100, np.ones_like(area)]), price / 100


def hessian(inputs: np.ndarray) -> np.ndarray:
    """Return the Hessian (2, 2) of the mean squared error of a linear model."""
    return 2 * inputs.T @ inputs / len(inputs)


def descend(inputs: np.ndarray, targets: np.ndarray, start, rate: float, steps: int) -> np.ndarray:
    """Return the path (steps + 1, 2) of plain gradient descent on the mean squared error."""
    path = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        gradient = 2 * inputs.T @ (inputs @ path[-1] - targets) / len(targets)  # (2,)
        path.append(path[-1] - rate * gradient)
    return np.array(path)


def paths() -> tuple[np.ndarray, float, list[np.ndarray]]:
    """Return the minimum (2,), the limit 2/λmax of the learning rate, and a path for each run."""
    inputs, targets = problem()
    best = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    values, vectors = np.linalg.eigh(hessian(inputs))  # ascending: the valley, then its side
    limit = 2 / values[-1]
    vectors = vectors * np.sign(vectors[1])  # the sign of an eigenvector is arbitrary
    start = best + vectors @ [ALONG, ACROSS]
    return best, limit, [descend(inputs, targets, start, f * limit, n) for f, n, *_ in RUNS]


def draw(rows: int, columns: int, size: tuple[float, float], file: Path) -> None:
    """Draw the three paths over the contours of the loss and write an SVG file."""
    inputs, targets = problem()
    best, _, walks = paths()
    slope, base = np.meshgrid(np.linspace(0.2, 4.2, 81), np.linspace(-0.9, 2.6, 81))
    residual = slope[..., None] * inputs[:, 0] + base[..., None] - targets  # (81, 81, n)
    loss = (residual**2).mean(-1)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True)
    for ax, walk, (factor, _, colour, title) in zip(axes.flat, walks, RUNS, strict=True):
        levels = loss.min() + np.array([0.03, 0.12, 0.35, 0.8, 1.6, 3, 5, 8])
        ax.contour(slope, base, loss, levels, colors=INK, linewidths=0.6, alpha=0.55)
        ax.plot(*walk.T, "-o", color=COLOURS[colour], linewidth=1.0, markersize=2.4)
        ax.plot(*walk[0], "o", color=COLOURS[colour], markersize=6)
        ax.plot(*best, "+", color=INK, markersize=11, markeredgewidth=1.6)
        ax.set(xlim=(0.2, 4.2), ylim=(-0.9, 2.6), xticks=[1, 2, 3, 4], yticks=[0, 1, 2])
        rate = "2/λmax" if factor == 1 else f"{factor:g} × 2/λmax"
        ax.set_title(f"{title}\nrate = {rate}", fontsize=10, loc="left")
        ax.set_yticklabels(["0", "100", "200"])
        ax.grid(False)
        ax.label_outer()
    figure.supxlabel("price of one more square metre (thousand €)", fontsize=10, color=INK)
    figure.supylabel("base price (thousand €)", fontsize=10, color=INK)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def main() -> None:
    """Write both versions of the picture."""
    use_book_style()
    draw(1, 3, (8.6, 3.1), STATIC / "front.svg")
    draw(3, 1, (3.9, 7.2), STATIC / "front-narrow.svg")


if __name__ == "__main__":
    main()
