"""Files of a service: their names, how they get onto the disk, and one writer at a time.

A process that is killed loses nothing that it has handed to the operating system. A machine that
loses its power does: a file is safe once it is flushed (`os.fsync`), and its *name* is safe once
the folder that holds the name is flushed too.
"""

import os
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows: one process has to see to it that there is only one
    fcntl = None

__all__ = ["LOG", "STORE", "lock", "locked", "sync_folder"]

# In the folder of a service.
LOG = "records.log"
STORE = "store"


def sync_folder(folder):
    """Flush the names in a folder to the disk, where the operating system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(file, wait=True):
    """Lock an open file for this process; the lock goes when the file is closed or its owner dies.

    Args:
        file: An open file.
        wait: Whether to wait while another one holds the lock.

    Raises:
        BlockingIOError: If another one holds it and `wait` is False.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def locked(path):
    """Let one process at a time into the body of a `with` statement; `path` is the lock's file."""
    with open(path, "ab") as file:
        lock(file)
        yield
