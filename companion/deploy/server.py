"""The service as a process of its own: start it, talk to it, stop it.

    python -m companion.deploy.server FOLDER [--port 8000]

runs until it is interrupted. `Server(folder)` starts the same in the background, on a free port of
this machine that nobody else can reach, and the process ends with the one that started it.
"""

import argparse
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["Server", "main"]

_OUTPUT = "service.out"


class Server:
    """A service in the background; as a context manager it stops at the end of the block.

    Args:
        folder: See `companion.deploy.service.create_app`.

    Attributes:
        url: Its address, such as `http://127.0.0.1:40123`.
        pid: The number of its process.

    Raises:
        RuntimeError: If it does not start; the message is what it wrote.
    """

    def __init__(self, folder):
        output = Path(folder) / _OUTPUT
        with open(output, "ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "companion.deploy.server", str(folder), "--with-parent"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        self.pid = self._process.pid
        self.url = self._process.stdout.readline().decode().strip()
        if not self.url:
            self.stop()
            raise RuntimeError(f"the service did not start: {output.read_text()[-2000:]}")

    def stop(self):
        """End it in good order; return the exit status, 0 unless something went wrong."""
        self._process.stdin.close()  # which it waits for
        return self._end()

    def kill(self):
        """End it at once, as a power cut would: it has no time to do anything."""
        self._process.kill()
        self._process.stdin.close()
        return self._end()

    def _end(self):
        try:
            return self._process.wait(timeout=20)
        finally:
            self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.stop()


def main(arguments=None):
    """Run the service in this process until it is told to stop."""
    parser = argparse.ArgumentParser(description="Serve the current model of a folder over HTTP.")
    parser.add_argument("folder", help="holds the store and the log")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    options = parser.parse_args(arguments)
    if not Path(options.folder).is_dir():
        parser.error(f"{options.folder} is no folder")

    import uvicorn  # here, so that `Server` and --help need no web framework

    from companion.deploy.service import create_app

    class Announcing(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            if self.started:
                host, port = sockets[0].getsockname()
                print(f"http://{host}:{port}", flush=True)

    settings = uvicorn.Config(
        create_app(options.folder),
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    server = Announcing(settings)
    if options.with_parent:
        threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    # The protocol has to be named: only then does asyncio switch off Nagle's algorithm, which
    # would hold back the second half of every answer for 40 milliseconds.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    server.run(sockets=[listener])
    return 0 if server.started else 3


def _stop_with_parent(server):
    """Wait for the end of stdin: it comes when the parent closes it or dies, however it dies."""
    while _parent_writes():
        pass
    server.should_exit = True


def _parent_writes():
    return os.read(0, 1024)


if __name__ == "__main__":
    sys.exit(main())
