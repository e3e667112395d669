"""The formulas of a plan for several devices, against the published numbers and by counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.training.parallel_plan import (
    amdahl,
    bubble_fraction,
    gustafson,
    ring_all_reduce,
    tree_all_reduce,
    zero_states,
)

shares, counts = st.floats(0.001, 1), st.integers(1, 5000)


@given(shares, counts)
def test_amdahl_lies_between_one_and_its_limits(serial, devices):
    speed_up = amdahl(serial, devices)
    assert 1 - 1e-12 <= speed_up <= min(devices, 1 / serial) * (1 + 1e-12)


def test_amdahl_without_a_serial_share_is_the_number_of_devices():
    np.testing.assert_allclose(amdahl(0, [1, 2, 7]), [1, 2, 7])
    assert amdahl(0.1, 9) == pytest.approx(5)  # 1 / (0.1 + 0.9 / 9)


@given(shares, counts)
def test_the_two_laws_are_one(serial, devices):
    # The share of the time on p devices in which one works, from that on one device.
    scaled = serial / (serial + (1 - serial) / devices)
    assert gustafson(scaled, devices) == pytest.approx(amdahl(serial, devices))


def test_gustafson_example_of_the_paper():
    # p. 533: 1024 processors, serial shares 0.4 to 0.8 %, measured speed-ups of 1016 to 1021.
    assert gustafson(0.004, 1024) == pytest.approx(1020, abs=1)
    assert gustafson(0.008, 1024) == pytest.approx(1016, abs=1)


@pytest.mark.parametrize("cost", [ring_all_reduce, tree_all_reduce])
def test_one_device_sends_nothing(cost):
    assert cost(1, 1000, 1.0, 1.0) == 0


def test_two_devices():
    assert ring_all_reduce(2, 1000, 5.0, 0.5) == 2 * (5 + 250)
    assert tree_all_reduce(2, 1000, 5.0, 0.5) == 2 * (5 + 500)


def test_the_ring_is_for_long_messages_and_the_tree_for_short_ones():
    short, long = np.array([8, 10**9])
    assert tree_all_reduce(64, short, 1e-5, 1e-9) < ring_all_reduce(64, short, 1e-5, 1e-9)
    assert tree_all_reduce(64, long, 1e-5, 1e-9) > ring_all_reduce(64, long, 1e-5, 1e-9)


@given(counts)
def test_the_bytes_on_a_ring_stay_below_twice_the_message(devices):
    assert ring_all_reduce(devices, 1000, 0, 1) <= 2000


def test_levels_of_a_tree():
    assert tree_all_reduce([1, 2, 3, 4, 5, 8, 9], 1, 1, 0).tolist() == [0, 2, 4, 4, 6, 6, 8]


@pytest.mark.parametrize("stage, gigabytes", [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_zero_gives_the_numbers_of_the_paper(stage, gigabytes):
    # Figure 1 of Rajbhandari and others: 7.5 billion parameters on 64 devices.
    total = zero_states(7_500_000_000, 64, stage).total
    assert total / 1e9 == pytest.approx(gigabytes, abs=0.05)


def test_each_stage_divides_one_thing_more():
    states = [zero_states(12, 4, stage) for stage in range(4)]
    parts = [(s.parameters, s.gradients, s.optimizer, s.total) for s in states]
    assert parts == [(24, 24, 144, 192), (24, 24, 36, 84), (24, 6, 36, 66), (6, 6, 36, 48)]


def test_other_precisions():
    plain = zero_states(10, 2, 1, parameter_bytes=4, gradient_bytes=4, optimizer_bytes=8)
    assert (plain.parameters, plain.gradients, plain.optimizer) == (40, 40, 40)


@given(st.integers(1, 12), st.integers(1, 40))
def test_the_bubble_of_a_forward_pass_counted(stages, micro_batches):
    busy = np.zeros((stages, micro_batches + stages - 1))
    for stage in range(stages):
        busy[stage, stage : stage + micro_batches] = 1
    assert bubble_fraction(stages, micro_batches) == pytest.approx(1 - busy.mean())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: amdahl(-0.1, 2), "serial is -0.1; expected a share from 0 to 1"),
        (lambda: gustafson(1.5, 2), "serial is 1.5; expected a share"),
        (lambda: amdahl(float("nan"), 2), "serial is nan"),
        (lambda: amdahl(0.5, 0), "devices is 0.0; expected at least 1"),
        (lambda: ring_all_reduce(2, -1, 0, 0), "size is -1.0; expected 0 or more"),
        (lambda: tree_all_reduce(2, 1, 0, -3), "beta is -3.0; expected 0 or more"),
        (lambda: zero_states(0, 2, 1), "parameters is 0; expected an integer of at least 1"),
        (lambda: zero_states(1, 2.5, 1), "devices is 2.5; expected an integer"),
        (lambda: zero_states(1, 2, 4), "stage is 4; expected 0, 1, 2 or 3"),
        (lambda: zero_states(1, 2, 1, gradient_bytes=-2), "the bytes of gradients are -2"),
        (lambda: bubble_fraction(0, 3), "stages is 0; expected an integer of at least 1"),
        (lambda: bubble_fraction(3, 0), "micro_batches is 0; expected an integer"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
