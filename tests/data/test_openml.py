"""The real sets: layout and split on a made download, the kept file, and what happens offline."""

from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest

from companion.data import cifar10, mnist, openml


@pytest.fixture
def download(monkeypatch, tmp_path):
    """Replace the download by small arrays; returns the list of what was asked for."""
    asked = []
    rng = np.random.default_rng(0)

    def fetch(*, data_id, as_frame, parser):
        asked.append((data_id, as_frame, parser))
        pixels = {554: 784, 40927: 3072}[data_id]
        labels = np.array([str(label) for label in [*range(10), *range(10), *range(10)]])
        return SimpleNamespace(data=rng.integers(256, size=(30, pixels)), target=labels)

    monkeypatch.setattr(openml, "fetch_openml", fetch)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for module in (mnist, cifar10):
        monkeypatch.setattr(module, "_SET", module._SET | {"count": 30, "train": 20})
    return asked


def test_mnist_has_its_layout_and_is_downloaded_once(download, tmp_path):
    images, labels = mnist.load()
    assert images.shape == (20, 28, 28) and images.dtype == np.float32
    assert 0 <= images.min() < 0.01 and 0.99 < images.max() <= 1
    assert labels.dtype == np.int64 and labels.tolist() == [*range(10)] * 2
    test, _ = mnist.load("test")
    assert test.shape == (10, 28, 28)
    assert not any((image == images).all(axis=(1, 2)).any() for image in test)
    assert [(number, frame) for number, frame, _ in download] == [(554, False)]
    assert [path.name for path in (tmp_path / "companion").iterdir()] == ["mnist.npz"]


def test_cifar_has_its_channels_last(download, tmp_path):
    images, labels = cifar10.load("train")
    assert images.shape == (20, 32, 32, 3) and images.dtype == np.float32
    assert images.flags.c_contiguous and images.max() <= 1
    with np.load(tmp_path / "companion" / "cifar-10.npz") as kept:
        row = kept["images"][3] / np.float32(255)
    np.testing.assert_array_equal(images[3, :, :, 1].ravel(), row[1024:2048])
    assert len(cifar10.CLASSES) == 10 and set(labels) == set(range(10))


def test_the_reader_of_scikit_learn_is_used_where_pandas_is_missing(download, monkeypatch):
    monkeypatch.setattr(openml.importlib.util, "find_spec", lambda name: None)
    mnist.load()
    assert download == [(554, False, "liac-arff")]


def test_another_order_of_the_rows_is_noticed(download, monkeypatch):
    monkeypatch.setattr(cifar10, "_SET", cifar10._SET | {"train": 25})
    with pytest.raises(ValueError, match=r"train part .* \[3, 3, 3, 3, 3, 2, 2, 2, 2, 2\] images"):
        cifar10.load()


def test_a_kept_file_of_another_size_is_named(download, monkeypatch):
    mnist.load()
    monkeypatch.setattr(mnist, "_SET", mnist._SET | {"count": 40})
    with pytest.raises(ValueError, match=r"mnist\.npz holds images of shape \(30, 784\).*remove"):
        mnist.load()


@pytest.mark.parametrize("load", [mnist.load, cifar10.load])
def test_a_wrong_part_is_named(load, download):
    with pytest.raises(ValueError, match="part is 'valid'; expected one of 'train', 'test'"):
        load("valid")
    assert not download


@pytest.mark.parametrize(("load", "name"), [(mnist.load, "MNIST"), (cifar10.load, "CIFAR-10")])
def test_offline_the_error_says_what_why_and_how_to_go_on(load, name, monkeypatch, tmp_path):
    def fetch(**_):
        raise URLError("no route to host")

    monkeypatch.setattr(openml, "fetch_openml", fetch)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    with pytest.raises(ConnectionError) as caught:
        load()
    for part in (f"{name} is not on this machine", "no route to host", "companion.data.digits"):
        assert part in str(caught.value)
    assert not list(tmp_path.rglob("*.npz"))
