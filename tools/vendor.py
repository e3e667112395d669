"""Fetch the scripts that the site carries along, at pinned versions and with checksums.

``book/_static/vendor/vendored.json`` says which files of which npm packages lie in that folder.
``python -m tools.vendor`` fetches them again with npm and refuses a file whose checksum differs;
``python -m tools.vendor --check`` only compares what is there. To move to another version, edit
the version in ``vendored.json``, run the command, and enter the checksums that it names.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "book" / "_static" / "vendor"
MANIFEST = "vendored.json"


def read_manifest(folder: Path = VENDOR) -> list[dict]:
    """Return the packages that ``vendored.json`` lists, with their files and checksums."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def sha256(data: bytes) -> str:
    """Return the SHA-256 checksum of some bytes as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def problems(folder: Path = VENDOR) -> list[str]:
    """Compare a folder with its manifest; return one sentence for each file that differs."""
    listed = {
        file["to"]: file["sha256"] for package in read_manifest(folder) for file in package["files"]
    }
    present = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    found = [
        f"{name} is listed in {MANIFEST} but missing" for name in sorted(listed.keys() - present)
    ]
    found += [f"{name} is not listed in {MANIFEST}" for name in sorted(present.keys() - listed)]
    for name in sorted(listed.keys() & present.keys()):
        actual = sha256(present[name].read_bytes())
        if actual != listed[name]:
            found.append(f"{name} has SHA-256 {actual}; {MANIFEST} says {listed[name]}")
    return found


def package_files(package: dict, scratch: Path) -> dict[str, bytes]:
    """Fetch one npm package and return the listed files, by the name that they get here.

    Raises:
        ValueError: if a file's checksum is not the listed one, naming file and checksum.
        subprocess.CalledProcessError: if npm cannot fetch the package.
    """
    specifier = f"{package['package']}@{package['version']}"
    npm = shutil.which("npm") or "npm"
    command = [npm, "pack", specifier, "--silent", "--pack-destination", str(scratch)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    contents = {}
    with tarfile.open(scratch / answer.stdout.strip().splitlines()[-1]) as archive:
        for file in package["files"]:
            data = archive.extractfile(f"package/{file['from']}").read()
            if sha256(data) != file["sha256"]:
                raise ValueError(
                    f"{file['from']} of {specifier} has SHA-256 {sha256(data)}; "
                    f"{MANIFEST} says {file['sha256']}"
                )
            contents[file["to"]] = data
    return contents


def fetch(folder: Path = VENDOR) -> list[str]:
    """Fetch every listed file into a folder; nothing is written before all have been checked."""
    contents = {}
    with tempfile.TemporaryDirectory() as scratch:
        for package in read_manifest(folder):
            contents |= package_files(package, Path(scratch))
    for name, data in contents.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return sorted(contents)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare what is there, fetch nothing")
    if not parser.parse_args(arguments).check:
        for name in fetch():
            print(f"fetched {name}")
    found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
