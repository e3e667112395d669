"""Several processes train as one; and no process imports a framework that it does not use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run(*command):
    """Run Python and return what it printed; after four minutes, end it and all that it started."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        output, errors = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        process.terminate()  # torchrun passes this on to its processes
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What one process saw on its own, and what the two under torchrun saw."""
    alone, together = (tmp_path_factory.mktemp(name) for name in ("alone", "together"))
    run(HERE / "worker_torchrun.py", alone)
    run(*TORCHRUN, HERE / "worker_torchrun.py", together)
    paths = (alone / "0.json", together / "0.json", together / "1.json")
    return [json.loads(path.read_text()) for path in paths]


def test_two_processes_have_the_loss_curve_of_one(results):
    alone, first, second = results
    assert len(alone["loss"]) == 12 and alone["loss"][-1] < 0.7 * alone["loss"][0]
    assert first["loss"] == second["loss"]
    np.testing.assert_allclose(first["loss"], alone["loss"], rtol=1e-5)
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=1e-5)
    assert first["weights"] == second["weights"]
    np.testing.assert_allclose(first["single"], alone["single"], rtol=1e-5)


def test_all_processes_stop_when_one_asks_to(results):
    assert [seen["stopped_after"] for seen in results] == [5, 5, 5]


def test_resuming_is_exact_in_every_process(results):
    for seen in results:
        assert seen["resumed"] == seen["whole"]
    alone, first, second = results
    assert first["draw"] != second["draw"]  # each has its own dropout, after resuming too
    assert first["whole"] != alone["whole"]


def test_a_batch_that_cannot_be_shared_evenly_is_refused(results):
    alone, *others = results
    assert alone["indivisible"] is None
    for seen in others:
        message = "ValueError: batch_size is 7 for 2 processes; expected a multiple"
        assert seen["indivisible"] == message


def test_a_checkpoint_that_only_one_process_sees_is_refused(results):
    assert results[0]["lost"] is None
    for seen in results[1:]:
        message = "CheckpointError: the processes find checkpoints of the steps [11, None] in "
        assert seen["lost"].startswith(message)


def test_every_process_names_the_step_of_a_loss_that_is_not_finite(results):
    alone, first, second = (seen["nan"] for seen in results)
    assert "at step 1 (the first is 0)" in alone and alone == first == second


def test_the_neutral_parts_import_no_framework():
    parts = ("history", "checkpoint", "batches", "run")
    lines = [f"import companion.training.{part}" for part in parts]
    lines.append("import sys; print({'torch', 'keras', 'tensorflow'} & set(sys.modules))")
    assert run("-c", "\n".join(lines)) == "set()\n"
