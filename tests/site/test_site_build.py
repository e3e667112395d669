"""The site builds quickly, without warnings and without the frameworks, and follows its sources."""

import pickle
import re
import subprocess
import sys

import pytest
import yaml

from tools.chapters import chapters, toc_documents


def test_builds_within_a_minute(site):
    assert site.status == 0
    assert site.seconds < 60


@pytest.mark.parametrize("module", ["torch", "tensorflow", "keras", "companion"])
def test_frameworks_are_out_of_reach_while_building(site, module):
    command = [sys.executable, "-c", f"import {module}"]
    done = subprocess.run(command, env=site.environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "is not installed where the site is built" in done.stderr


def test_every_page_of_the_contents_is_built(site):
    missing = [name for name in toc_documents(site.tree) if f"{name}.html" not in site.pages]
    assert missing == []


def test_generated_sources_are_removed(site):
    assert not (site.tree / "book" / "appendix" / "api").exists()


def test_reference_shows_the_public_companion_only(site):
    root = site.html / "appendix" / "api"
    names = {path.parent.relative_to(root).as_posix() for path in root.rglob("index.html")}
    assert {"companion/claims", "companion/scale"} <= names
    assert not [name for name in names if "/_" in name]
    page = (root / "companion" / "claims" / "index.html").read_text(encoding="utf-8")
    assert 'id="companion.claims.claim"' in page
    assert "companion.claims._show" not in page


def test_chapters_can_be_run_in_colab_and_downloaded(site, parsed):
    repository = yaml.safe_load((site.tree / "_config.yml").read_text(encoding="utf-8"))[
        "repository"
    ]
    path = repository["url"].removeprefix("https://github.com/")
    for chapter in chapters(site.tree):
        links = [href for href, _ in parsed[f"{chapter.docname}.html"].links]
        branch = repository["branch"]
        colab = f"https://colab.research.google.com/github/{path}/blob/{branch}/book/"
        assert f"{colab}{chapter.docname}.ipynb" in links
        assert f"../_sources/{chapter.docname}.ipynb" in links
        assert (site.html / "_sources" / f"{chapter.docname}.ipynb").is_file()


def test_no_page_offers_binder_or_thebe(site):
    for name in site.pages:
        text = (site.html / name).read_text(encoding="utf-8")
        assert not re.search(r"mybinder|sphinx-thebe|THEBE_JS_URL", text), name


def test_generated_pages_are_made_anew_when_their_sources_change(site, monkeypatch):
    """Sphinx reads a page again when a file changes that its directives have registered."""
    monkeypatch.setattr(sys, "path", [str(site.tree / "book" / "_ext"), *sys.path])
    with (site.html.parent / ".doctrees" / "environment.pickle").open("rb") as file:
        environment = pickle.load(file)
    root = site.tree.resolve()
    found = {
        docname: {(root / "book" / name).resolve().relative_to(root).as_posix() for name in names}
        for docname, names in environment.dependencies.items()
    }
    notebooks = {chapter.path.resolve().relative_to(root).as_posix() for chapter in chapters(root)}
    assert notebooks | {"_toc.yml"} <= found["index"]
    assert notebooks | {"_toc.yml"} <= found["appendix/ledger"]
    assert notebooks | {"_toc.yml", "book/errata.yml"} <= found["appendix/errata"]
    assert "benchmarks/results.json" in found["appendix/benchmarks"]
    assert "book/_static/vendor/vendored.json" in found["appendix/licences"]
