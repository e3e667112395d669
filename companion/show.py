"""Show the source of classes and functions in a notebook, several as tabs, without JavaScript."""

import html
import inspect
import textwrap

from companion.claims import in_notebook

__all__ = ["show"]

# The site's style sheet refines this; in Jupyter, Colab and on GitHub it is all there is. Colours
# come from variables, so that a dark theme changes them in one place.
_STYLE = """<style>
.companion-show { --keyword: #00695c; --string: #8a4b08; --comment: #63666a; margin: 0.5em 0; }
@media (prefers-color-scheme: dark) { html:not([data-theme="light"]) .companion-show {
  --keyword: #6fc7bb; --string: #e0b070; --comment: #a0a4a8; } }
html[data-theme="dark"] .companion-show, body[data-jp-theme-light="false"] .companion-show {
  --keyword: #6fc7bb; --string: #e0b070; --comment: #a0a4a8; }
.companion-show > input { position: absolute; opacity: 0; }
.companion-show > label { display: inline-block; padding: 0.2em 0.9em; cursor: pointer; }
.companion-show > input:checked + label { border-bottom: 2px solid var(--keyword); }
.companion-show > input:focus-visible + label { outline: 2px solid var(--keyword); }
.companion-show > div { display: none; }
.companion-show pre { overflow-x: auto; padding: 0.8em; margin: 0; line-height: 1.4; }
.companion-show .k { color: var(--keyword); font-weight: 600; }
.companion-show .s { color: var(--string); }
.companion-show .c { color: var(--comment); font-style: italic; }
</style>"""


def show(*objects):
    """Show the source of classes or functions, highlighted; several stand on tabs.

    In a plain Python session the source is printed.

    Args:
        *objects: Classes, functions or modules written in Python.

    Raises:
        TypeError: If nothing was given, or an object has no Python source.
    """
    if not objects:
        raise TypeError("show() needs at least one class, function or module")
    sources = [(_label(obj), _source(obj)) for obj in objects]
    plain = "\n\n".join(f"# {label}\n{source}" for label, source in sources)
    if not in_notebook():
        print(plain)
        return
    from IPython.display import display

    display({"text/plain": plain, "text/html": _html(sources)}, raw=True)


def _source(obj):
    try:
        return textwrap.dedent(inspect.getsource(obj)).rstrip()
    except (OSError, TypeError) as error:
        raise TypeError(
            f"show() cannot find the source of {obj!r}; expected a class, function or module "
            "that is written in Python and stands in a file"
        ) from error


def _label(obj):
    module = inspect.getmodule(obj)
    name = getattr(obj, "__qualname__", obj.__name__)
    return name if module is None or module is obj else f"{module.__name__}.{name}"


def _html(sources):
    """Lay out one tab per source: a radio button, its label, and a panel that follows it."""
    # The names make the group unique on the page and the same in every run.
    group = "show-" + "-".join(label for label, _ in sources).replace(".", "-")
    rules, tabs, panels = [], [], []
    for index, (label, source) in enumerate(sources):
        identifier = f"{group}-{index}"
        # `checked` shows its panel: the n-th radio button selects the n-th panel.
        rules.append(
            f"#{identifier}:checked ~ .companion-show-{index} {{ display: block; }}",
        )
        checked = " checked" if index == 0 else ""
        tabs.append(
            f'<input type="radio" name="{group}" id="{identifier}"{checked}>'
            f'<label for="{identifier}"><code>{html.escape(label)}</code></label>'
        )
        panels.append(
            f'<div class="companion-show-{index}"><pre tabindex="0" '
            f'aria-label="Source of {html.escape(label)}">{_highlight(source)}</pre></div>'
        )
    style = f"{_STYLE}<style>{' '.join(rules)}</style>"
    return f'{style}<div class="companion-show">{"".join(tabs)}{"".join(panels)}</div>'


def _highlight(source):
    """Mark keywords, strings and comments; everything else keeps the colour of the text."""
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Operator, String

    classes = {Keyword: "k", Operator.Word: "k", String: "s", Comment: "c"}
    pieces = []
    for token, text in PythonLexer(stripnl=False).get_tokens(source):
        escaped = html.escape(text, quote=False)
        name = next((css for kind, css in classes.items() if token in kind), None)
        pieces.append(f'<span class="{name}">{escaped}</span>' if name else escaped)
    return "".join(pieces).rstrip("\n")
