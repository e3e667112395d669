"""One harness for every speed comparison of the course.

The competitors take turns in one process, round by round, and the order turns round each time, so
that a machine that slows down or speeds up meanwhile treats all of them alike. What counts is the
*paired ratio* of each round: seconds of the baseline over seconds of the competitor. 1 means
equally fast, 2 twice as fast as the baseline, 0.95 that the competitor takes about 5 % longer.

A benchmark is a module beside this one:

    def build(**options):
        import torch  # here, so that the number of threads is settled first
        yield compare("sum", {"numpy": a.sum, "torch": t.sum}, baseline="numpy", **options)

    if __name__ == "__main__":
        sys.exit(main(build))

and runs with `python -m benchmarks.NAME [--rounds N] [--threads N] [--json FILE]`. On a GPU a
competitor must itself wait for the device before it returns.
"""

import argparse
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._machine import (
    ask_for_threads,
    cores,
    limit_threads,
    machine,
    merge_rows,
    stamp,
    used_threads,
    versions,
)
from benchmarks._timing import SHORTEST, Competitor, calibrate, time_once

__all__ = ["Comparison", "Competitor", "compare", "main"]


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    Attributes:
        name: what was compared.
        baseline: name of the competitor that the others are measured against.
        seconds: for each competitor the seconds of one call, one number a round.
        bars: for a competitor the least median ratio that it should reach.
        units: work done by one call, as (amount, name), to print a throughput; or None.
        threads: processor threads that were asked for; None if they were left alone.
    """

    name: str
    baseline: str
    seconds: dict[str, tuple[float, ...]]
    bars: dict[str, float]
    units: tuple[float, str] | None = None
    threads: int | None = None

    @property
    def rounds(self) -> int:
        """The number of timed rounds."""
        return len(self.seconds[self.baseline])

    def ratios(self, competitor: str) -> tuple[float, ...]:
        """Speed of `competitor` relative to the baseline, one ratio a round."""
        pairs = zip(self.seconds[self.baseline], self.seconds[competitor], strict=True)
        return tuple(base / own for base, own in pairs)

    def met(self, competitor: str) -> bool | None:
        """Whether the median ratio reaches the bar; None where there is no bar."""
        bar = self.bars.get(competitor)
        return None if bar is None else statistics.median(self.ratios(competitor)) >= bar

    def rows(self) -> list[dict]:
        """One row of the results table for each competitor but the baseline."""
        return [
            {
                "benchmark": self.name,
                "what": f"{competitor} against {self.baseline}",
                "ratio_median": round(statistics.median(self.ratios(competitor)), 4),
                "ratio_min": round(min(self.ratios(competitor)), 4),
                "ratio_max": round(max(self.ratios(competitor)), 4),
                "bar": self.bars.get(competitor),
                "met": self.met(competitor),
                "rounds": self.rounds,
                "threads": self.threads,
            }
            for competitor in self.seconds
            if competitor != self.baseline
        ]

    def __str__(self) -> str:
        setting = f"{self.rounds} rounds, threads: {self.threads or 'as they were'}"
        lines = [f"{self.name}: speed relative to {self.baseline!r}, {setting}"]
        width = max(map(len, self.seconds))
        for competitor, seconds in self.seconds.items():
            median = statistics.median(seconds)
            line = f"  {competitor:<{width}}  {1000 * median:10.3f} ms"
            if self.units:
                line += f"  {self.units[0] / median:12,.0f} {self.units[1]}/s"
            if competitor != self.baseline:
                ratios = self.ratios(competitor)
                line += (
                    f"  x{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
                )
            if competitor in self.bars:
                verdict = "pass" if self.met(competitor) else "MISS"
                line += f"  at least {self.bars[competitor]:g}: {verdict}"
            lines.append(line)
        return "\n".join(lines)


def compare(
    name: str,
    competitors: Mapping[str, Callable[[], object] | Competitor],
    *,
    baseline: str,
    rounds: int = 15,
    warm_up: int = 2,
    threads: int | None = None,
    bar: float | Mapping[str, float] | None = None,
    units: tuple[float, str] | None = None,
    shortest: float = SHORTEST,
    timer: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Time the competitors in turns.

    Args:
        name: what is compared; it names the rows of the table.
        competitors: name → callable without arguments, or `Competitor` where there is something
            to set up.
        baseline: the competitor that the others are measured against.
        rounds: timed rounds; every competitor is timed once in each.
        warm_up: rounds before those, whose times are thrown away.
        threads: processor threads for the libraries that are imported by now, or None to leave
            them alone.
        bar: least median ratio wanted, for all competitors or by name.
        units: work of one call as (amount, name), such as (4096, "samples").
        shortest: a competitor is repeated within a timing until that lasts this many seconds.
        timer: a clock in seconds.

    Returns:
        The times of each round and all that follows from them.

    Raises:
        ValueError: for an argument that makes no sense; the message names it.
    """
    _check(competitors, baseline, shortest, rounds=rounds, warm_up=warm_up, threads=threads)
    if threads is not None:
        limit_threads(threads)
    bars = _bars(bar, competitors, baseline)
    field = {
        key: c if isinstance(c, Competitor) else Competitor(c) for key, c in competitors.items()
    }
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()  # as timeit does: the collector would charge one competitor for another's garbage
    try:
        repetitions = {key: calibrate(one, shortest, timer) for key, one in field.items()}
        seconds: dict[str, list[float]] = {key: [] for key in field}
        for turn in range(warm_up + rounds):
            order = list(field) if turn % 2 == 0 else list(reversed(field))
            for key in order:
                elapsed = time_once(field[key], repetitions[key], timer)
                if turn >= warm_up:
                    seconds[key].append(elapsed / repetitions[key])
    finally:
        if collecting:
            gc.enable()
    return Comparison(
        name, baseline, {k: tuple(v) for k, v in seconds.items()}, bars, units, threads
    )


