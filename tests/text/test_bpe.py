"""Byte-level BPE: equal to `tokenizers` in training and encoding, lossless, and what it refuses."""

import json
import pickle
import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.documentation import held_out, train
from companion.text.bpe import BPE
from companion.text.pieces import pieces

tokenizers = pytest.importorskip("tokenizers")

END = "<|endoftext|>"
HARD = [
    "",
    " ",
    "   leading and trailing   ",
    "tabs\tand\n\nlines \r\n  end\n",
    "it's they've WE'LL can't 'quoted' ''",
    "中文分词，没有空格。 混合 English 和 中文 123 個",
    "日本語のテキスト、ひらがな カタカナ",
    "emoji 👩‍👩‍👧 🏳️‍🌈 👍🏽 and flags 🇨🇭🇯🇵",
    "café cafe\u0301 naïve Zürich ÅÄÖ ß ﬁ",
    "digits 1234567890 ①②③ Ⅷ ½ ² ٣ 四 百 1e-5 0x1F",
    "snake_case __init__ a_1 _ ___",
    "العربية עברית हिन्दी ไทย",
    "spaces\u00a0\u2003\u3000\u200b\x85\x1c\x1f\x0b\x0c",
    "\x00\x07\ufeff\ufffd\U0001f600\U0010ffff",
    "a" * 300 + " " * 50 + "!" * 40,
    f"two texts{END}second",
]


@pytest.fixture(scope="module")
def bpe():
    return BPE.train([train(30_000), *HARD], 400, [END])


@pytest.fixture(scope="module")
def theirs(bpe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bpe")
    bpe.save(folder)
    files = (str(folder / name) for name in ("vocab.json", "merges.txt"))
    made = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*files))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return made


@pytest.mark.parametrize("text", HARD)
def test_hard_strings_become_the_tokens_of_tokenizers_and_come_back(bpe, theirs, text):
    ids = bpe.encode(text)
    assert ids == theirs.encode(text).ids
    assert bpe.decode(ids) == text == theirs.decode(ids)


def test_a_long_text_becomes_the_tokens_of_tokenizers(bpe, theirs):
    text = held_out()[0][:20_000]
    ids = bpe.encode(text)
    assert ids == theirs.encode(text).ids and bpe.decode(ids) == text
    assert len(ids) < 0.7 * len(text), "then nothing was learnt"


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=40))
def test_any_text_becomes_the_tokens_of_tokenizers(bpe, theirs, text):
    ids = bpe.encode(text)
    assert ids == theirs.encode(text).ids
    assert bpe.decode(ids) == text


def test_each_character_falls_into_the_same_class_as_in_tokenizers():
    pre = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = [chr(code) for code in range(sys.maxunicode + 1)]
    known = [c for c in letters if unicodedata.category(c) not in ("Cs", "Cn")]
    # A few thousand around the places where the classes are not those of `re`, and a sample.
    odd = [c for c in known if c.isnumeric() or c.isspace() or unicodedata.category(c)[0] in "ZC"]
    odd = [c for c in odd if unicodedata.category(c) != "Co"]
    for letter in [*odd, *known[::97]]:
        text = f"a{letter}1{letter} {letter}b.{letter}"
        expected = [end - start for _, (start, end) in pre.pre_tokenize_str(text)]
        assert [len(piece) for piece in pieces(text)] == expected, hex(ord(letter))


@pytest.mark.parametrize("text", ["banana bandana " * 3, train(20_000), "\n".join(HARD)])
def test_training_finds_the_merges_of_tokenizers(text):
    ours = BPE.train(text, 330)
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=330, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([text], trainer)
    found = json.loads(made.to_str())["model"]["vocab"]
    assert [len(name) for name in sorted(found, key=found.get)] == [len(t) for t in ours.tokens]
    decoder = tokenizers.decoders.ByteLevel()
    for name, place in found.items():
        assert decoder.decode([name]) == ours.tokens[place].decode("utf-8", errors="replace")


def test_a_small_example_by_hand():
    bpe = BPE.train("low low low lower lowest", 256 + 3)
    assert bpe.merges == [(b"l", b"o"), (b"lo", b"w"), (b" ", b"low")]
    assert [bpe.tokens[i] for i in bpe.encode("low lower")] == [b"low", b" low", b"e", b"r"]


