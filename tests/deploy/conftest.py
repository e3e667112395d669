import shutil

import pytest

from tests.deploy.boxes import first_version


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return first_version(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def folder(trained, tmp_path):
    """A folder of the test's own, whose first turn has promoted version 1."""
    return shutil.copytree(trained, tmp_path / "service")
