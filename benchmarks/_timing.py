"""A single timing: a competitor, repeated until the clock can be trusted."""

import math
from collections.abc import Callable
from dataclasses import dataclass

SHORTEST = 0.02  # seconds: a timing that is shorter says more about the clock than about the code
MOST_REPETITIONS = 10_000_000


@dataclass(frozen=True)
class Competitor:
    """Something to time.

    Args:
        run: called without arguments; only this is timed.
        setup: called without arguments before each timing of `run`, and not timed. It runs once
            however often `run` is repeated within that timing.
    """

    run: Callable[[], object]
    setup: Callable[[], object] | None = None


def time_once(competitor: Competitor, repetitions: int, timer: Callable[[], float]) -> float:
    """Time `repetitions` calls of `competitor.run` together, in seconds."""
    if competitor.setup is not None:
        competitor.setup()
    run = competitor.run
    start = timer()
    for _ in range(repetitions):
        run()
    return timer() - start


def calibrate(competitor: Competitor, shortest: float, timer: Callable[[], float]) -> int:
    """Find how often to repeat `competitor` for a timing of at least `shortest` seconds."""
    time_once(competitor, 1, timer)  # thrown away: a first call often pays for starting up
    repetitions = 1
    while (elapsed := time_once(competitor, repetitions, timer)) < shortest:
        wanted = 10 if elapsed <= 0 else min(10, 1.2 * shortest / elapsed)
        repetitions = max(repetitions + 1, math.ceil(repetitions * wanted))
        if repetitions > MOST_REPETITIONS:
            raise ValueError(
                f"competitors: {competitor.run!r} does nothing that a clock could measure"
            )
    return repetitions
