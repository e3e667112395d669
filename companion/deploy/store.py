"""A registry of model versions: each one whole, unchangeable and checked, one of them current.

    versions/0001/model.safetensors    the arrays, read-only
    versions/0001/version.json         what there is to say about them, and the SHA-256 of both
    current.json                       every promotion and rollback so far; the last one counts

A version is written into a folder of another name, flushed, and given its number by renaming the
folder. A promotion replaces `current.json` in one step (`os.replace`). So a process that is killed
anywhere leaves a store that reads as before or as after, and nothing between.
"""

import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from safetensors.numpy import load, save

from companion.checks import natural
from companion.deploy.files import locked, sync_folder
from companion.saving import replacing

__all__ = ["Store", "StoreError"]

_UNFINISHED = ".unfinished-"


class StoreError(ValueError):
    """A store that is damaged, or a version that it has not."""


class Store:
    """The folder of the registry, which is made if it is missing.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._versions.mkdir(parents=True, exist_ok=True)

    def add(self, tensors, facts):
        """Add a version. The same content again is the version that there is already.

        Args:
            tensors: NumPy arrays by name.
            facts: A dictionary that JSON can hold.

        Returns:
            The number of the version, from 1.
        """
        data = save(tensors)
        text = json.dumps(facts, sort_keys=True, allow_nan=False)
        record = {"sha256": _digest(data, text), "facts": json.loads(text)}
        with self._alone():
            for version in self.versions():
                if self._record(version)["sha256"] == record["sha256"]:
                    return version
            number = max(self.versions(), default=0) + 1
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._versions))
            for name, content in (
                ("model.safetensors", data),
                ("version.json", (json.dumps(record, indent=1) + "\n").encode()),
            ):
                with replacing(unfinished / name) as path:
                    path.write_bytes(content)
                (unfinished / name).chmod(0o444)
            sync_folder(unfinished)
            unfinished.rename(self._place(number))
            sync_folder(self._versions)
        return number

    def read(self, version):
        """Return the pair (tensors, facts) of a version.

        Raises:
            StoreError: If there is no such version, or its files are not as they were written.
        """
        record = self._record(version)
        path = self._place(version) / "model.safetensors"
        data = path.read_bytes() if path.is_file() else b""
        if _digest(data, json.dumps(record["facts"], sort_keys=True)) != record["sha256"]:
            raise StoreError(
                f"version {version} in {self.folder} is damaged: it does not fit its SHA-256"
            )
        return load(data), record["facts"]

    def versions(self):
        """Return the numbers of all versions in order."""
        return sorted(int(path.name) for path in self._versions.iterdir() if path.name.isdigit())

    def promote(self, version, reason):
        """Make a version the current one, in one step. Does nothing if it is that already.

        Args:
            version: Its number.
            reason: A sentence for those who ask later.

        Raises:
            StoreError: If there is no such version or it is damaged.
        """
        self.read(version)
        with self._alone():
            if self.current() != version:
                self._write({"event": "promote", "version": version, "reason": reason})

    def roll_back(self, version, reason):
        """Leave a version for the one that was current before it.

        Args:
            version: The current version. Named so that a rollback that is repeated, because nobody
                knows whether the first one came through, does not go back twice.
            reason: A sentence for those who ask later.

        Returns:
            The number of the version that is current now.

        Raises:
            StoreError: If another version is current, or none was before it.
        """
        with self._alone():
            stack = self._stack()
            if stack[-1:] != [version]:
                raise StoreError(f"version is {version}; expected the current one, {stack[-1:]}")
            if len(stack) < 2:
                raise StoreError(f"version {version} is the first; there is none to go back to")
            self._write({"event": "roll back", "version": stack[-2], "reason": reason})
            return stack[-2]

    def current(self):
        """Return the number of the current version, or None."""
        return (self._stack() or [None])[-1]

    def events(self):
        """Return all promotions and rollbacks, the oldest first.

        Raises:
            StoreError: If the file that holds them is damaged.
        """
        path = self.folder / "current.json"
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        except ValueError as error:
            raise StoreError(f"{path} is damaged: {error}") from error

    def stamp(self):
        """Return something cheap that differs after each promotion or rollback; None before."""
        try:
            facts = (self.folder / "current.json").stat()
        except FileNotFoundError:
            return None
        return facts.st_ino, facts.st_mtime_ns, facts.st_size

    @contextmanager
    def _alone(self):
        """Let one process at a time write, and clear away what a killed one has left half done."""
        with locked(self.folder / ".lock"):
            for left in self._versions.glob(_UNFINISHED + "*"):
                shutil.rmtree(left)
            for left in self.folder.glob(".current.json.*.unfinished"):
                left.unlink()  # see `replacing`
            yield

    def _stack(self):
        """Return the versions that were promoted and not left again."""
        stack = []
        for event in self.events():
            stack = [*stack, event["version"]] if event["event"] == "promote" else stack[:-1]
        return stack

    def _write(self, event):
        with replacing(self.folder / "current.json") as path:
            path.write_text(json.dumps([*self.events(), event], indent=1) + "\n", encoding="utf-8")
        sync_folder(self.folder)

    def _record(self, version):
        path = self._place(natural("version", version, smallest=1)) / "version.json"
        if not path.is_file():
            raise StoreError(f"no version {version} in {self.folder}; it has {self.versions()}")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            record["sha256"], record["facts"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} is damaged: {error!r}") from error
        return record

    def _place(self, version):
        return self._versions / f"{version:04d}"

    @property
    def _versions(self):
        return self.folder / "versions"


def _digest(data, text):
    """Return the SHA-256 of the arrays and of what is said about them."""
    return hashlib.sha256(hashlib.sha256(data).digest() + text.encode()).hexdigest()
