import os
import subprocess
import sys
import time

import pytest

from companion.deploy.files import lock, locked, sync_folder


def test_a_folder_can_be_flushed(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


def test_folders_are_left_alone_where_they_cannot_be_flushed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "name", "other")
    sync_folder(tmp_path / "missing")


def test_a_lock_is_held_once_and_ends_with_its_owner(tmp_path):
    path = tmp_path / "lock"
    program = (
        "import sys, time\nfrom companion.deploy.files import locked\n"
        f"with locked({str(path)!r}):\n    print('in', flush=True)\n    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "in\n"
    with open(path, "ab") as file, pytest.raises(BlockingIOError):
        lock(file, wait=False)
    owner.kill()
    start = time.monotonic()
    with locked(path):
        assert time.monotonic() - start < 10
    owner.communicate()