def _check(competitors, baseline, shortest, *, rounds, warm_up, threads) -> None:
    if len(competitors) < 2:
        raise ValueError(f"competitors: got {list(competitors)}, expected at least two")
    if baseline not in competitors:
        raise ValueError(f"baseline: got {baseline!r}, expected one of {list(competitors)}")
    counts = [("rounds", rounds, 1), ("warm_up", warm_up, 0)]
    counts += [] if threads is None else [("threads", threads, 1)]
    for argument, value, least in counts:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{argument}: got {value!r}, expected an integer of at least {least}")
    if not 0 < shortest < math.inf:
        raise ValueError(f"shortest: got {shortest!r}, expected a positive number of seconds")
    for key, one in competitors.items():
        if not callable(one.run if isinstance(one, Competitor) else one):
            raise ValueError(
                f"competitors: {key!r} is {one!r}, expected a callable or a Competitor"
            )


def _bars(bar, competitors, baseline) -> dict[str, float]:
    others = [key for key in competitors if key != baseline]
    bars = (
        dict(bar) if isinstance(bar, Mapping) else {} if bar is None else dict.fromkeys(others, bar)
    )
    for key, value in bars.items():
        if key not in others:
            raise ValueError(f"bar: got one for {key!r}, expected only names among {others}")
        if not 0 < value < math.inf:
            raise ValueError(f"bar: got {value!r} for {key!r}, expected a positive number")
    return bars


def main(build: Callable[..., Iterable[Comparison]], argv: Sequence[str] | None = None) -> int:
    """Run a benchmark from the command line.

    Args:
        build: called as `build(rounds=…, threads=…)`; hands both on to `compare` and yields
            comparisons.
        argv: arguments in place of the command line's.

    Returns:
        0, or 1 when a bar was missed: meant for `sys.exit`.
    """
    parser = argparse.ArgumentParser(description="Compare speeds side by side.")
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds (%(default)s)")
    parser.add_argument("--threads", type=int, default=cores(), help="threads (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="put the rows into this table")
    options = parser.parse_args(argv)
    ask_for_threads(options.threads)
    rows = []
    for comparison in build(rounds=options.rounds, threads=options.threads):
        print(comparison, flush=True)
        rows += [row | stamp() for row in comparison.rows()]
    print(f"on {machine()}; {', '.join(map(' '.join, versions().items()))}")
    print(f"threads in use at the end: {used_threads()}\n")
    if options.json:
        merge_rows(options.json, rows)
    return int(any(row["met"] is False for row in rows))
