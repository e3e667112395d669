"""The record of a training run."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.training.history import History

plt.switch_backend("Agg")

finite_or_not = st.floats(allow_nan=False)
series = st.dictionaries(st.integers(0, 10**9), finite_or_not, min_size=1, max_size=8)
# Commas, quotes and line breaks are the names that a careless CSV writer breaks.
names = st.text(alphabet='ab ,"\n', min_size=1, max_size=4)


def history_of(content):
    history = History()
    for name, values in content.items():
        for step in sorted(values):
            history.record(step, **{name: values[step]})
    return history


def test_series_last_and_names():
    history = History()
    history.record(0, loss=2.0)
    history.record(1, loss=np.float32(0.5), accuracy=1)
    steps, values = history.series("loss")
    assert steps.dtype == np.int64 and values.dtype == np.float64
    assert steps.tolist() == [0, 1] and values.tolist() == [2.0, 0.5]
    assert history.last("loss") == 0.5
    assert history.names == ("loss", "accuracy")
    assert repr(history) == "History(loss: 2 values, last 0.5; accuracy: 1 values, last 1)"


def test_what_was_handed_out_is_a_copy():
    history = history_of({"loss": {0: 1.0}})
    history.series("loss")[1][0] = 7.0
    history.state()["loss"]["values"][0] = 7.0
    assert history.last("loss") == 1.0


@given(st.dictionaries(names, series, max_size=4))
def test_csv_and_state_give_an_equal_history(tmp_path_factory, content):
    history = history_of(content)
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history.to_csv(path)
    assert History.from_csv(path) == history
    assert History.from_state(history.state()) == history


def test_histories_with_other_numbers_are_not_equal():
    history = history_of({"loss": {0: 1.0}})
    assert history != history_of({"loss": {0: 2.0}})
    assert history != history_of({"loss": {1: 1.0}})
    assert history != history_of({"cost": {0: 1.0}})


def test_csv_is_a_plain_table(tmp_path):
    history_of({"loss": {0: 2.0, 1: 0.1}, "accuracy": {1: 0.75}}).to_csv(tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    assert text == "step,loss,accuracy\n0,2.0,\n1,0.1,0.75\n"


def test_nan_is_kept(tmp_path):
    history_of({"precision": {3: math.nan}}).to_csv(tmp_path / "a.csv")
    assert math.isnan(History.from_csv(tmp_path / "a.csv").last("precision"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.csv: the header is \[\]; expected step and unique names"),
        ("loss,step\n1,2\n", r"the header is \['loss', 'step'\]"),
        ("step,a,a\n1,2,3\n", "unique names"),
        ("step,a\n1,2\n2\n", r"a\.csv, row 3: 1 cells; expected 2"),
        ("step,a\n1,x\n", r"a\.csv, row 2, column 'a': 'x'; expected a number"),
        ("step,a\n0.5,1\n", r"row 2, column 'step': '0.5'"),
        ("step,a\n,1\n", r"row 2, column 'step': ''"),
        ("step,a\n2,1\n2,1\n", r"row 3: step is 2 for 'a'; expected more than its last step, 2"),
    ],
)
def test_another_table_is_refused(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        History.from_csv(path)


@pytest.mark.parametrize(
    ("step", "value", "error", "message"),
    [
        (1.0, 1.0, TypeError, r"step is 1\.0; expected a non-negative integer"),
        (True, 1.0, TypeError, "step is True"),
        (-1, 1.0, ValueError, "step is -1"),
        (3, 1.0, ValueError, "step is 3 for 'loss'; expected more than its last step, 3"),
        (4, "1", TypeError, "loss is '1'; expected a real number"),
        (4, None, TypeError, "loss is None"),
        (4, 1j, TypeError, "loss is 1j"),
        (4, np.ones(2), TypeError, "loss is array"),
    ],
)
def test_a_wrong_measurement_is_refused_as_a_whole(step, value, error, message):
    history = history_of({"loss": {3: 1.0}})
    with pytest.raises(error, match=message):
        history.record(step, accuracy=1.0, loss=value)
    assert history == history_of({"loss": {3: 1.0}})


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="no measurement is named 'lost'; recorded: loss"):
        history_of({"loss": {0: 1.0}}).series("lost")
    with pytest.raises(KeyError, match="recorded: nothing"):
        History().last("loss")


def test_figure_draws_the_named_series():
    history = history_of({"loss": {0: 3.0, 1: 2.0}, "accuracy": {1: 0.5}})
    axes = history.figure("loss", logy=True)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("updates", "loss", "log")
    [line] = axes.get_lines()
    assert line.get_xydata().tolist() == [[0.0, 3.0], [1.0, 2.0]]
    assert len(history.figure(ylabel="all").get_lines()) == 2
    with pytest.raises(ValueError, match="series is empty"):
        History().figure(ylabel="loss")
    plt.close("all")
