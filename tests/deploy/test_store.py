import json
import os

import numpy as np
import pytest

from companion.deploy.store import Store, StoreError

FIRST = {"weights": np.array([1.0, 2.0]), "bias": np.zeros(1)}
SECOND = {"weights": np.array([1.0, 3.0]), "bias": np.zeros(1)}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    assert store.add(FIRST, {"names": ["a"]}) == 1
    assert store.add(SECOND, {"names": ["a"]}) == 2
    return store


def test_versions_come_back_as_they_were(store):
    tensors, facts = store.read(2)
    assert facts == {"names": ["a"]}
    assert set(tensors) == set(SECOND)
    assert all((tensors[name] == SECOND[name]).all() for name in SECOND)
    assert store.versions() == [1, 2]


def test_the_same_content_is_the_same_version(store):
    assert store.add(FIRST, {"names": ["a"]}) == 1
    assert store.add(FIRST, {"names": ["b"]}) == 3


def test_the_files_are_read_only(store):
    for path in (store.folder / "versions" / "0001").iterdir():
        assert not path.stat().st_mode & 0o222, path


def test_promotion_and_rollback(store):
    stamps = [store.stamp()]
    assert store.current() is None and stamps == [None]
    for version in (1, 2):
        store.promote(version, "better")
        assert store.current() == version
        stamps.append(store.stamp())
    assert store.roll_back(2, "worse") == 1 == store.current()
    stamps.append(store.stamp())
    assert len(set(stamps)) == 4
    store.promote(2, "better after all")
    assert store.roll_back(2, "no") == 1
    assert [(e["event"], e["version"]) for e in store.events()] == [
        ("promote", 1),
        ("promote", 2),
        ("roll back", 1),
        ("promote", 2),
        ("roll back", 1),
    ]


def test_what_is_done_twice_counts_once(store):
    store.promote(1, "first")
    store.promote(1, "first")
    assert len(store.events()) == 1
    store.promote(2, "second")
    store.roll_back(2, "worse")
    with pytest.raises(StoreError, match="expected the current one"):
        store.roll_back(2, "worse")
    assert store.current() == 1


def test_refusals(store):
    with pytest.raises(StoreError, match=r"no version 7 in .*; it has \[1, 2\]"):
        store.promote(7, "better")
    store.promote(1, "first")
    with pytest.raises(StoreError, match="there is none to go back to"):
        store.roll_back(1, "worse")
    with pytest.raises(ValueError, match="integer of at least 1"):
        store.read("1")


@pytest.mark.parametrize("name", ["model.safetensors", "version.json"])
def test_damage_is_noticed(store, name):
    path = store.folder / "versions" / "0002" / name
    path.chmod(0o644)
    data = path.read_bytes()
    for damaged in (data[:-9], data.replace(b'"a"', b'"b"').replace(b"\x08@", b"\x08A"), b""):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="damaged"):
            store.promote(2, "better")
    path.unlink()
    with pytest.raises(StoreError, match=r"damaged|no version"):
        store.read(2)
    assert store.current() is None


def test_a_damaged_record_of_promotions_is_noticed(store):
    (store.folder / "current.json").write_text("[")
    with pytest.raises(StoreError, match="damaged"):
        store.current()


def test_what_a_killed_process_left_is_cleared_away(store):
    left = store.folder / "versions" / ".unfinished-xyz"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    other = store.folder / ".current.json.1234.unfinished"
    other.write_text("[")
    assert store.versions() == [1, 2] and store.current() is None
    store.promote(2, "better")
    assert not left.exists() and not other.exists()


def test_a_version_that_reappears_elsewhere_is_still_checked(store):
    os.rename(store.folder / "versions" / "0001", store.folder / "versions" / "0009")
    assert store.read(9)[1] == {"names": ["a"]}
    record = json.loads((store.folder / "versions" / "0009" / "version.json").read_text())
    assert len(record["sha256"]) == 64
