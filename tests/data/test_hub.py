"""The sets of the Hugging Face hub: what is asked for, what comes out, and what happens offline."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest

from companion.data import imdb, wikitext, wmt

ROWS = {
    "stanfordnlp/imdb": [{"text": f"film {n}<br />good", "label": n // 5} for n in range(10)],
    "wmt/wmt17": [{"translation": {"en": f"word {n}", "zh": f"词{n}"}} for n in range(10)],
    "Salesforce/wikitext": [{"text": f" line {n}\n"} for n in range(3)],
}


class Rows(list):
    def shuffle(self, seed):
        return Rows(self[row] for row in np.random.default_rng(seed).permutation(len(self)))


@pytest.fixture
def asked(monkeypatch):
    """Replace `datasets` by a library that knows few rows; returns what it was asked for."""
    calls = []

    def load_dataset(repository, config, *, split, streaming):
        calls.append((repository, config, split, streaming))
        return Rows(ROWS[repository])

    library = ModuleType("datasets")
    library.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    return calls


def test_imdb_is_drawn_by_chance_from_both_classes(asked):
    texts, labels = imdb.load("test", 6, seed=1)
    assert asked == [("stanfordnlp/imdb", None, "test", False)]
    assert len(texts) == len(labels) == 6 and labels.dtype == np.int64
    assert set(labels) == {0, 1} and all(text.endswith("\ngood") for text in texts)
    numbers = [int(text.split()[1]) for text in texts]
    assert [number // 5 for number in numbers] == labels.tolist()
    assert numbers != sorted(numbers) and imdb.load("test", 6, seed=1)[0] == texts
    assert sorted(imdb.load()[0]) == sorted(
        row["text"].replace("<br />", "\n") for row in ROWS["stanfordnlp/imdb"]
    )


def test_wmt_is_read_as_a_stream_and_no_further_than_asked(asked):
    english, chinese = wmt.load(n=3)
    assert asked == [("wmt/wmt17", "zh-en", "train", True)]
    assert english == ["word 0", "word 1", "word 2"] and chinese == ["词0", "词1", "词2"]


def test_wikitext_is_one_text(asked):
    assert wikitext.load("validation", "103") == " line 0\n line 1\n line 2\n"
    wikitext.load()
    assert [call[1:] for call in asked] == [
        ("wikitext-103-raw-v1", "validation", False),
        ("wikitext-2-raw-v1", "train", False),
    ]


SETS = [
    (imdb.load, "IMDB", "companion.data.reviews"),
    (wmt.load, "WMT17", "companion.data.numeral_pairs"),
    (wikitext.load, "WikiText", "companion.data.documentation"),
]


@pytest.mark.parametrize(("load", "name", "instead"), SETS)
def test_offline_the_error_says_what_why_and_how_to_go_on(load, name, instead, monkeypatch):
    def load_dataset(*_, **__):
        raise ConnectionError("no route to host")

    library = ModuleType("datasets")
    library.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    with pytest.raises(ConnectionError) as caught:
        load()
    for part in (f"{name} is not on this machine", "no route to host", instead):
        assert part in str(caught.value)


@pytest.mark.parametrize(("load", "name", "instead"), SETS)
def test_without_the_library_the_error_says_how_to_get_it(load, name, instead, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError) as caught:
        load()
    for part in (f"{name} needs the library datasets", "pip install datasets", instead):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("load", "arguments", "message"),
    [
        (imdb.load, {"part": "valid"}, "part is 'valid'; expected one of 'train', 'test'"),
        (imdb.load, {"n": 0}, "n is 0; expected an integer of at least 1"),
        (imdb.load, {"seed": -1}, "seed is -1"),
        (wmt.load, {"part": "valid"}, "part is 'valid'; expected one of 'train', 'validation'"),
        (wmt.load, {"n": None}, "n is None; expected an integer of at least 1"),
        (wikitext.load, {"part": "valid"}, "part is 'valid'"),
        (wikitext.load, {"size": 2}, "size is 2; expected one of '2', '103'"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_downloaded(load, arguments, message, asked):
    with pytest.raises(ValueError, match=re.escape(message)):
        load(**arguments)
    assert not asked
