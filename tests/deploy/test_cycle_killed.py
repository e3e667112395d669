"""A turn that is killed, wherever that is, and run again ends as if nothing had happened."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the worker forks, which Windows cannot")
def test_killed_at_every_point_and_at_random_moments(trained, tmp_path):
    seed = random.randrange(10**6)
    command = [sys.executable, str(ROOT / "tests" / "deploy" / "worker_cycle.py")]
    settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(trained), str(tmp_path), str(seed)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    lines = done.stdout.splitlines()
    assert sum(line.startswith("point") for line in lines) > 20
    kills = [int(line.split()[-1]) for line in lines if line.startswith("moment")]
    assert len(kills) == 25 and sum(kills) > 10, lines
