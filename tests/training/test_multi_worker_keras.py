"""The chapter on parallelism prints a program for several machines; here it runs in two processes.

What the chapter says of it: both processes print the losses of one, and Keras's own `fit` does not
work under this strategy. Should `fit` work one day, the chapter has to be changed.
"""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIT = """
try:
    with strategy.scope():
        model.compile(optimizer="sgd", loss="mse")
    model.fit(batches, verbose=0)
    print("fit works")
except Exception as error:
    print("fit raised", type(error).__name__, str(error)[-200:].replace("\\n", " "))
"""


def printed_program():
    """The chapter's only fenced program that names the strategy."""
    cells = json.loads((ROOT / "book/concepts/parallelism.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    programs = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (program,) = (program for program in programs if "MultiWorkerMirroredStrategy" in program)
    return program


def free_addresses(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()


def start(script, workers=(), index=0):
    settings = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    settings["KERAS_BACKEND"] = "tensorflow"
    if workers:
        task = {"type": "worker", "index": index}
        settings["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, script], env=settings, **pipes)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What one process printed, and what each of two that work together printed."""
    script = tmp_path_factory.mktemp("keras") / "program.py"
    script.write_text(printed_program() + FIT, encoding="utf-8")
    workers = free_addresses(2)
    processes = [start(script), start(script, workers, 0), start(script, workers, 1)]
    try:
        results = [process.communicate(timeout=200) for process in processes]
    finally:
        for process in processes:
            process.kill()  # does nothing to one that has ended
    for process, (_, errors) in zip(processes, results, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [output.split("\n") for output, _ in results]


@pytest.mark.slow
def test_two_processes_print_the_losses_of_one(outputs):
    alone, first, second = ([float(line) for line in lines[:5]] for lines in outputs)
    assert alone[4] < alone[0]
    assert first == second == pytest.approx(alone, rel=1e-5)


@pytest.mark.slow
def test_fit_still_fails_in_several_processes(outputs):
    alone, first, second = (lines[5] for lines in outputs)
    assert alone == "fit works"
    assert first.startswith("fit raised") and second.startswith("fit raised")
