"""Settings for teachers who release, collect and grade the chapters' exercises with nbgrader.

nbgrader reads this file when it runs in this folder. Solutions stand between ``### BEGIN SOLUTION``
and ``### END SOLUTION``, which are nbgrader's own markers.
"""

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import NbGraderPreprocessor

c = get_config()  # noqa: F821 - nbgrader provides it


class UncoverAnswers(NbGraderPreprocessor):
    """Shows the answer cells, which the book folds away, and drops the wrong answers' list."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Remove what hides a solution from the metadata of a cell that students fill in."""
        if cell.metadata.get("nbgrader", {}).get("solution"):
            for key in ("companion", "jupyter", "mystnb"):
                cell.metadata.pop(key, None)
            cell.metadata["tags"] = [t for t in cell.metadata.get("tags", []) if t != "hide-input"]
        return cell, resources


c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Exercise: replace this line with your answer")'
}
c.ClearSolutions.begin_solution_delimeter = "BEGIN SOLUTION"
c.ClearSolutions.end_solution_delimeter = "END SOLUTION"
c.GenerateAssignment.preprocessors = [
    UncoverAnswers,
    *GenerateAssignment.preprocessors.default(),
]
