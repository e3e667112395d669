"""A run that is killed and started again ends with the same weights, bit for bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"}
EPOCHS, STEPS_PER_EPOCH = 12, 7


def start(worker, *folders):
    command = [sys.executable, str(HERE / worker), *map(str, folders)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return [int(line) for line in output.split()]


def kill_after(process, step, delay):
    """Kill the process some time after it has reported the step; return its first step."""
    lines = []
    for line in process.stdout:
        lines.append(int(line))
        if lines[-1] >= step:
            break
    time.sleep(delay)
    process.kill()
    errors = process.communicate()[1]
    expected = -signal.SIGKILL if os.name == "posix" else 1
    assert process.returncode == expected, f"it ended by itself: {errors}"
    return lines[0]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("worker", "kills"), [("worker_torch.py", 3), ("worker_keras.py", 2)], ids=["torch", "keras"]
)
def test_killed_at_random_steps_and_resumed(tmp_path, worker, kills):
    draw = random.Random()
    whole, resumed, checkpoint = (tmp_path / name for name in ("whole", "resumed", "checkpoint"))
    for folder in (whole, resumed):
        folder.mkdir()
    uninterrupted = start(worker, whole)
    last, plan = 0, []
    for _ in range(kills):
        step, delay = last + draw.randint(4, 4 + 40 // kills), draw.uniform(0, 0.02)
        plan.append((step, round(delay, 4)))
        first = kill_after(start(worker, resumed, checkpoint), step, delay)
        assert first == last + 1, plan
        last = json.loads((checkpoint / "checkpoint.json").read_text())["step"]
        assert step - 3 <= last < EPOCHS * STEPS_PER_EPOCH, plan
    steps = finish(start(worker, resumed, checkpoint))
    assert steps == list(range(last + 1, EPOCHS * STEPS_PER_EPOCH + 1)), plan
    assert len(finish(uninterrupted)) == EPOCHS * STEPS_PER_EPOCH
    assert content(resumed) == content(whole), plan
    names = {"checkpoint.json", f"tensors-{EPOCHS * STEPS_PER_EPOCH:08d}.safetensors"}
    assert set(content(checkpoint)) == names
