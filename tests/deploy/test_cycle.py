import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from companion.deploy import cycle
from companion.deploy.files import LOG, STORE
from companion.deploy.records import Log, read
from companion.deploy.store import Store
from companion.deploy.tabular import Classifier
from tests.deploy.boxes import CLASSES, NAMES, measurements, question

SETTINGS = {"names": NAMES, "classes": CLASSES}


def log_labelled(folder, rows, labels, prefix="new"):
    with Log(folder / LOG) as log:
        for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
            key = f"{prefix}-{place}"
            log.append([{"kind": "question", **question(row, id=key), "version": 1}])
            log.append([{"kind": "feedback", "id": key, "label": str(label)}])


def test_the_first_turn_promotes_what_beats_guessing(folder):
    store = Store(folder / STORE)
    assert store.current() == 1 and store.versions() == [1]
    tensors, facts = store.read(1)
    assert facts["evaluation"]["against"] is None and facts["evaluation"]["accuracy"] > 0.85
    rows, labels = measurements(500, seed=5)
    assert np.mean(Classifier.of(tensors, facts).predict(rows) == labels) > 0.85


def test_every_step_leaves_what_it_says(folder):
    place = cycle.turn_folder(folder, 1)
    names = ["plan.json", "data.safetensors", "preprocessing.safetensors", "features.safetensors"]
    names += ["training.safetensors", "evaluation.json", "deployment.json"]
    assert sorted(path.name for path in place.iterdir()) == sorted(names)
    clean, ready = (
        load_file(place / f"{name}.safetensors") for name in ("preprocessing", "features")
    )
    train = ~clean["held"]
    assert 0.25 < clean["held"].mean() < 0.55
    assert np.allclose(ready["features"][train].mean(axis=0), 0, atol=1e-12)
    assert np.allclose(ready["features"][train].std(axis=0), 1)
    assert not np.allclose(ready["features"].mean(axis=0), 0, atol=1e-3)  # the holdout leaks not
    model = Classifier.of(*Store(folder / STORE).read(1))
    assert np.allclose(model.features(clean["rows"]), ready["features"], atol=1e-12)


def test_a_turn_that_is_done_is_not_done_again(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    log_labelled(folder, *measurements(50, seed=1))  # later data do not change a turn
    assert cycle.run(folder, 1, **SETTINGS)["version"] == 1
    before.pop(folder / LOG)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_other_settings_are_refused(folder):
    with pytest.raises(ValueError, match=r"holdout was 0\.4 and is 0\.5"):
        cycle.run(folder, 1, holdout=0.5, **SETTINGS)


def test_a_better_version_replaces_one_that_the_world_has_left(folder):
    start = read(folder / LOG)[1]
    rows, labels = measurements(200, seed=6)
    log_labelled(folder, 3 * rows, labels)  # another unit of length
    result = cycle.run(folder, 2, since=start, **SETTINGS)
    assert result == {"version": 2, "promoted": True, "reason": result["reason"]}
    verdict = json.loads((cycle.turn_folder(folder, 2) / "evaluation.json").read_text())
    assert verdict["against"] == 1 and verdict["accuracy"] > verdict["accuracy_against"] + 0.1
    assert 0 < verdict["gain_interval"][0] < verdict["gain_interval"][1]
    assert Store(folder / STORE).current() == 2


def test_a_version_that_is_not_better_stays_in_the_store(folder):
    start = read(folder / LOG)[1]
    log_labelled(folder, *measurements(30, seed=7))
    result = cycle.run(folder, 2, since=start, **SETTINGS)
    assert not result["promoted"] and "not better" in result["reason"]
    assert Store(folder / STORE).current() == 1 and Store(folder / STORE).versions() == [1, 2]


def test_a_version_that_was_compared_with_another_one_is_not_promoted(folder):
    start = read(folder / LOG)[1]
    rows, labels = measurements(200, seed=6)
    log_labelled(folder, 3 * rows, labels)
    store = Store(folder / STORE)
    tensors, facts = store.read(1)

    def meanwhile(point):
        if point == "evaluation is done":
            store.promote(store.add(tensors | {"bias": tensors["bias"] + 1}, facts), "by hand")

    result = cycle.run(folder, 2, since=start, watch=meanwhile, **SETTINGS)
    assert not result["promoted"] and "no longer current" in result["reason"]


def test_the_later_answer_and_label_count():
    records = [
        {"kind": "question", "id": "a", "n": 1},
        {"kind": "question", "id": "b", "n": 2},
        {"kind": "feedback", "id": "a", "label": "small"},
        {"kind": "question", "id": "a", "n": 3},
        {"kind": "feedback", "id": "a", "label": "large"},
        {"kind": "feedback", "id": "c", "label": "large"},
    ]
    assert cycle.labelled(records) == [{"kind": "question", "id": "a", "n": 3, "truth": "large"}]


def test_equal_rows_are_kept_once_and_contradictions_not_at_all(tmp_path):
    rows, labels = measurements(200)
    other = np.array(CLASSES)[(labels == CLASSES[0]).astype(int)]
    again = np.concatenate([rows, rows[:20]])
    cycle.import_archive(tmp_path, NAMES, again, [*labels, *labels[:10], *other[10:20]])
    cycle.run(tmp_path, 1, **SETTINGS)
    place = cycle.turn_folder(tmp_path, 1)
    table, clean = (load_file(place / f"{name}.safetensors") for name in ("data", "preprocessing"))
    assert len(table["rows"]) == 220
    assert (clean["rows"] == np.concatenate([rows[:10], rows[20:]])).all()


def test_a_column_that_never_varies_does_no_harm(tmp_path):
    rows, labels = measurements(200)
    rows[:, 2] = 1.0
    cycle.import_archive(tmp_path, NAMES, rows, labels)
    assert cycle.run(tmp_path, 1, **SETTINGS)["promoted"]


@pytest.mark.parametrize("n", [0, 2])
def test_too_little_data_is_named(tmp_path, n):
    rows, labels = measurements(10)
    cycle.import_archive(tmp_path, NAMES, rows[:n], labels[:n])
    with pytest.raises(ValueError, match="expected both classes in it"):
        cycle.run(tmp_path, 1, **SETTINGS)
    rows, labels = measurements(200)
    log_labelled(tmp_path, rows, labels)
    with pytest.raises(ValueError, match="expected both classes in it"):
        cycle.run(tmp_path, 1, **SETTINGS)  # the plan of a turn is fixed when it begins
    assert cycle.run(tmp_path, 2, **SETTINGS)["promoted"]


def test_bad_archives(tmp_path):
    for rows, says in (([[1, 2]], "shape"), ([[1, 2, -3]], "0 or more"), ([[1, 2, np.nan]], "fin")):
        with pytest.raises(ValueError, match=says):
            cycle.import_archive(tmp_path, NAMES, rows, ["small"])
    with pytest.raises(ValueError, match="integer of at least 1"):
        cycle.turn_folder(tmp_path, 0)
