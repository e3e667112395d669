import gc
import json
import sys
from pathlib import Path

import pytest

from benchmarks import _machine
from benchmarks.side_by_side import Competitor, compare, main

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results.json"
ROW = {
    "benchmark",
    "what",
    "ratio_median",
    "ratio_min",
    "ratio_max",
    "bar",
    "met",
    "rounds",
    "threads",
    "machine",
    "versions",
    "date",
}


class Clock:
    """A clock that stands still but for the work that is done."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def worker(self, name, *durations):
        """Something that takes the given seconds, call by call; the last one from then on."""
        left = list(durations)

        def work():
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return work


@pytest.fixture
def clock():
    return Clock()


def run(clock, competitors, **options):
    return compare("test", competitors, **{"baseline": "base", "timer": clock, **options})


def test_ratio_is_baseline_time_over_own_time(clock):
    pair = {"base": clock.worker("base", 3.0), "fast": clock.worker("fast", 1.5)}
    result = run(clock, pair, rounds=3)
    assert result.ratios("fast") == (2.0, 2.0, 2.0)
    assert result.seconds == {"base": (3.0,) * 3, "fast": (1.5,) * 3}


def test_ratios_pair_the_times_of_the_same_round(clock):
    # Two calls for calibration, then one a round. Ratio of medians would be 1.
    pair = {"base": clock.worker("base", 1, 1, 1, 2, 4), "own": clock.worker("own", 1, 1, 2, 1, 1)}
    result = run(clock, pair, rounds=3, warm_up=0)
    assert result.ratios("own") == (0.5, 2.0, 4.0)
    (row,) = result.rows()
    assert (row["ratio_min"], row["ratio_median"], row["ratio_max"]) == (0.5, 2.0, 4.0)


def test_the_order_turns_round_every_time(clock):
    trio = {name: clock.worker(name, 1.0) for name in ("base", "b", "c")}
    run(clock, trio, rounds=3, warm_up=1)
    calibration = 2 * len(trio)
    forth, back = ["base", "b", "c"], ["c", "b", "base"]
    assert clock.calls[calibration:] == forth + back + forth + back


def test_warm_up_is_left_out(clock):
    # Calibration (2 calls) and both warm-up rounds are slow; what is measured is not.
    pair = {"base": clock.worker("base", 1.0), "own": clock.worker("own", 9, 9, 9, 9, 1)}
    assert run(clock, pair, rounds=2, warm_up=2).seconds["own"] == (1.0, 1.0)


def test_short_work_is_repeated_until_the_timing_is_long_enough(clock):
    pair = {"base": clock.worker("base", 0.0625), "own": clock.worker("own", 2**-12)}
    result = run(clock, pair, rounds=1, warm_up=0, shortest=0.03125)
    before = 2
    assert clock.calls.count("base") == before + 1
    assert clock.calls.count("own") >= 2**7  # the last timing alone
    assert result.ratios("own") == (256.0,)


def test_work_that_takes_no_time_is_refused(clock, monkeypatch):
    monkeypatch.setattr("benchmarks._timing.MOST_REPETITIONS", 1000)
    with pytest.raises(ValueError, match="nothing that a clock could measure"):
        run(clock, {"base": lambda: None, "own": clock.worker("own", 1.0)})


def test_setup_runs_before_each_timing_and_is_not_timed(clock):
    own = Competitor(clock.worker("run", 1.0), setup=clock.worker("setup", 100.0))
    result = run(clock, {"base": clock.worker("base", 1.0), "own": own}, rounds=2, warm_up=0)
    assert result.ratios("own") == (1.0, 1.0)
    own_calls = [name for name in clock.calls if name != "base"]
    assert own_calls == ["setup", "run"] * 4


@pytest.mark.parametrize(("bar", "met"), [(0.5, True), (0.51, False), (None, None)])
def test_bar(clock, bar, met):
    pair = {"base": clock.worker("base", 1.0), "own": clock.worker("own", 2.0)}
    result = run(clock, pair, rounds=1, bar=bar)
    assert result.rows()[0]["met"] is met
    word = {True: "pass", False: "MISS", None: "x0.500"}[met]
    assert word in str(result)


def test_bar_by_name(clock):
    trio = {name: clock.worker(name, 1.0) for name in ("base", "b", "c")}
    met = {row["what"]: row["met"] for row in run(clock, trio, bar={"c": 1.5}).rows()}
    assert met == {"b against base": None, "c against base": False}


def test_text_shows_throughput(clock):
    pair = {"base": clock.worker("base", 2.0), "own": clock.worker("own", 1.0)}
    text = str(run(clock, pair, units=(4096, "samples")))
    assert "2,048 samples/s" in text and "4,096 samples/s" in text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"competitors": {"base": int}}, "competitors"),
        ({"competitors": {"base": int, "own": 3}}, "competitors: 'own'"),
        ({"baseline": "other"}, "baseline: got 'other'"),
        ({"rounds": 0}, "rounds: got 0"),
        ({"rounds": True}, "rounds: got True"),
        ({"rounds": 2.5}, "rounds: got 2.5"),
        ({"warm_up": -1}, "warm_up: got -1"),
        ({"shortest": 0.0}, "shortest: got 0.0"),
        ({"threads": 0}, "threads: got 0"),
        ({"threads": 1.0}, "threads: got 1.0"),
        ({"bar": -1.0}, "bar: got -1.0"),
        ({"bar": float("nan")}, "bar: got nan"),
        ({"bar": {"base": 1.0}}, "bar: got one for 'base'"),
        ({"bar": {"typo": 1.0}}, "bar: got one for 'typo'"),
    ],
)
def test_bad_arguments(clock, change, named):
    arguments = {"competitors": {"base": int, "own": int}, "baseline": "base", **change}
    with pytest.raises(ValueError, match=named):
        compare("test", timer=clock, **arguments)


def build_with(clock, seconds=1.0):
    def build(**options):
        pair = {"base": clock.worker("base", 1.0), "own": clock.worker("own", seconds)}
        yield compare("made up", pair, baseline="base", bar=0.9, timer=clock, **options)

    return build


@pytest.fixture
def own_threads(monkeypatch):
    """Keep the thread settings of a run to that run."""
    for variable in _machine.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr("benchmarks.side_by_side.limit_threads", lambda count: None)
    monkeypatch.setattr("benchmarks.side_by_side.used_threads", lambda: {"fake": 2})


@pytest.mark.usefixtures("own_threads")
def test_main_writes_rows_of_the_agreed_form(clock, tmp_path, capsys):
    table = tmp_path / "results.json"
    assert main(build_with(clock), ["--rounds", "4", "--threads", "2", "--json", str(table)]) == 0
    (row,) = json.loads(table.read_text())
    assert set(row) == ROW
    assert (row["benchmark"], row["what"]) == ("made up", "own against base")
    assert (row["rounds"], row["threads"], row["bar"], row["met"]) == (4, 2, 0.9, True)
    assert row["ratio_min"] <= row["ratio_median"] <= row["ratio_max"]
    assert row["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    printed = capsys.readouterr().out
    assert row["machine"] in printed and "'fake': 2" in printed and "python" in printed


@pytest.mark.usefixtures("own_threads")
def test_a_missed_bar_is_written_and_gives_exit_status_1(clock, tmp_path):
    table = tmp_path / "results.json"
    assert main(build_with(clock, seconds=2.0), ["--rounds", "1", "--json", str(table)]) == 1
    assert json.loads(table.read_text())[0]["met"] is False


@pytest.mark.usefixtures("own_threads")
def test_rounds_below_one_are_refused(clock):
    with pytest.raises(ValueError, match="rounds: got 0"):
        main(build_with(clock), ["--rounds", "0"])


def test_rows_are_merged_and_sorted(tmp_path):
    table = tmp_path / "results.json"
    _machine.merge_rows(table, [{"benchmark": "b", "what": "x", "met": False}])
    _machine.merge_rows(table, [{"benchmark": "a", "what": "y"}])
    _machine.merge_rows(table, [{"benchmark": "b", "what": "x", "met": True}])
    expected = [{"benchmark": "a", "what": "y"}, {"benchmark": "b", "what": "x", "met": True}]
    assert json.loads(table.read_text()) == expected
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_threads_are_set_in_torch():
    import torch

    before = torch.get_num_threads()
    try:
        _machine.limit_threads(1)
        assert torch.get_num_threads() == 1
        used = _machine.used_threads()
        assert len(used) > 1 and set(used.values()) == {1}
    finally:
        _machine.limit_threads(before)


def test_compare_sets_the_threads(clock, monkeypatch):
    asked = []
    monkeypatch.setattr("benchmarks.side_by_side.limit_threads", asked.append)
    pair = {"base": clock.worker("base", 1.0), "own": clock.worker("own", 1.0)}
    assert run(clock, pair, threads=3).rows()[0]["threads"] == 3
    assert run(clock, pair).rows()[0]["threads"] is None
    assert asked == [3]


def test_the_garbage_collector_waits_until_the_end(clock):
    def work():
        assert not gc.isenabled()
        clock.now += 1.0

    run(clock, {"base": work, "own": work})
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        run(clock, {"base": work, "own": lambda: 1 / 0})
    assert gc.isenabled()


def test_machine_names_processor_and_cores():
    assert _machine.cpu_model()
    assert f"{_machine.cores()} cores" in _machine.machine()


def test_committed_table_has_the_agreed_form():
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    keys = [(row["benchmark"], row["what"]) for row in rows]
    assert keys and keys == sorted(set(keys))
    for row in rows:
        assert set(row) == ROW
        assert 0 < row["ratio_min"] <= row["ratio_median"] <= row["ratio_max"]
        assert row["met"] == (None if row["bar"] is None else row["ratio_median"] >= row["bar"])
