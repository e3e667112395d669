"""What a benchmark ran on: processor, threads, versions; and the table of results."""

import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from threadpoolctl import threadpool_info, threadpool_limits

LIBRARIES = ("numpy", "torch", "tensorflow", "keras", "transformers", "sklearn", "onnxruntime")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def cores() -> int:
    """The number of processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name as the operating system gives it."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    listing = Path("/proc/cpuinfo")
    for line in listing.read_text().splitlines() if listing.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def machine() -> str:
    """One line on the machine, such as `Some CPU, 2 cores, Linux x86_64`."""
    return f"{cpu_model()}, {cores()} cores, {platform.system()} {platform.machine()}"


def versions() -> dict[str, str]:
    """The version of Python and of each library that is imported by now."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            found[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    return found


def ask_for_threads(count: int) -> None:
    """Tell libraries that are not imported yet to use `count` threads."""
    if count < 1:
        raise ValueError(f"threads: got {count}, expected at least 1")
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(count)


def limit_threads(count: int) -> None:
    """Set the threads of the libraries that are imported by now."""
    threadpool_limits(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
    if "tensorflow" in sys.modules:
        with suppress(RuntimeError):  # it is running already, so it has read the variables above
            sys.modules["tensorflow"].config.threading.set_intra_op_parallelism_threads(count)


def used_threads() -> dict[str, int]:
    """The threads that each library would use now; TensorFlow does not tell."""
    used = {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}
    if "torch" in sys.modules:
        used["torch"] = sys.modules["torch"].get_num_threads()
    return used


def merge_rows(file: Path, rows: list[dict]) -> list[dict]:
    """Put `rows` into the table in `file`, in place of older ones of the same comparison.

    Args:
        file: JSON file with a list of rows; made if it is missing.
        rows: new rows, each with "benchmark" and "what".

    Returns:
        All rows, sorted by benchmark and competitor.
    """
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    table = {(row["benchmark"], row["what"]): row for row in [*old, *rows]}
    merged = [table[key] for key in sorted(table)]
    draft = file.with_name(file.name + ".part")
    draft.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(file)
    return merged


def stamp() -> dict:
    """The part of a row that is the same for a whole run."""
    return {
        "machine": machine(),
        "versions": versions(),
        "date": date.today().isoformat(),
    }
