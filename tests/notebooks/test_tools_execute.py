"""The command line runs chapters in fresh kernels, saves them, and measures their claims."""

import json

import pytest

from tools.notebook_files import read_notebook
from tools.notebooks import main
from tools.seeds import Result, run_seeds, table, worst_results

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kernels_find_companion")]


def _main(tree, *arguments):
    return main(["--root", str(tree.root), *arguments])


def _only(tree, *sources):
    """Keep the title, then cells with the given sources, so that a run is short."""
    del tree.notebook.cells[3 + len(sources) :]
    for cell, source in zip(tree.notebook.cells[3:], sources, strict=True):
        cell.update(cell_type="code", source=source, metadata={}, outputs=[], execution_count=7)
    tree.notebook.cells[2].source = ""
    tree.save()


@pytest.fixture
def no_sync(monkeypatch):
    """Leave the setup cell empty: it would import torch."""
    monkeypatch.setattr("tools.notebooks.sync_chapters", lambda root, selected: [])


def test_run_saves_outputs_of_a_fresh_kernel(tree, no_sync, capsys):
    environment = "import os\nprint(os.getcwd().endswith('math'), 'IPYTHONDIR' in os.environ)"
    _only(tree, "x = 1\nprint(x)\nx;", environment)
    assert _main(tree, "run") == 0
    notebook = read_notebook(tree.path)
    assert [cell.get("execution_count") for cell in notebook.cells[2:]] == [None, 1, 2]
    assert notebook.cells[3].outputs == [
        {"output_type": "stream", "name": "stdout", "text": "1\n"},
    ]
    assert notebook.cells[4].outputs[0].text == "True True\n"
    assert notebook.metadata.language_info == {"name": "python"}
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    printed = capsys.readouterr().out
    assert printed.startswith("math/doubling: ")
    times = json.loads((tree.root / "_build" / "notebook-times.json").read_text())
    assert printed == f"math/doubling: {times['math/doubling']:.1f} s\n"


def test_run_does_not_save_a_chapter_that_raises(tree, no_sync, capsys):
    _only(tree, "print('before')", "one = 1\none / 0", "print('after')")
    before = tree.path.read_bytes()
    assert _main(tree, "run", str(tree.path)) == 1
    assert tree.path.read_bytes() == before
    printed = capsys.readouterr().out
    assert "math/doubling: not saved" in printed
    assert "cell 4 raised" in printed
    assert "ZeroDivisionError: division by zero" in printed
    assert "\x1b" not in printed
    assert not (tree.root / "_build" / "notebook-times.json").exists()


def test_run_survives_a_kernel_that_dies(tree, no_sync, capsys):
    _only(tree, "import os\nos._exit(3)")
    before = tree.path.read_bytes()
    assert _main(tree, "run") == 1
    assert tree.path.read_bytes() == before
    assert "Kernel died" in capsys.readouterr().out


def test_run_reports_what_was_written_to_stderr(tree, no_sync, capsys):
    _only(tree, "import sys\nprint('be careful', file=sys.stderr)")
    assert _main(tree, "run") == 0
    assert "math/doubling: cell 3 wrote to stderr: be careful" in capsys.readouterr().out


def test_seeds_go_on_after_a_claim_that_fails(tree, capsys):
    _only(
        tree,
        "import os\nfrom companion.claims import claim\nseed = int(os.environ['COMPANION_SEED'])",
        'claim("seed is small", seed < 2, measured=seed)\nclaim(f"{1} exact", seed != 0)\nseed = 3',
        'claim("three stays", 2 < seed and seed < 10)',
    )
    before = tree.path.read_bytes()
    assert _main(tree, "seeds", "--n", "2", "--jobs", "2") == 1
    assert tree.path.read_bytes() == before
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["margin", "seed", "chapter", "claim"],
        ["FAILED", "2", "math/doubling", "seed", "is", "small"],
        ["+50.0", "%", "1", "math/doubling", "three", "stays"],
        ["exact", "1", "math/doubling", "1", "exact"],
    ]
    failure = "Claim does not hold: seed is small (measured 2)"
    assert lines[4:] == ["", f"FAILED under seed 2: math/doubling: {failure}"]


def test_seeds_report_a_chapter_that_raises(tree, capsys):
    _only(tree, "raise KeyError('gone')", 'claim("never made", 1 < 2)')
    assert _main(tree, "seeds", "--n", "1") == 1
    printed = capsys.readouterr().out
    assert "(cell 3 raised)" in printed
    assert "KeyError" in printed
    assert "never made" not in printed


def test_the_worst_seed_of_each_claim_comes_first():
    results = [
        Result("b", (1, 0), "exact", 1),
        Result("a", (1, 0), "wide", 1, 0.9),
        Result("a", (1, 0), "wide", 2, 0.8),
        Result("a", (2, 0), "tight", 1, 0.02),
        Result("a", (2, 0), "tight", 2, 0.5),
        Result("a", (3, 0), "false", 1, 0.5),
        Result("a", (3, 0), "false", 2, -0.1, "Claim does not hold: false"),
    ]
    found = [(r.text, r.seed) for r in worst_results(results)]
    assert found == [("false", 2), ("tight", 1), ("wide", 2), ("exact", 1)]
    assert "+2.0 %" in table(results)


@pytest.mark.parametrize("jobs", [0, 3])
def test_at_most_two_notebooks_run_at_a_time(jobs):
    with pytest.raises(ValueError, match=f"jobs is {jobs}"):
        run_seeds([], [1], jobs)


def test_without_seeds_nothing_is_claimed_to_hold():
    with pytest.raises(ValueError, match="no seeds"):
        run_seeds([], range(1, 1))


def test_sync_check_and_home_from_the_command_line(tree, capsys):
    assert _main(tree, "sync", "--check") == 0
    assert _main(tree, "check") == 0
    tree.notebook.metadata.companion.data = "Some other numbers."
    tree.save()
    assert _main(tree, "sync", "--check") == 1
    assert "math/doubling: is out of date" in capsys.readouterr().out
    assert _main(tree, "check", str(tree.path)) == 1
    assert "generated_cells_are_current" in capsys.readouterr().out
    assert _main(tree, "sync") == 0
    assert _main(tree, "check") == 0
    assert _main(tree, "home", "https://github.com/someone/a-book") == 0
    assert "changed _config.yml" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["run", "nowhere.ipynb"], ["run", "_config.yml"], ["home", "http://a.b/c"]],
)
def test_bad_input_is_explained_in_one_line(tree, arguments, capsys):
    assert _main(tree, *arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
