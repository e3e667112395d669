"""Notebook files are cleaned of what changes from run to run, and written whole or not at all."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools.notebook_files import clean_notebook, read_notebook, write_notebook


def _stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def _dirty():
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "HBox(children=…)"}
    outputs = [_stream("one\n"), _stream("two\n"), new_output("display_data", data=widget)]
    metadata = {
        "execution": {"iopub.execute_input": "2026-01-01T00:00:00Z"},
        "collapsed": False,
        "scrolled": True,
        "jupyter": {"outputs_hidden": True},
        "tags": ["hide-input"],
        "mystnb": {"figure": {"caption": "A picture."}},
    }
    return new_notebook(
        cells=[new_code_cell("1", outputs=outputs, metadata=metadata, execution_count=1)],
        metadata={
            "companion": {"question": "Why?"},
            "kernelspec": {"name": "venv", "display_name": "venv", "language": "python"},
            "language_info": {"name": "python", "version": "3.11.9"},
            "widgets": {"application/vnd.jupyter.widget-state+json": {}},
        },
    )


def test_what_depends_on_the_machine_is_removed():
    notebook = clean_notebook(_dirty())
    assert notebook.metadata == {
        "companion": {"question": "Why?"},
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    (cell,) = notebook.cells
    assert cell.metadata == {
        "tags": ["hide-input"],
        "mystnb": {"figure": {"caption": "A picture."}},
    }
    assert cell.outputs == [_stream("one\ntwo\n")]
    nbformat.validate(notebook)


def test_streams_are_joined_only_where_nothing_stands_between():
    notebook = new_notebook(cells=[new_code_cell("1")])
    notebook.cells[0].outputs = [_stream("a"), _stream("b", "stderr"), _stream("c")]
    assert [output.text for output in clean_notebook(notebook).cells[0].outputs] == ["a", "b", "c"]


def test_a_progress_bar_leaves_its_last_state():
    notebook = new_notebook(cells=[new_code_cell("1")])
    notebook.cells[0].outputs = [_stream("start\n 10 %\r"), _stream(" 50 %\r100 %\nend\r\n")]
    assert clean_notebook(notebook).cells[0].outputs[0].text == "start\n100 %\nend\n"


def test_a_progress_bar_that_comes_in_pieces_leaves_nothing():
    notebook = new_notebook(cells=[new_code_cell("1")])
    pieces = [
        "  0%|      | 0/2",
        "\r 50%|███   | 1/2\r",
        "               \r",
        "\r 99%|██",
        "\r    \r",
    ]
    notebook.cells[0].outputs = [_stream(piece, "stderr") for piece in pieces]
    assert clean_notebook(notebook).cells[0].outputs == []


def test_an_erased_progress_bar_leaves_nothing():
    notebook = new_notebook(cells=[new_code_cell("1")])
    notebook.cells[0].outputs = [_stream("a"), _stream("    \r", "stderr"), _stream("b")]
    assert [output.text for output in clean_notebook(notebook).cells[0].outputs] == ["ab"]


def test_tensorflows_log_leaves_nothing_but_warnings_stay():
    log = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795350947.750500   21687 port.cc:153] oneDNN custom operations are on.\n"
        "2026-01-02 03:04:05.678: I tensorflow/core/platform/cpu.cc:182] It is optimised.\n"
        "To enable the following instructions: AVX2 FMA, rebuild TensorFlow.\n"
    )
    notebook = new_notebook(cells=[new_code_cell("1"), new_code_cell("2")])
    notebook.cells[0].outputs = [_stream(log, "stderr")]
    notebook.cells[1].outputs = [_stream(log + "UserWarning: careful\n", "stderr")]
    cells = clean_notebook(notebook).cells
    assert cells[0].outputs == []
    assert cells[1].outputs == [_stream("UserWarning: careful\n", "stderr")]


def test_a_hidden_source_stays_hidden():
    cell = new_code_cell("1", metadata={"jupyter": {"source_hidden": True}})
    assert clean_notebook(new_notebook(cells=[cell])).cells[0].metadata.jupyter.source_hidden


def test_ids_stay_and_missing_or_repeated_ones_depend_on_the_content_only():
    def identifiers():
        notebook = new_notebook(cells=[new_code_cell("same") for _ in range(4)])
        notebook.cells[0].id = notebook.cells[1].id = "kept"
        del notebook.cells[2]["id"], notebook.cells[3]["id"]
        return [cell.id for cell in clean_notebook(notebook).cells]

    first = identifiers()
    assert first == identifiers()
    assert first[0] == "kept"
    assert len(set(first)) == 4


def test_writing_twice_gives_the_same_bytes(tree):
    before = tree.path.read_bytes()
    write_notebook(tree.path, clean_notebook(read_notebook(tree.path)))
    assert tree.path.read_bytes() == before
    assert before.endswith(b"}\n")
    assert b"\r" not in before


def test_a_notebook_that_cannot_be_written_leaves_the_old_file(tree):
    before = tree.path.read_bytes()
    notebook = read_notebook(tree.path)
    notebook.cells[0].cell_type = "poem"
    with pytest.raises(nbformat.ValidationError):
        write_notebook(tree.path, notebook)
    assert tree.path.read_bytes() == before


def test_an_interrupted_write_leaves_the_old_file(tree, monkeypatch):
    before = tree.path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_notebook(tree.path, read_notebook(tree.path))
    assert tree.path.read_bytes() == before
    assert [path.name for path in tree.path.parent.glob(".*")] == []


@pytest.mark.parametrize("content", ["", "[]", '{"nbformat": 3, "worksheets": []}'])
def test_what_is_no_notebook_is_named(tree, content):
    tree.path.write_text(content)
    with pytest.raises(ValueError, match=r"doubling\.ipynb"):
        read_notebook(tree.path)
