"""One turn of the life cycle, in steps that can each be killed and taken up again.

    data → preprocessing → features → training → evaluation → deployment (→ feedback: the service)

Every step reads files, computes, and leaves one file behind, whole or not at all. A step whose file
is there is done. So a turn that is started again goes on where it died and ends with the same
bytes as one that was never interrupted: nothing in it depends on the clock or on chance.

    records.log           questions and feedback, written by the service and by `import_archive`
    cycles/0001/plan.json which part of the log, and the settings: fixed when the turn begins
    cycles/0001/*         the steps' files
    store/                the versions, see `companion.deploy.store`
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save
from sklearn.linear_model import LogisticRegression

from companion.checks import natural
from companion.deploy.files import LOG, STORE
from companion.deploy.records import Log, read
from companion.deploy.store import Store
from companion.deploy.tabular import Classifier, log_features
from companion.metrics_uncertainty import bootstrap_interval, mcnemar
from companion.saving import replacing

__all__ = ["import_archive", "labelled", "run", "turn_folder"]

_SUFFIX = {"plan": "json", "evaluation": "json", "deployment": "json"}  # the others hold arrays


def import_archive(folder, names, rows, labels):
    """Put measurements that were labelled before there was a service into the log.

    Args:
        folder: Of the service.
        names: The d columns.
        rows: Finite numbers, 0 or more, shape (n, d).
        labels: n strings.

    Raises:
        ValueError: If a shape does not fit or a number is out of range.
    """
    rows = np.asarray(rows, dtype=float)
    if rows.shape != (len(labels), len(names)):
        raise ValueError(f"rows has shape {rows.shape}; expected {(len(labels), len(names))}")
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise ValueError("rows: expected finite numbers, 0 or more")
    records = []
    for place, (row, label) in enumerate(zip(rows.tolist(), labels, strict=True)):
        key = {"id": f"archive-{place}"}
        features = dict(zip(names, row, strict=True))
        records.append({"kind": "question", **key, "version": None, "features": features})
        records.append({"kind": "feedback", **key, "label": str(label)})
    with Log(Path(folder) / LOG) as log:
        log.append(records)


def labelled(records):
    """Return the questions that have been labelled, each with its "truth" added.

    Where something was asked or labelled twice under one id, the later one counts. The order is
    that of the first question.
    """
    questions, labels = {}, {}
    for record in records:
        if record["kind"] == "question":
            questions[record["id"]] = record
        else:
            labels[record["id"]] = record["label"]
    return [
        question | {"truth": labels[key]} for key, question in questions.items() if key in labels
    ]


def run(
    folder, number, *, names, classes, since=0, holdout=0.4, strength=1.0, level=0.05, watch=None
):
    """Run a turn, or what is left of it.

    Args:
        folder: Of the service; it has a log.
        number: Of the turn, from 1. A number that is there already is taken up again.
        names: The d columns.
        classes: The two labels.
        since: Place in the log to begin at, see `companion.deploy.records.read`.
        holdout: Share of the rows that training does not see. A row falls on one side by the hash
            of its id, so it stays there in every turn.
        strength: Inverse of the weight of the L2 penalty.
        level: A version is promoted if it is better on the holdout and the exact McNemar test
            finds a p-value of at most this.
        watch: Called with the name of each point that is reached; for tests that kill.

    Returns:
        What the deployment decided: a dictionary with "version", "promoted" and "reason".

    Raises:
        ValueError: If the number was begun with other settings, or there is too little data.
    """
    folder, watch = Path(folder), watch or (lambda point: None)
    place = turn_folder(folder, number)
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(".*.unfinished"):
        left.unlink()  # by a process that was killed, see `replacing`
    settings = {"names": list(names), "classes": list(classes), "since": since}
    settings |= {"holdout": holdout, "strength": strength, "level": level}
    store = Store(folder / STORE)

    def step(name, compute):
        return _step(place, name, compute, watch)

    plan = step("plan", lambda: settings | {"until": read(folder / LOG, since)[1]})
    _same(place, plan, settings)
    table = step("data", lambda: _data(folder, plan))
    clean = step("preprocessing", lambda: _preprocessing(table))
    ready = step("features", lambda: _features(clean))
    line = step("training", lambda: _training(ready, clean, plan))
    model = Classifier.of(ready | line, plan)
    verdict = step("evaluation", lambda: _evaluation(model, clean, plan, store))
    return step("deployment", lambda: _deployment(model, clean, verdict, number, store, watch))


def turn_folder(folder, number):
    """Return the folder of a turn."""
    return Path(folder) / "cycles" / f"{natural('number', number, smallest=1):04d}"


def _step(place, name, compute, watch):
    """Return what the step left behind; compute it first if it has not been done."""
    suffix = _SUFFIX.get(name, "safetensors")
    path = place / f"{name}.{suffix}"
    if not path.exists():
        watch(f"{name} begins")
        result = compute()
        with replacing(path) as unfinished:
            if suffix == "json":
                unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            else:
                unfinished.write_bytes(save(result))  # `save_file` has temporary files of its own
            watch(f"{name} is written")
        watch(f"{name} is done")
    return json.loads(path.read_text(encoding="utf-8")) if suffix == "json" else load_file(path)


def _same(place, plan, settings):
    other = [name for name, value in settings.items() if plan[name] != value]
    if other:
        raise ValueError(
            f"{place} was begun with other settings: "
            + ", ".join(f"{name} was {plan[name]!r} and is {settings[name]!r}" for name in other)
        )


def _data(folder, plan):
    """Join questions and labels: rows (n, d), labels (n,) 0 or 1, held (n,) whether set aside."""
    found = labelled(read(folder / LOG, plan["since"], plan["until"])[0])
    rows = [[record["features"][name] for name in plan["names"]] for record in found]
    labels = [plan["classes"].index(record["truth"]) for record in found]
    held = [_share(record["id"]) < plan["holdout"] for record in found]
    return {
        "rows": np.array(rows, dtype=np.float64).reshape(len(found), len(plan["names"])),
        "labels": np.array(labels, dtype=np.int64),
        "held": np.array(held, dtype=bool),
    }


def _preprocessing(table):
    """Keep one of several equal rows, and none of those that have both labels."""
    _, first, group = np.unique(table["rows"], axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    ones, size = np.bincount(group, table["labels"]), np.bincount(group)
    keep = np.sort(first[(ones == 0) | (ones == size)])
    return {name: np.ascontiguousarray(values[keep]) for name, values in table.items()}


def _features(clean):
    """Standardise by numbers from the training rows: features (n, d), mean (d,), scale (d,)."""
    train = ~clean["held"]
    for name, part in (("training", train), ("holdout", ~train)):
        if len(np.unique(clean["labels"][part])) < 2:
            raise ValueError(f"the {name} part has {part.sum()} rows; expected both classes in it")
    logs = log_features(clean["rows"])
    mean, scale = logs[train].mean(axis=0), logs[train].std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)  # a column that never varies becomes zero
    return {"features": (logs - mean) / scale, "mean": mean, "scale": scale}


def _training(ready, clean, plan):
    """Fit the line between the classes: weights (d,), bias (1,)."""
    train = ~clean["held"]
    fitted = LogisticRegression(C=plan["strength"], max_iter=10_000)
    fitted.fit(ready["features"][train], clean["labels"][train])
    return {"weights": fitted.coef_[0].copy(), "bias": fitted.intercept_}


def _evaluation(model, clean, plan, store):
    """Compare with the current version on the holdout, or with the most frequent class."""
    held, against = clean["held"], store.current()
    rows, labels = clean["rows"][held], np.asarray(plan["classes"])[clean["labels"][held]]
    if against is None:
        frequent = int(np.mean(clean["labels"][~held]) > 0.5)
        answers = np.full(len(rows), plan["classes"][frequent])
    else:
        answers = Classifier.of(*store.read(against)).predict(rows)
    new, old = model.predict(rows) == labels, answers == labels
    test = mcnemar(new, old)
    gain = bootstrap_interval(lambda a, b: a.mean() - b.mean(), new, old)
    return {
        "against": against,
        "rows": len(rows),
        "accuracy": float(new.mean()),
        "accuracy_against": float(old.mean()),
        "gain_interval": gain,
        "p_value": test.p_value,
        "better": test.only_a > test.only_b and test.p_value <= plan["level"],
    }


def _deployment(model, clean, verdict, number, store, watch):
    """Put the model into the store with what monitoring needs, and promote it if it is better."""
    held = clean["held"]
    reference = {
        "reference_rows": clean["rows"][~held],
        "reference_outputs": model.probability(clean["rows"][held]),
    }
    version = store.add(
        model.tensors() | reference, model.facts() | {"turn": number, "evaluation": verdict}
    )
    watch("the version is added")
    if not verdict["better"]:
        reason = "it is not better on the holdout than what is current"
        return {"version": version, "promoted": False, "reason": reason}
    if store.current() not in (verdict["against"], version):
        reason = f"it was compared with version {verdict['against']}, which is no longer current"
        return {"version": version, "promoted": False, "reason": reason}
    reason = f"better on {verdict['rows']} rows of the holdout, p = {verdict['p_value']:.2g}"
    store.promote(version, reason)
    watch("the version is promoted")
    return {"version": version, "promoted": True, "reason": reason}


def _share(identifier):
    """Return a number from 0 to 1 that belongs to an id."""
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:6], "big") / 2**48
