"""Sources are shown whole, safely, and without scripts."""

import math
import re

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import companion.show
from companion.scale import at_scale, seed_everything
from companion.show import show


@pytest.fixture
def page(monkeypatch):
    """Call show() as in a notebook and return its HTML."""
    monkeypatch.setattr(companion.show, "in_notebook", lambda: True)
    InteractiveShell.instance()

    def shown(*objects):
        with capture_output() as captured:
            show(*objects)
        return captured.outputs[0].data["text/html"]

    yield shown
    InteractiveShell.clear_instance()


def test_a_plain_session_prints_the_source(capsys):
    show(at_scale)
    printed = capsys.readouterr().out
    assert printed.startswith("# companion.scale.at_scale\ndef at_scale(")
    assert printed.rstrip().endswith('return {"laptop": laptop, "full": full}[scale]')


def test_several_sources_stand_on_tabs_without_javascript(page):
    text = page(at_scale, seed_everything)
    assert len(re.findall(r'<input type="radio"', text)) == 2
    assert len(re.findall(r" checked>", text)) == 1
    assert "<script" not in text
    for identifier in re.findall(r'id="([^"]+)"', text):
        assert f'for="{identifier}"' in text
        assert f"#{identifier}:checked ~" in text


def test_the_source_is_escaped_and_complete(page):
    text = re.sub(r"<style>.*?</style>", "", page(companion.show._highlight), flags=re.S)
    plain = re.sub(r"<[^>]+>", "", text.split("<pre", 1)[1].split(">", 1)[1])
    assert "&lt;span class=" in plain
    assert '<span class="k">def</span>' in text


def test_the_same_call_gives_the_same_page(page):
    assert page(at_scale) == page(at_scale)


def test_what_has_no_python_source_is_refused():
    with pytest.raises(TypeError, match="cannot find the source of <built-in function sin>"):
        show(math.sin)
    with pytest.raises(TypeError, match="needs at least one"):
        show()
