"""Each rule about chapters accepts a good one, and notices when it is broken."""

import pytest

from tools.anatomy import RULES, problems_of


def test_the_fixture_breaks_no_rule(tree):
    assert problems_of(tree.root, tree.chapter) == []


def _set(mapping, *keys_and_value):
    """Set a nested entry: ``_set(d, "a", "b", 3)`` is ``d["a"]["b"] = 3``."""
    *keys, last, value = keys_and_value
    for key in keys:
        mapping = mapping[key]
    mapping[last] = value


def _facts(*entry):
    return lambda tree: _set(tree.notebook.metadata.companion, *entry)


def _versioned_kernel(tree):
    tree.notebook.metadata.language_info["version"] = "3.11.9"


def _two_figures(tree):
    tree.cell(FIGURE).outputs *= 2


def _value_beside_figure(tree):
    value = {"output_type": "execute_result", "data": {"text/plain": "<Axes>"}}
    tree.cell(FIGURE).outputs.append(value | {"metadata": {}, "execution_count": 1})


def _no_caption(tree):
    tree.cell(FIGURE).metadata.mystnb.figure.clear()


def _one_wrong_answer(tree):
    tree.cell(ANSWER).metadata.companion.wrong_answers.pop()


def _claim_twice(tree):
    tree.cell("claim(").outputs.append(tree.cell("claim(").outputs[0])


def _grading(start, *entry):
    return lambda tree: _set(tree.cell(start).metadata.nbgrader, *entry)


def _cell(start, *entry):
    return lambda tree: _set(tree.cell(start), *entry)


def _replace(old, new):
    """Return a mutation that replaces text in the first cell that contains it."""
    return lambda tree: _set(tree.cell(old), "source", tree.cell(old).source.replace(old, new, 1))


def _append(start, text):
    return lambda tree: _set(tree.cell(start), "source", tree.cell(start).source + "\n\n" + text)


def _output(start, **entries):
    return lambda tree: tree.cell(start).outputs[0].update(entries)


