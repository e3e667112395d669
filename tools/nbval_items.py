"""What pytest does with a chapter beyond what nbval does: `conftest.py` puts it to work.

The kernel that nbval starts is also used to try each exercise's wrong answers, and to measure how
long the chapter took. Nothing here is imported unless pytest runs with ``--nbval`` or
``--nbval-lax``.
"""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from tools.exercises import Exercise, Failure, exercises, reject_wrong_answers
from tools.kernels import kernel_environment, plain_text

LONGEST_CHAPTER = 60  # seconds
FIXED_WORK = 0.027  # seconds that `fixed_work` takes on the two cores for which the limit is meant


class Chapter(IPyNbFile):
    """A notebook whose cells are timed, and whose exercises are checked in the same kernel."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Drawn by another version of matplotlib, the same figure has other bytes. Stored outputs
        # have no stderr; there, progress bars and other versions of libraries leave their traces.
        self.skip_compare = (*self.skip_compare, "image/svg+xml", "stderr")
        self.settings = ExitStack()
        self.seconds = 0.0
        self.cells_left = 0

    def setup(self) -> None:
        """Start the kernel, on the clock."""
        start = time.perf_counter()
        environment = self.settings.enter_context(kernel_environment())
        with mock.patch.dict(os.environ, environment, clear=True):
            super().setup()
        self.kernel.execute_cell_input = self._execute_cell_input
        self.seconds = time.perf_counter() - start

    def teardown(self) -> None:
        """Stop the kernel and remove its temporary settings."""
        super().teardown()
        self.settings.close()

    def _execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        """Send a cell to the kernel with its history stored, unlike nbval.

        IPython looks into the history to see that a line ends in a semicolon; without it, the
        value of such a line is displayed, and outputs differ from those that Jupyter stores.
        """
        return self.kernel.kc.execute(
            source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each code cell, each exercise after its check cell, and the time."""
        cells = list(super().collect())
        self.cells_left = len(cells)
        after = {exercise.check_index: exercise for exercise in exercises(self.nb)}
        code_cells = [n for n, cell in enumerate(self.nb.cells) if cell.cell_type == "code"]
        for index, item in zip(code_cells, cells, strict=True):
            yield TimedCell.from_parent(
                self,
                name=item.name,
                cell_num=item.cell_num,
                cell=item.cell,
                options=item.options,
            )
            if index in after:
                yield ExerciseItem.from_parent(self, exercise=after[index])
        yield TimeItem.from_parent(self, name="takes no longer than it says")

    def try_in_kernel(self, source: str) -> Failure | None:
        """Execute code in the chapter's kernel and return the exception that it raised, or None."""
        timeout = self.config.option.nbval_cell_timeout
        try:
            reply = self.kernel.kc.execute_interactive(
                source,
                store_history=True,
                allow_stdin=False,
                stop_on_error=False,
                timeout=timeout,
                output_hook=lambda message: None,
            )
        except TimeoutError:
            self.kernel.interrupt()
            return Failure("TimeoutError", f"no end after {timeout:g} seconds")
        content = reply["content"]
        if content["status"] == "ok":
            return None
        return Failure(content["ename"], plain_text(content["evalue"]))


class TimedCell(IPyNbCell):
    """A cell that adds its seconds to its chapter's."""

    def runtest(self) -> None:
        """Execute the cell as nbval does, on the clock."""
        start = time.perf_counter()
        try:
            super().runtest()
        finally:
            self.parent.seconds += time.perf_counter() - start
            self.parent.cells_left -= 1


class Complaint(Exception):
    """What is wrong with a chapter, in words that need no traceback."""


class ChapterItem(pytest.Item):
    """A test of a chapter that reports complaints without a traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo) -> str:
        """Return a complaint's text; anything else is reported as usual."""
        if isinstance(excinfo.value, Complaint):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple:
        """Return the place that pytest shows for this item."""
        return self.path, None, f"{self.path.name}::{self.name}"


class ExerciseItem(ChapterItem):
    """Requires that an exercise's check rejects the stub and every wrong answer, helpfully."""

    def __init__(self, *, exercise: Exercise, **kwargs):
        super().__init__(name=f"exercise {exercise.number} rejects wrong answers", **kwargs)
        self.exercise = exercise

    def runtest(self) -> None:
        """Try the attempts in the kernel that has just executed the check cell."""
        if self.parent.timed_out:
            pytest.skip("an earlier cell of this chapter took too long")
        problems = reject_wrong_answers(self.exercise, self.parent.try_in_kernel)
        if problems:
            title = f"Exercise {self.exercise.number} of {self.path.name}:"
            raise Complaint("\n".join([title, *problems]))


def fixed_work() -> float:
    """Do a piece of work in NumPy and in Python, as chapters do; the result is of no interest."""
    matrix = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    total = 0.0
    for _ in range(60):
        matrix = np.tanh(matrix @ matrix / 16)
        total += sum(x * x for x in range(3000))
    return total


def slowness() -> float:
    """Return how many times as long as usual this machine needs at the moment, from 1 to 2.

    Virtual machines differ by a third from day to day. A limit in seconds would let a chapter pass
    or fail by that.
    """
    seconds = []
    for _ in range(15):
        start = time.perf_counter()
        fixed_work()
        seconds.append(time.perf_counter() - start)
    return min(max(statistics.median(seconds) / FIXED_WORK, 1.0), 2.0)


class TimeItem(ChapterItem):
    """Requires that kernel start and cells stay within the metadata's and the course's limits."""

    def runtest(self) -> None:
        """Compare the chapter's seconds with its limit."""
        if os.environ.get("COMPANION_SCALE", "laptop") == "full":
            pytest.skip("COMPANION_SCALE=full: the limit holds at laptop scale")
        if self.parent.cells_left:
            pytest.skip(f"{self.parent.cells_left} cells of this chapter did not run")
        minutes = self.parent.nb.metadata.get("companion", {}).get("minutes", {}).get("run", 1)
        limit = min(60 * minutes, LONGEST_CHAPTER)
        if self.parent.seconds <= limit:
            return
        slow = slowness()
        if self.parent.seconds > limit * slow:
            raise Complaint(
                f"{self.path.name} took {self.parent.seconds:.1f} s; its metadata and the course's "
                f"limit allow {limit:g} s (on this machine, {slow:.2f} times as slow as usual, "
                f"{limit * slow:.0f} s)"
            )
