"""Checkpoints of a training run: whole or not there at all, and never of another run.

A checkpoint is a folder with two files. `tensors-<step>.safetensors` holds the weights, the state
of the optimiser and the states of the random generators. `checkpoint.json` holds the step, the
epoch, the history, the settings of the run, and the name and SHA-256 of the tensors that belong to
it. Each is written under another name, flushed to the disk and then renamed, `checkpoint.json`
last: whenever the process is killed, `checkpoint.json` names tensors that are complete.
"""

import hashlib
import json
import random
import re
from pathlib import Path

import numpy as np

from companion.checks import natural
from companion.saving import replacing

__all__ = [
    "CheckpointError",
    "Store",
    "random_state",
    "require_same_config",
    "require_same_tensors",
    "restore_random_state",
    "under",
]

_FORMAT = "large-models-companion checkpoint 1"
_RECORD = "checkpoint.json"
_TENSORS = "tensors-{:08d}.safetensors"
_LEFTOVER = re.compile(
    r"tensors-\d{8}\.safetensors"
    r"|\.(tensors-\d{8}\.safetensors|checkpoint\.json)\.\d+\.unfinished"  # see `replacing`
)


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or that belongs to another model or run."""


class Store:
    """The folder that holds the checkpoint of a run.

    Args:
        folder: Where it is; None for a run without checkpoints.
        every: Updates between two checkpoints; None for one per epoch.
        resume: Whether to go on from a checkpoint that is there already.

    Raises:
        ValueError: If `every` or `resume` is given without a folder.
        FileExistsError: If a checkpoint is there and `resume` is False.
        CheckpointError: If the folder is a file.
    """

    def __init__(self, folder, every, resume):
        if folder is None and (every is not None or resume):
            raise ValueError(
                f"checkpoint_every is {every!r} and resume {resume!r}, but checkpoint is None; "
                "expected the folder of the checkpoint"
            )
        self.every = None if every is None else natural("checkpoint_every", every, 1)
        self.folder = None if folder is None else Path(folder)
        if folder is None:
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise CheckpointError(f"checkpoint {self.folder} is a file; expected a folder")
        if self._record.exists() and not resume:
            raise FileExistsError(
                f"checkpoint {self.folder} already holds one; pass resume=True to go on from it, "
                "or another folder"
            )

    def write(self, tensors, facts, save):
        """Replace the checkpoint.

        Args:
            tensors: Tensors by name, in the form that `save` takes.
            facts: What goes into the JSON file, with the integer "step" in it.
            save: The function of that name of `safetensors.torch` or `safetensors.numpy`. Their
                `save_file` would leave a file of its own behind when it is killed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = _TENSORS.format(facts["step"])
        with replacing(self.folder / name) as path:
            path.write_bytes(save(tensors))
            digest = _sha256(path)
        facts = {"format": _FORMAT, "tensors": name, "sha256": digest, **facts}
        with replacing(self._record) as path:
            lines = (f"{json.dumps(name)}: {json.dumps(fact)}" for name, fact in facts.items())
            path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        self._clean(keep=name)

    def read(self, load_file):
        """Read the checkpoint and change nothing.

        Args:
            load_file: The function of that name of `safetensors.torch` or `safetensors.numpy`.

        Returns:
            The pair (tensors, facts), or None if there is no checkpoint.

        Raises:
            CheckpointError: If a file is damaged, missing or of another kind.
        """
        if self.folder is None or not self._record.exists():
            return None
        try:
            facts = json.loads(self._record.read_text(encoding="utf-8"))
            if facts["format"] != _FORMAT:
                raise KeyError(facts["format"])
            path, digest = self.folder / facts["tensors"], facts["sha256"]
            facts["config"], facts["step"]
        except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self._record} is not a whole checkpoint of this course "
                f"({type(error).__name__}: {error}); expected the format {_FORMAT!r}"
            ) from None
        if not path.is_file():
            raise CheckpointError(f"{self._record} names {path.name}, which is missing")
        if _sha256(path) != digest:
            raise CheckpointError(f"{path} is truncated or changed: its SHA-256 is not {digest}")
        return load_file(path), facts

    def _clean(self, keep):
        """Remove earlier tensors, and what a process that was killed had not finished."""
        for path in self.folder.iterdir():
            if path.name != keep and _LEFTOVER.fullmatch(path.name):
                path.unlink()

    @property
    def _record(self):
        return self.folder / _RECORD


def require_same_config(folder, saved, now):
    """Require that a checkpoint was written with the settings of this run.

    Raises:
        CheckpointError: If not; the message names each setting that differs.
    """
    now = json.loads(json.dumps(now))  # a tuple comes back from JSON as a list
    different = [
        f"{name} was {saved.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]
    if different:
        raise CheckpointError(f"checkpoint {folder} belongs to another run: {'; '.join(different)}")


def require_same_tensors(folder, saved, now):
    """Require that saved tensors are those of this model.

    Args:
        folder: Where the tensors were saved.
        saved: These tensors by name.
        now: The tensors of the model by name.

    Raises:
        CheckpointError: If names, shapes or types differ; the message names the tensors.
    """
    for name in sorted({*saved, *now}):
        if name not in now:
            raise CheckpointError(f"{folder} holds {name}, which the model has not")
        if name not in saved:
            raise CheckpointError(f"{folder} lacks {name}, which the model has")
        old, new = (f"{tuple(all_[name].shape)} {all_[name].dtype}" for all_ in (saved, now))
        if old != new:
            raise CheckpointError(f"{name} is {old} in {folder}, and {new} in the model")


def under(prefix, values):
    """Select the values whose names start with a prefix, and cut the prefix off."""
    return {name.removeprefix(prefix): values[name] for name in values if name.startswith(prefix)}


def random_state():
    """Return the states of Python's and NumPy's global generators as arrays by name."""
    _, words, normal = random.getstate()
    _, key, position, has_normal, numpy_normal = np.random.get_state()  # noqa: NPY002
    return {
        "python/words": np.array(words, dtype=np.int64),
        "python/normal": np.array([np.nan if normal is None else normal]),
        "numpy/words": np.array([*key, position, has_normal], dtype=np.int64),
        "numpy/normal": np.array([numpy_normal]),
    }


def restore_random_state(arrays):
    """Set Python's and NumPy's global generators to what `random_state` returned."""
    normal = float(arrays["python/normal"][0])
    words = tuple(int(word) for word in arrays["python/words"])
    random.setstate((3, words, None if np.isnan(normal) else normal))
    *key, position, has_normal = (int(word) for word in arrays["numpy/words"])
    key = np.array(key, dtype=np.uint32)
    state = ("MT19937", key, position, has_normal, float(arrays["numpy/normal"][0]))
    np.random.set_state(state)  # noqa: NPY002 - libraries still draw from the global generator


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
