"""The weights that come with the course: trained by `make checkpoints`, longer than a chapter may.

Each is two files in companion/data/checkpoints: NAME.safetensors with the weights, and NAME.json
with the model's class and config, the command, seed and seconds of the training, and what was
measured behind it. `companion.saving` reads and checks them.
"""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from companion.saving import load_config, load_weights, replacing, save_model

__all__ = ["FOLDER", "checkpoint_config", "load_checkpoint", "save_checkpoint"]

FOLDER = Path(__file__).parent / "data" / "checkpoints"

_RECORD = {"model", "config_class", "config"}  # what `companion.saving` writes into its JSON


def save_checkpoint(name, model, facts, folder=FOLDER):
    """Write a model and what is to be known about its training.

    Args:
        name: Of both files.
        model: As `companion.saving.save_model` takes it.
        facts: By name, what JSON can hold: command, seed, seconds, metrics and the like.
        folder: Where to; it is created.

    Raises:
        ValueError: If a fact has the name of a field of the record.
        TypeError: If `model` cannot be saved.
    """
    taken = _RECORD & set(facts)
    if taken:
        raise ValueError(f"facts has {sorted(taken)}; expected other names, the model's own are so")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        weights, config = _saved(temporary)
        save_model(model, temporary)
        record = json.loads(config.read_text(encoding="utf-8")) | facts
        with replacing(folder / f"{name}.safetensors") as path:
            shutil.copyfile(weights, path)
    with replacing(folder / f"{name}.json") as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def checkpoint_config(name, config_class, folder=FOLDER):
    """Return the config of a checkpoint's model.

    Args:
        name: Of the checkpoint.
        config_class: The dataclass that it is of.
        folder: Where `save_checkpoint` wrote.

    Raises:
        FileNotFoundError: If there is no such checkpoint; the message says how to make it.
        ValueError: If it is damaged, or of another class.
    """
    with _unpacked(name, folder) as (temporary, _):
        return load_config(config_class, temporary)


def load_checkpoint(name, model, folder=FOLDER):
    """Replace the weights of a model by those of a checkpoint, and return its facts.

    Args:
        name: Of the checkpoint.
        model: A model with the config of the checkpoint's.
        folder: Where `save_checkpoint` wrote.

    Returns:
        What was given to `save_checkpoint` as facts.

    Raises:
        FileNotFoundError: If there is no such checkpoint; the message says how to make it.
        ValueError: If it is damaged or of another model, which is then unchanged.
    """
    with _unpacked(name, folder) as (temporary, facts):
        load_weights(model, temporary)
    return facts


def _saved(folder):
    """Return the paths of the two files of `companion.saving`."""
    return Path(folder) / "model.safetensors", Path(folder) / "config.json"


@contextmanager
def _unpacked(name, folder):
    """Lay a checkpoint out as `companion.saving` expects it; yield the folder and the facts."""
    paths = [Path(folder) / f"{name}{ending}" for ending in (".safetensors", ".json")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"no checkpoint {name!r} in {folder}: {' and '.join(missing)} missing; "
            "`make checkpoints` trains all of them"
        )
    try:
        record = json.loads(paths[1].read_text(encoding="utf-8"))
        own = {key: record[key] for key in _RECORD}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{paths[1]} does not describe a checkpoint: {error!r}") from error
    with TemporaryDirectory() as temporary:
        weights, config = _saved(temporary)
        shutil.copyfile(paths[0], weights)
        config.write_text(json.dumps(own), encoding="utf-8")
        yield temporary, {key: value for key, value in record.items() if key not in _RECORD}
