"""Read, clean and write notebook files, so that git shows changes of content and nothing else."""

import hashlib
import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {"name": "python"}
NOTEBOOK_METADATA = {"companion", "kernelspec", "language_info"}
CELL_METADATA = {
    "companion",
    "deletable",
    "editable",
    "jupyter",
    "mystnb",
    "nbgrader",
    "tags",
}
# TensorFlow's native code logs times and process numbers, which no setting keeps it from doing.
_LOG_LINE = re.compile(
    r"^(?:WARNING: All log messages before absl::InitializeLog"
    r"|[IWE]\d{4} \d\d:\d\d:"
    r"|\d{4}-\d\d-\d\d [\d:.]+: [IWE] (?:external|tensorflow)/"
    r"|To enable the following instructions: ).*\n?",
    re.MULTILINE,
)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def read_notebook(path: Path | str) -> NotebookNode:
    """Read a notebook as nbformat 4.

    Raises:
        ValueError: if the file is not a valid notebook, naming the file.
    """
    # nbformat.read would give cells without an id a random one.
    try:
        notebook = nbformat.v4.reads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error
    if notebook.get("nbformat") != 4:
        raise ValueError(f"{path} has nbformat {notebook.get('nbformat')!r}; 4 is accepted")
    return notebook


def write_notebook(path: Path | str, notebook: NotebookNode) -> None:
    """Write a notebook so that a crash leaves either the old file or the new one.

    Raises:
        nbformat.ValidationError: if the notebook is not valid; the file is left as it was.
    """
    path = Path(path)
    nbformat.validate(notebook)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def clean_notebook(notebook: NotebookNode) -> NotebookNode:
    """Remove from a notebook, in place, what depends on the machine and the moment.

    Kept are the ``companion`` metadata, a neutral kernel, the cells' own settings and the outputs.
    Removed are time stamps, the widgets' state, display ids, TensorFlow's log and the settings of
    editors. Cells without an id get one that depends on their content only.
    """
    notebook.metadata = NotebookNode(
        {key: value for key, value in notebook.metadata.items() if key in NOTEBOOK_METADATA}
    )
    notebook.metadata.kernelspec = NotebookNode(KERNELSPEC)
    notebook.metadata.language_info = NotebookNode(LANGUAGE_INFO)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken = set()
    for cell in notebook.cells:
        _clean_cell(cell)
        if cell.get("id") in taken or "id" not in cell:
            cell.id = new_cell_id(cell, taken)
        taken.add(cell.id)
    return notebook


def new_cell_id(cell: NotebookNode, taken: set[str]) -> str:
    """Return an id made from a cell's content that is not in ``taken``."""
    count = 0
    while True:
        text = f"{cell.cell_type}\n{cell.source}\n{count}"
        identifier = hashlib.sha256(text.encode()).hexdigest()[:8]
        if identifier not in taken:
            return identifier
        count += 1


def _clean_cell(cell: NotebookNode) -> None:
    """Clean one cell's metadata and outputs in place."""
    cell.metadata = NotebookNode(
        {key: value for key, value in cell.metadata.items() if key in CELL_METADATA}
    )
    jupyter = cell.metadata.get("jupyter", {})
    jupyter.pop("outputs_hidden", None)
    if not jupyter:
        cell.metadata.pop("jupyter", None)
    if cell.cell_type == "code":
        cell.outputs = _clean_outputs(cell.outputs)


def _clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return a cell's outputs without widgets, logs and transient data, its streams joined."""
    for output in outputs:
        output.pop("transient", None)
    # Without the kernel, a widget such as tqdm's bar cannot be drawn.
    outputs = _join_streams([o for o in outputs if WIDGET_VIEW not in o.get("data", {})])
    for output in outputs:
        if output.output_type == "stream":
            output.text = final_text(output.text)
            if output.name == "stderr":
                output.text = _LOG_LINE.sub("", output.text)
    # What is blank by now was a log, or a progress bar that has erased itself.
    return _join_streams([o for o in outputs if o.get("text", "shown").strip()])


def _join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs with neighbouring pieces of the same stream in one."""
    joined = []
    for output in outputs:
        previous = joined[-1] if joined else {}
        if output.output_type == "stream" and previous.get("name") == output.name:
            previous["text"] += output.text
        else:
            joined.append(output)
    return joined


def final_text(text: str) -> str:
    """Return what a terminal shows in the end: a carriage return starts its line again."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r")[-1] for line in lines)
