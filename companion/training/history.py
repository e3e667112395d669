"""What a training run measured: named series of numbers, whatever the framework.

A measurement stands at the number of updates that the measured weights had seen. The loss of the
first batch is therefore at step 0, and an evaluation after the first update at step 1.
"""

import csv

import numpy as np

__all__ = ["History"]


class History:
    """Named measurements by step.

    Two histories are equal if they hold the same names, steps and values.
    """

    def __init__(self):
        self._series = {}  # name -> (list of steps, list of values)

    def record(self, step, **values):
        """Add measurements, all of them or (after an error) none.

        Args:
            step: A non-negative integer, greater than the last step of each name.
            **values: Real numbers by name; scalars of NumPy and tensors without axes will do.

        Raises:
            ValueError: If the step is negative or not greater than the last one of a name.
            TypeError: If the step is no integer or a value is no real number.
        """
        step = _checked_step(step)
        values = {name: _number(name, value) for name, value in values.items()}
        for name in values:
            if name in self._series and step <= self._series[name][0][-1]:
                raise ValueError(
                    f"step is {step} for {name!r}; "
                    f"expected more than its last step, {self._series[name][0][-1]}"
                )
        for name, value in values.items():
            steps, numbers = self._series.setdefault(name, ([], []))
            steps.append(step)
            numbers.append(value)

    @property
    def names(self):
        """The names of the measurements as a tuple, in the order of their first appearance."""
        return tuple(self._series)

    def series(self, name):
        """Return all measurements of one name.

        Returns:
            The pair (steps, values): arrays (n,) of int64 and of float64.

        Raises:
            KeyError: If nothing of that name was recorded.
        """
        steps, values = self._find(name)
        return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)

    def last(self, name):
        """Return the latest measurement of one name as a float.

        Raises:
            KeyError: If nothing of that name was recorded.
        """
        return self._find(name)[1][-1]

    def to_csv(self, path):
        """Write a table with the columns step and one per name; empty where nothing was measured.

        Reading it with `from_csv` gives an equal history.
        """
        steps = sorted({step for steps, _ in self._series.values() for step in steps})
        columns = [dict(zip(*series, strict=True)) for series in self._series.values()]
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["step", *self._series])
            for step in steps:
                table.writerow([step, *(column.get(step, "") for column in columns)])

    @classmethod
    def from_csv(cls, path):
        """Read a table that `to_csv` wrote.

        Raises:
            ValueError: If it is no such table; the message names the file, the row and the column.
        """
        history = cls()
        with open(path, newline="", encoding="utf-8") as file:
            table = csv.reader(file)
            header = next(table, [])
            if header[:1] != ["step"] or len(set(header)) != len(header):
                raise ValueError(f"{path}: the header is {header}; expected step and unique names")
            for row, cells in enumerate(table, start=2):
                history._record_row(f"{path}, row {row}", header, cells)
        return history

    def figure(self, *names, xlabel="updates", ylabel=None, **options):
        """Draw series over the steps.

        Args:
            *names: What to draw; everything by default.
            xlabel: The label of the horizontal axis.
            ylabel: The label of the vertical axis; the names by default.
            **options: Passed on to `companion.plots.curves`, such as title, logy, ax.

        Returns:
            The matplotlib axes.

        Raises:
            KeyError: If nothing of a name was recorded.
            ValueError: If nothing was recorded at all.
        """
        from companion.plots import curves  # here, because training needs no matplotlib

        names = names or self.names
        series = {name: self.series(name) for name in names}
        return curves(series, xlabel=xlabel, ylabel=ylabel or ", ".join(names), **options)

    def state(self):
        """Return the content as plain lists, ready for JSON; `from_state` takes it back."""
        return {
            name: {"steps": list(steps), "values": list(values)}
            for name, (steps, values) in self._series.items()
        }

    @classmethod
    def from_state(cls, state):
        """Build a history from what `state` returned."""
        history = cls()
        for name, series in state.items():
            for step, value in zip(series["steps"], series["values"], strict=True):
                history.record(step, **{name: value})
        return history

    def __eq__(self, other):
        return isinstance(other, History) and self._series == other._series

    __hash__ = None  # a history changes

    def __repr__(self):
        series = (
            f"{name}: {len(steps)} values, last {values[-1]:.4g}"
            for name, (steps, values) in self._series.items()
        )
        return f"History({'; '.join(series)})"

    def _find(self, name):
        if name not in self._series:
            known = ", ".join(self._series) or "nothing"
            raise KeyError(f"no measurement is named {name!r}; recorded: {known}")
        return self._series[name]

    def _record_row(self, place, header, cells):
        if len(cells) != len(header):
            raise ValueError(f"{place}: {len(cells)} cells; expected {len(header)}")
        row = {}
        for name, cell in zip(header, cells, strict=True):
            if cell == "" and name != "step":
                continue  # not measured at this step
            try:
                row[name] = int(cell) if name == "step" else float(cell)
            except ValueError:
                message = f"{place}, column {name!r}: {cell!r}; expected a number"
                raise ValueError(message) from None
        try:
            self.record(**row)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None


def _checked_step(step):
    if isinstance(step, bool) or not isinstance(step, int | np.integer):
        raise TypeError(f"step is {step!r}; expected a non-negative integer")
    if step < 0:
        raise ValueError(f"step is {step}; expected a non-negative integer")
    return int(step)


def _number(name, value):
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} is {value!r}; expected a real number") from None
