"""pytest's settings for the whole repository: how the notebooks under book/ are tested.

    pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=60 tests book

runs every chapter through nbval, its exercises' wrong answers included. Without ``--nbval-lax``
notebooks are left alone.
"""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
# tools/ is not installed, and --import-mode=importlib does not make it known.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def pytest_configure(config):
    """Register the mark that `make check` leaves out."""
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Replace nbval's collector by the course's own, and leave out what is no chapter."""
    collectors = yield
    if file_path.suffix != ".ipynb" or not collectors:
        return collectors
    inside = file_path.is_relative_to(ROOT / "book")
    if not inside or any(part[0] in "._" for part in file_path.relative_to(ROOT).parts):
        return []
    from tools.nbval_items import Chapter

    return [Chapter.from_parent(parent, path=file_path)]
