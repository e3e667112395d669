"""Run notebooks in fresh kernels of the current Python environment."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

CELL_ERRORS = (CellExecutionError, CellTimeoutError, DeadKernelError)


def plain_text(text: str) -> str:
    """Return a kernel's message without the escape codes of a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()


class CurrentEnvironment(KernelSpecManager):
    """Finds the kernel of the running interpreter, whatever others the user has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the specification of this interpreter's kernel."""
        return self.kernel_spec_class(resource_dir=RESOURCES, **get_kernel_dict())


@contextmanager
def kernel_environment(**variables: str) -> Iterator[dict[str, str]]:
    """Yield environment variables for a kernel that neither reads nor writes the user's settings.

    IPython's own folder is a temporary one: no start-up files, and no traces in the user's history.
    ``MPLBACKEND`` is left out, because it would keep figures from being shown in the notebook.
    Keras runs on TensorFlow unless ``KERAS_BACKEND`` says otherwise.
    """
    # A kernel that is shutting down may still write to its history.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        inherited = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
        yield {"KERAS_BACKEND": "tensorflow", **inherited, "IPYTHONDIR": folder, **variables}


@contextmanager
def running_kernel(
    notebook: NotebookNode, folder: Path, **variables: str
) -> Iterator[NotebookClient]:
    """Yield a client with a fresh kernel for ``notebook``, and stop the kernel at the end.

    Args:
        notebook: where the client stores outputs.
        folder: the working directory, which is the one of the notebook's file.
        **variables: further environment variables of the kernel.
    """
    manager = AsyncKernelManager(kernel_spec_manager=CurrentEnvironment())
    client = NotebookClient(
        notebook,
        km=manager,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        timeout=None,
    )
    with (
        kernel_environment(**variables) as environment,
        # What a kernel writes to stderr is also in the notebook.
        client.setup_kernel(env=environment, stderr=subprocess.DEVNULL, cleanup_kc=True),
    ):
        yield client
