"""What the site carries along is what `vendored.json` says, with licences beside it."""

import shutil

import pytest

from tools.vendor import MANIFEST, VENDOR, problems, read_manifest


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(VENDOR, tmp_path / "vendor")


def test_committed_files_match_their_checksums():
    assert problems() == []


def test_a_changed_file_is_noticed(copy):
    with (copy / "mathjax" / "tex-svg-full.js").open("a") as file:
        file.write(" ")
    assert len(problems(copy)) == 1
    assert "tex-svg-full.js has SHA-256" in problems(copy)[0]


def test_a_missing_and_an_unlisted_file_are_noticed(copy):
    (copy / "mathjax" / "LICENSE").rename(copy / "mathjax" / "OTHER")
    assert [problem.split()[0] for problem in problems(copy)] == [
        "mathjax/LICENSE",
        "mathjax/OTHER",
    ]


def test_versions_are_exact_and_licences_lie_beside():
    for package in read_manifest():
        assert package["version"].replace(".", "").isdigit()
        assert any(file["to"].endswith("LICENSE") for file in package["files"])


def test_the_licence_page_lists_what_is_vendored(site):
    page = (site.html / "appendix" / "licences.html").read_text(encoding="utf-8")
    for package in read_manifest():
        assert f"{package['package']} {package['version']}" in page
        assert package["licence"] in page
        for file in package["files"]:
            assert (site.html / "_static" / "vendor" / file["to"]).is_file()
    assert MANIFEST == "vendored.json"
