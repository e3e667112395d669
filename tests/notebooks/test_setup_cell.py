"""The setup cell makes the companion available in an environment that has nothing but pip."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tools.chapters import repository_url
from tools.generated import setup_source

ROOT = Path(__file__).resolve().parents[2]
WHEELHOUSE = ROOT / ".venv" / "wheelhouse"
REPORT = """
import companion
from importlib.util import find_spec
print("REPORT", DEVICE, SEED, find_spec("torch"), companion.__file__)
"""


def _environment(**variables):
    """Return environment variables that neither show this environment nor reach the network."""
    hidden = ("COV", "PIP_", "PYTHON", "VIRTUAL_ENV", "COMPANION_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    pip = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
        "PIP_NO_INDEX": "1",
    }
    return {**inherited, **pip, **variables}


def _run(arguments, folder, **variables):
    """Run Python with the given arguments and return what it printed."""
    process = subprocess.run(
        arguments,
        cwd=folder,
        env=_environment(**variables),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def _build_wheel(folder):
    """Build the companion's wheel from a copy, which keeps build folders out of the repository."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "companion", source / "companion", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(source)]
    _run(command, folder, PIP_FIND_LINKS=str(WHEELHOUSE))
    (wheel,) = folder.glob("large_models_companion-*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_setup_cell_in_a_bare_environment(tmp_path):
    assert list(WHEELHOUSE.glob("*.whl")), "the wheels for this test are missing: run `make test`"
    wheel = _build_wheel(tmp_path)
    requirement = f"large-models-companion @ git+{repository_url(ROOT)}"
    source = setup_source(ROOT)
    assert source.count(requirement) == 1
    script = tmp_path / "setup_cell.py"
    script.write_text(source.replace(requirement, str(wheel)) + REPORT)
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"

    first = _run([str(python), str(script)], tmp_path, PIP_FIND_LINKS=str(WHEELHOUSE))
    report = first.split("REPORT")[1].split(maxsplit=3)
    assert report[:3] == ["cpu", "0", "None"]
    installed = Path(report[3].strip())
    assert installed.is_relative_to(tmp_path / "bare")
    assert "site-packages" in installed.parts

    # The second time, as in a kernel that is started anew, there is nothing to install.
    again = _run([str(python), str(script)], tmp_path, PIP_FIND_LINKS=str(tmp_path / "empty"))
    assert again.strip() == first[first.index("REPORT") :].strip()