def test_two_pairs_may_make_the_same_token():
    bpe = BPE([(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc")])
    assert len(bpe.tokens) == 259
    assert bpe.encode("abc") == [258] and bpe.encode("bc") == [257]


def test_unseen_bytes_need_no_unknown_token():
    bpe = BPE()
    assert len(bpe.tokens) == 256
    assert bpe.decode(bpe.encode("汉字 🙂")) == "汉字 🙂"
    assert len(bpe.encode("汉")) == 3


def test_a_cut_inside_of_a_character_becomes_a_replacement_character():
    bpe = BPE()
    assert bpe.decode(bpe.encode("a汉")[:-1]) == "a\N{REPLACEMENT CHARACTER}"


def test_special_tokens_stand_for_themselves_only_if_asked(bpe):
    text = f"one{END}two{END}{END}"
    end = bpe.special[END]
    assert end == len(bpe.tokens) - 1
    assert end not in bpe.encode(text)
    ids = bpe.encode(text, special=True)
    assert ids.count(end) == 3 and bpe.decode(ids) == text
    assert ids == [*bpe.encode("one"), end, *bpe.encode("two"), end, end]
    both = BPE(special=["<a>", "<a><b>"])
    assert both.encode("<a><b><a>", special=True) == [257, 256]


def test_it_can_be_sent_to_another_process(bpe):
    found = pickle.loads(pickle.dumps(bpe))
    assert found.encode("a text, 文") == bpe.encode("a text, 文")


def test_it_is_saved_and_loaded(bpe, tmp_path):
    bpe.save(tmp_path)
    found = BPE.load(tmp_path)
    assert found.tokens == bpe.tokens and found.merges == bpe.merges
    assert found.special == bpe.special


def test_its_merges_are_written_as_lines_and_read_again(bpe, tmp_path):
    found = BPE.from_lines(bpe.lines, bpe.special)
    assert (found.tokens, found.merges) == (bpe.tokens, bpe.merges)
    bpe.save(tmp_path)
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")[1:-1] == bpe.lines


@pytest.mark.parametrize("line", ["a", "a b c", "a \n", 7, "ab c"])
def test_lines_that_are_no_merges_are_refused(line):
    with pytest.raises(ValueError, match=r"line is|merge 0 joins"):
        BPE.from_lines([line])


def test_training_stops_when_no_pair_occurs_twice():
    assert len(BPE.train("abcdefg", 300).tokens) == 256


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BPE([(b"ab", b"c")]), "merge 0 joins b'ab' and b'c'; expected two tokens"),
        (lambda: BPE(special=["<e>", "<e>"]), "special has '<e>'; expected names, each once"),
        (lambda: BPE(special=[""]), "special has ''; expected names, each once and not empty"),
        (lambda: BPE.train("abc", 256, [END]), "size is 256; expected an integer of at least 257"),
        (lambda: BPE().decode([3, 256]), "ids hold 256; expected 0 to 255"),
        (lambda: BPE().decode([-1]), "ids hold -1; expected 0 to 255"),
        (lambda: BPE().encode("a\ud800"), r"text holds '\ud800', which has no bytes"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
    with pytest.raises(TypeError, match="text is bytes; expected a string"):
        BPE().encode(b"abc")
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        BPE().decode([1.0])


def test_other_folders_are_refused(bpe, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no tokeniser in .*vocab\.json is missing"):
        BPE.load(tmp_path)
    bpe.save(tmp_path)
    merges, vocabulary = tmp_path / "merges.txt", tmp_path / "vocab.json"
    whole, names = merges.read_text(encoding="utf-8"), vocabulary.read_text(encoding="utf-8")
    for wrong in ("中 a\n", "a b c\n", "word\n"):
        merges.write_text(whole + wrong, encoding="utf-8")
        with pytest.raises(ValueError, match="holds no byte-level BPE"):
            BPE.load(tmp_path)
    merges.write_text(whole, encoding="utf-8")
    numbered = json.loads(names)
    numbered["!"], numbered['"'] = numbered['"'], numbered["!"]
    for wrong, message in (
        (json.dumps(numbered), "numbers its tokens otherwise"),
        (names[:-9], "holds no byte-level BPE"),
        ("[]", "holds no byte-level BPE"),
    ):
        vocabulary.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            BPE.load(tmp_path)
