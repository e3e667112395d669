"""An append-only log of what happened: one line for a record, safe once `append` has returned.

A line is the CRC-32 of a JSON text in eight hexadecimal digits, a space, the JSON text and a line
feed:

    5d1a7e02 {"kind": "feedback", "id": "patient-17", "label": "benign"}

A process that dies in the middle of a line leaves a *torn* line: one without its line feed. It was
never acknowledged, so readers leave it out and the next writer cuts it off. Anything else that does
not fit its checksum is damage, which is reported and never skipped.
"""

import json
import os
import zlib
from pathlib import Path

from companion.deploy.files import lock, sync_folder

__all__ = ["Log", "LogError", "read"]


class LogError(ValueError):
    """A log that is damaged, or that another process is writing."""


class Log:
    """The writer of a log; only one process can have it open.

    Args:
        path: The file, which is made if it is missing; its folder exists. A torn line at its end
            is cut off.

    Raises:
        FileNotFoundError: If the folder does not exist.
        LogError: If another process has the log open, or it is damaged.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"cannot write {path}: {self.path.parent} does not exist")
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        try:
            lock(self._file, wait=False)
            self._size = read(self.path)[1]
            self._file.truncate(self._size)
        except BlockingIOError:
            self._file.close()
            raise LogError(f"{path} is being written by another process") from None
        except LogError:
            self._file.close()
            raise
        sync_folder(self.path.parent)

    def append(self, records):
        """Write some records; they are on the disk when this returns.

        A process that is killed meanwhile leaves the first few of them, or none.

        Args:
            records: A list of dictionaries that JSON can hold.

        Raises:
            OSError: If the disk is full or fails; the log is then as it was before.
            ValueError: If a record cannot be written as JSON, or the log is closed.
        """
        data = b"".join(_line(record) for record in records)
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(data)

    def close(self):
        """Close the file, which lets another process write."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read(path, start=0, stop=None):
    """Read the records between two places of a log, also while another process writes it.

    Args:
        path: The file; a missing one is an empty log.
        start: The place in bytes to begin at: 0, or one that `read` returned.
        stop: The place to end at, one that `read` returned; None for the last whole line.

    Returns:
        The pair (records, place behind the last of them).

    Raises:
        LogError: If a line does not fit its checksum.
    """
    path = Path(path)
    if not path.exists():
        return [], 0
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read() if stop is None else file.read(stop - start)
    end = data.rfind(b"\n") + 1
    records, place = [], start
    for line in data[:end].splitlines(keepends=True):
        records.append(_record(path, place, line))
        place += len(line)
    return records, place


def _line(record):
    text = json.dumps(record, ensure_ascii=True, allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _record(path, place, line):
    digest, _, text = line.rstrip(b"\n").partition(b" ")
    if digest != b"%08x" % zlib.crc32(text):
        raise LogError(f"{path} is damaged at byte {place}: a line does not fit its checksum")
    return json.loads(text)
