"""A chapter with a fault makes pytest fail, for each kind of fault, and a good one passes.

Each chapter is tested by a pytest process of its own, called as `make test` calls it.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kernels_find_companion")]
COMMAND = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=60", "book"]
# For the reports that are looked at below, and to start faster.
OPTIONS = ["-v", "-ra", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]


def _replace(old, new):
    def mutate(notebook):
        cell = next(cell for cell in notebook.cells if old in cell.source)
        cell.source = cell.source.replace(old, new)

    return mutate


def _change_checked_output(notebook):
    cell = next(cell for cell in notebook.cells if "NBVAL_CHECK_OUTPUT" in cell.source)
    cell.outputs[0].text = "3\n"


def _promise_too_little_time(notebook):
    notebook.metadata.companion.minutes.run = 0.001


MUTATIONS = {
    "false claim": (_replace("1 < 2,", "2 < 1,"), "Claim does not hold: 1 is less than 2"),
    "changed output": (_change_checked_output, "Cell outputs differ"),
    "cell that raises": (_replace("print(1 + 1)", "print(1 + one)"), "NameError"),
    "check that accepts": (
        _replace("double(3) == 2 * 3", "double(3) > 0"),
        "wrong answer 1: the check accepts it",
    ),
    "check that says nothing": (
        _replace(', f"double(3) should be 2 times 3, not {double(3)}"', ""),
        "wrong answer 1: the check's message '' does not say what is wrong",
    ),
    "slower than it says": (_promise_too_little_time, "its metadata and the course's limit allow"),
}


def _pytest(tree, **variables):
    """Run pytest on a tree and return its exit status and what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *COMMAND, *OPTIONS],
        cwd=tree.root,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return process.returncode, process.stdout + process.stderr


@pytest.fixture
def good_tree(tree):
    return tree.without_setup().with_pytest()


def test_a_good_chapter_passes(good_tree):
    # What is no chapter must not be run: this notebook would fail.
    broken = good_tree.path.read_text().replace("print(1 + 1)", "raise SystemError")
    for folder in (good_tree.root, good_tree.root / "book" / ".ipynb_checkpoints"):
        folder.mkdir(exist_ok=True)
        (folder / "copy.ipynb").write_text(broken)
    status, printed = _pytest(good_tree)
    assert status == 0, printed
    assert "exercise 1 rejects wrong answers PASSED" in printed
    assert "exercise 2 rejects wrong answers PASSED" in printed
    assert "takes no longer than it says PASSED" in printed
    assert " 10 passed" in printed  # seven cells, two exercises, the time
    assert "copy.ipynb" not in printed


def test_at_full_scale_the_time_is_not_limited(good_tree):
    _promise_too_little_time(good_tree.notebook)
    good_tree.save()
    status, printed = _pytest(good_tree, COMPANION_SCALE="full")
    assert status == 0, printed
    assert "COMPANION_SCALE=full: the limit holds at laptop scale" in printed


def test_each_fault_makes_pytest_fail(make_tree):
    trees = []
    for name, (mutate, _) in MUTATIONS.items():
        tree = make_tree().without_setup().with_pytest()
        before = tree.path.read_text()
        mutate(tree.notebook)
        tree.save()
        assert tree.path.read_text() != before, name
        trees.append(tree)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(_pytest, trees))
    for (name, (_, message)), (status, printed) in zip(MUTATIONS.items(), outcomes, strict=True):
        assert status == 1, f"{name}: exit status {status}\n{printed}"
        assert message in printed, f"{name}: {message!r} is not in\n{printed}"