STDERR = {"output_type": "stream", "name": "stderr", "text": "W0000 oneDNN is on\n"}
ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
WIDGET = {"data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}}
CHECKED = "NBVAL_CHECK_OUTPUT"
FIGURE = "import SVG"
ANSWER = "def double"
CHECK = "assert double(3)"
FURTHER = "## Further reading"

MUTATIONS = [
    ("metadata_is_complete", "has no data", lambda t: t.notebook.metadata.companion.pop("data")),
    ("metadata_is_complete", "minutes is a number", _facts("minutes", 5)),
    ("metadata_is_complete", "misspelt entry", _facts("objective", ["Derive this"])),
    ("metadata_is_complete", "two objectives", _facts("objectives", ["Do this", "Do that"])),
    ("metadata_is_complete", "no verb", _facts("objectives", 1, "the limit of it")),
    ("metadata_is_complete", "two minutes", _facts("minutes", "run", 2)),
    ("metadata_is_complete", "no question", _facts("question", "It is so.")),
    ("metadata_is_complete", "unknown framework", _facts("frameworks", ["jax"])),
    ("metadata_is_complete", "missing page", _facts("prerequisites", ["math/nowhere"])),
    ("metadata_is_complete", "vague source", _facts("sources", ["D5 §1"])),
    ("kernel_is_neutral", "a version", _versioned_kernel),
    ("generated_cells_are_current", "another title", _facts("data", "Some other numbers.")),
    ("generated_cells_are_current", "edited setup", _replace("seed_everything(0)", "1")),
    ("headings_are_in_order", "summary missing", _replace("## Summary", "### Summary")),
    ("headings_are_in_order", "two titles", _append("## Summary", "# Another title")),
    ("headings_are_in_order", "few sections", _replace("## The first idea", "The first idea")),
    ("headings_are_in_order", "no paragraph", _cell("# Doubling", "source", "# Doubling\n\nWhy?")),
    ("prose_is_long_enough", "little prose", _cell("## The first", "source", "## The first idea")),
    ("markdown_is_plain", "a role", _append("## Summary", "See {doc}`other`.")),
    ("markdown_is_plain", "a directive", _append("## Summary", "```{tip}\nNo\n```")),
    ("markdown_is_plain", "a colon fence", _append("## Summary", ":::{tip}\nNo\n:::")),
    ("markdown_is_plain", "a target", _append("## Summary", "(here)=\n")),
    ("links_lead_somewhere", "a broken link", _replace("tables.md#ones", "table.md#ones")),
    ("links_lead_somewhere", "a link outside", _replace("tables.md#ones", "../../_toc.yml")),
    ("further_reading_is_in_bibliography", "unknown", _replace("abs/1706.03762", "abs/1706.0376")),
    ("further_reading_is_in_bibliography", "no list", _replace("- Someone", "Someone")),
    ("cells_were_executed_in_order", "a gap", _cell(CHECKED, "execution_count", 9)),
    ("cells_were_executed_in_order", "not run", _cell(CHECKED, "execution_count", None)),
    ("outputs_are_clean", "stderr", _output(CHECKED, **STDERR)),
    ("outputs_are_clean", "an error", lambda t: t.cell(CHECKED).outputs.append(ERROR)),
    ("outputs_are_clean", "a widget", _output(FIGURE, **WIDGET)),
    ("outputs_are_clean", "an address", _output(CHECKED, text="<Line at 0x7f3a2b1c>\n")),
    ("file_is_small", "401 KB", _append("## Summary", "word " * 82_000)),
    ("paths_are_relative", "in a source", _append(CHECKED, 'open("/home/me/data.csv")')),
    ("paths_are_relative", "in an output", _output(CHECKED, text="/tmp/x.py:3: Warning\n")),
    ("paths_are_relative", "on Windows", _output(CHECKED, text="C:\\Users\\me\n")),
    ("metadata_of_cells_is_lean", "times", _cell(CHECKED, "metadata", "execution", {"a": "1"})),
    ("metadata_of_cells_is_lean", "same id", lambda t: _set(t.cell(CHECK), "id", t.cell("# D").id)),
    ("figures_are_described", "no alt", lambda t: t.cell(FIGURE).metadata.mystnb.pop("image")),
    ("figures_are_described", "no caption", _no_caption),
    ("figures_are_described", "two", _two_figures),
    ("figures_are_described", "value", _value_beside_figure),
    ("claims_are_made", "three claims", lambda t: t.cell("claim(").outputs.pop()),
    ("claims_are_made", "a claim inside", _append(CHECKED, 'if True:\n    claim("a", 1 < 2)')),
    ("claims_are_made", "a claim twice", _claim_twice),
    ("shown_sources_are_checked", "unmarked show", _append(FIGURE, "show(print)")),
    ("exercises_are_numbered", "wrong number", _replace("### Exercise 2:", "### Exercise 4:")),
    ("exercises_are_numbered", "two exercises", _replace("### Exercise 3: why", "Why")),
    ("grading_is_consistent", "same id", _grading("def triple", "grade_id", "ex1-answer")),
    ("grading_is_consistent", "unlocked check", _grading(CHECK, "locked", False)),
    ("grading_is_consistent", "no points", _grading(CHECK, "points", 0)),
    ("code_exercises_are_whole", "visible", lambda t: t.cell(ANSWER).metadata.pop("jupyter")),
    ("code_exercises_are_whole", "one wrong", _one_wrong_answer),
    ("code_exercises_are_whole", "no markers", _replace("### BEGIN SOLUTION\n", "pass\n")),
    ("code_exercises_are_whole", "no asserts", _cell(CHECK, "source", "double(3) == 6")),
    ("code_exercises_are_whole", "no check", lambda t: t.notebook.cells.remove(t.cell(CHECK))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "mutate"),
    [pytest.param(rule, mutate, id=f"{rule}: {what}") for rule, what, mutate in MUTATIONS],
)
def test_the_rule_notices(tree, rule, mutate):
    mutate(tree)
    tree.save_as_is()
    assert list(RULES[rule](tree.root, tree.chapter))


def test_every_rule_has_a_mutation():
    assert {rule for rule, _, _ in MUTATIONS} == set(RULES)
