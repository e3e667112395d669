"""The files that say what is installed agree with each other and with the documents."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
EXTRAS = PROJECT["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = ["book", "test", "lab", "notebooks", "seeds", "check", "home", "bench", "clean", "help"]
# Modules that serve one framework although their names do not say so.
FOR_TORCH = {"companion.training.processes", "companion.vision.flops"}
# Version 2 of Jupyter Book is another program.
UPPER_BOUNDS = {"jupyter-book": "<2"}


def group(name):
    """The requirements of a dependency group, included groups first."""
    found = []
    for entry in GROUPS[name]:
        found += group(entry["include-group"]) if isinstance(entry, dict) else [entry]
    return found


NAMED = [
    *PROJECT["dependencies"],
    *(line for name, lines in EXTRAS.items() if name != "all" for line in lines),
    *group("test"),
]


def lines_of(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins():
    return {canonicalize_name(r.name): r for r in map(Requirement, lines_of("constraints.txt"))}


@pytest.mark.parametrize("line", NAMED + PYPROJECT["build-system"]["requires"])
def test_every_named_requirement_has_a_pin_within_its_bound(line):
    requirement = Requirement(line)
    pin = pins().get(canonicalize_name(requirement.name))
    assert pin is not None, f"constraints.txt has no pin for {line}"
    version = next(iter(pin.specifier)).version
    assert requirement.specifier.contains(version), f"{pin} is outside of {line}"


@pytest.mark.parametrize("line", NAMED)
def test_pyproject_has_lower_bounds_only(line):
    requirement = Requirement(line)
    bounds = {str(bound) for bound in requirement.specifier}
    bounds.discard(UPPER_BOUNDS.get(requirement.name))
    assert len(bounds) == 1 and bounds.pop().startswith(">="), line


def test_constraints_are_exact_pins_sorted_and_each_once():
    names = []
    for line in lines_of("constraints.txt"):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line), line
        names.append(canonicalize_name(line.split("==")[0]))
    assert names == sorted(set(names))
    assert canonicalize_name(PROJECT["name"]) not in names


def test_torch_is_pinned_and_older_ones_on_gpu_machines_are_allowed():
    assert str(pins()["torch"].specifier) == "==2.13.0"
    (bound,) = map(Requirement, EXTRAS["torch"])
    assert bound.name == "torch" and bound.specifier.contains("2.11.0")


def test_python_versions():
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [v for v in ("3.10", "3.11", "3.12", "3.13") if v in allowed] == ["3.11", "3.12", "3.13"]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py311"


def test_extra_all_is_the_union_of_the_others():
    (union,) = map(Requirement, EXTRAS["all"])
    assert union.name == PROJECT["name"]
    assert union.extras == set(EXTRAS) - {"all"}


def test_core_dependencies_leave_the_frameworks_of_colab_alone():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert core == {"matplotlib", "numpy", "pillow", "safetensors", "scikit-learn", "scipy", "tqdm"}


def test_group_book_needs_no_framework():
    names = {Requirement(line).name for line in group("book")}
    assert not names & {"torch", "tensorflow", "keras", "transformers"}


def test_conda_environment_installs_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert conda == ["python=3.11", "pip>=25.1"]
    constraints, package, *listed = pip["pip"]
    assert (constraints, package) == ("-c constraints.txt", "-e .[all]")
    assert listed == group("test")


def test_wheelhouse_holds_what_a_bare_installation_needs():
    listed = re.search(r"pip download .*\\\n\t\t(.*)\n", MAKEFILE).group(1).split()
    core = [Requirement(line).name for line in PROJECT["dependencies"]]
    build = [Requirement(line).name for line in PYPROJECT["build-system"]["requires"]]
    assert listed == core + build


def modules(unless):
    """Names of the companion's modules, except those whose names end in `unless`."""
    for path in sorted((ROOT / "companion").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith(unless):
            yield name


def imported_with(names, unwanted):
    """Which of `unwanted` are loaded by importing `names` in a fresh interpreter."""
    code = f"import sys, {', '.join(names)}; print(*(set(sys.modules) & {set(unwanted)!r}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_companion_imports_no_framework():
    names = sorted(set(modules(unless=("_torch", "_keras"))) - FOR_TORCH)
    assert {"companion", "companion.claims", "companion.scale", "companion.plots"} <= set(names)
    assert imported_with(names, {"torch", "keras", "tensorflow", "transformers"}) == []


def test_modules_for_torch_do_not_import_tensorflow():
    names = list(modules(unless="_keras"))
    assert any(name.endswith("_torch") for name in names)
    assert imported_with(names, {"keras", "tensorflow"}) == []


def committed_texts():
    """The repository's own text files, with the vendored and generated ones left out."""
    left_out = {"_build", "build", "node_modules", "vendor", "api", "__pycache__"}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] not in {".ci", ".github"}
        if hidden or left_out & set(parts) or not path.is_file() or path == Path(__file__):
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


PRIVATE = re.compile(
    r"(?<![\w.])/(?:home|Users)/[\w.-]+/|(?<![\w./])/(?:root|work)/|[A-Z]:\\+Users\\"
)
HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org|download\.pytorch\.org"
)


def test_no_private_paths_and_no_registry_hosts():
    found = []
    for path, text in committed_texts():
        name = path.relative_to(ROOT)
        # Tests may hold a made-up path to show that it is refused.
        patterns = [HOST] if name.parts[0] == "tests" else [HOST, PRIVATE]
        found += [f"{name}: {m.group()}" for p in patterns for m in p.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["/home/ada/x", "'/root/.cache'", "C:\\Users\\ada", "/Users/a/b", "(/work/x)"]
)
def test_private_paths_are_recognised(text):
    assert PRIVATE.search(text)
    assert not PRIVATE.search("make home URL=x, https://a.org/home/x, book/work/, tests/root/")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_relative_links_resolve(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    outside_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", outside_code)
    relative = [link for link in links if not re.match(r"[a-z]+:|#", link)]
    assert relative, f"{name} links to nothing in the repository"
    missing = [link for link in relative if not (ROOT / link.split("#")[0]).exists()]
    assert missing == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_help_lists_targets_that_exist():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^  make (\w+)", listed.stdout, flags=re.MULTILINE)
    assert set(TARGETS) <= set(targets)
    for target in targets:
        command = ["make", "--dry-run", target, "URL=https://github.com/you/copy"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_module_that_the_makefile_runs_exists():
    names = [name for name in re.findall(r"-m ([\w.]+)", MAKEFILE) if "." in name]
    assert names
    for name in names:
        path = ROOT / name.rstrip(".").replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), name


def runs(workflow):
    """All commands of a workflow, by job."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return {name: [s["run"] for s in job["steps"] if "run" in s] for name, job in jobs.items()}


def test_workflows_call_the_same_two_commands():
    by_name = {path.stem: runs(path) for path in WORKFLOWS}
    assert set(by_name) == {"test", "pages", "weekly"}
    assert by_name["test"]["make"] == by_name["test"]["gpu"] == ["make book", "make test"]
    assert by_name["pages"]["build"] == ["make book"]
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\nmake book" in readme and "\nmake test" in readme


def test_windows_runs_the_plain_lines_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in runs(ROOT / ".github" / "workflows" / "test.yml")["windows"]:
        assert f"\n{command}\n" in readme, command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_modest(workflow):
    text = workflow.read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    assert settings["permissions"] == {"contents": "read"}
    assert "concurrency" in settings
    assert all(job["timeout-minutes"] <= 360 for job in settings["jobs"].values())
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)


def test_citation_names_the_same_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert set(citation["license"]) == {"Apache-2.0", "CC-BY-4.0"}
