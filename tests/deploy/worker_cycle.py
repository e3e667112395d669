"""A process whose children run turns and are killed: python worker_cycle.py TRAINED FOLDER SEED.

A child is a fork, a real process that does not have to import everything again. It is killed with
SIGKILL, at each point that a turn reports and at random moments, until its turn comes through. Each
turn must end with the same files, byte for byte, as one that nobody killed. Prints a line for each.
"""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from companion.deploy import cycle
from companion.deploy.files import LOG, STORE
from companion.deploy.records import Log, read
from companion.deploy.store import Store
from tests.deploy.boxes import CLASSES, NAMES, measurements, question


def content(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder): path.read_bytes() for path in files}


def fork(work, *arguments):
    """Run `work` in a child; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    return child


def ended(child):
    """Wait for a child; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(wanted):
    def watch(point):
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return watch


def main(trained, folder, seed):
    draw, folder = random.Random(int(seed)), Path(folder)
    start_folder = shutil.copytree(trained, folder / "start")
    start = read(start_folder / LOG)[1]
    rows, labels = measurements(120, seed=8)
    with Log(start_folder / LOG) as log:
        for place, (row, label) in enumerate(zip(3 * rows, labels.tolist(), strict=True)):
            key = f"new-{place}"
            log.append([{"kind": "question", **question(row, id=key), "version": 1}])
            log.append([{"kind": "feedback", "id": key, "label": label}])

    def turn(place, watch=None):
        return cycle.run(place, 2, names=NAMES, classes=CLASSES, since=start, watch=watch)

    points = []
    whole = shutil.copytree(start_folder, folder / "whole")
    assert turn(whole, points.append)["promoted"]
    expected = content(whole)
    begun = time.perf_counter()
    assert ended(fork(turn, shutil.copytree(start_folder, folder / "timed"))) == 0
    spent = time.perf_counter() - begun
    assert len(points) == len(set(points)) > 20, points
    for number, point in enumerate(points):
        place = shutil.copytree(start_folder, folder / f"point-{number}")
        assert ended(fork(turn, place, die_at(point))) == -signal.SIGKILL, point
        _reads_as_before_or_after(place)
        assert ended(fork(turn, place)) == 0, point
        assert content(place) == expected, point
        print("point", point, flush=True)
    for number in range(25):
        place = shutil.copytree(start_folder, folder / f"moment-{number}")
        status, kills = -signal.SIGKILL, 0
        while status:
            child = fork(turn, place)
            time.sleep(draw.uniform(0, spent))
            os.kill(child, signal.SIGKILL)
            status = ended(child)
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
            _reads_as_before_or_after(place)
        different = dict(content(place).items() ^ expected.items())
        assert not different, (number, kills, set(different))
        print("moment", number, kills, flush=True)


def _reads_as_before_or_after(place):
    store = Store(place / STORE)
    assert store.current() in (1, 2)
    store.read(store.current())
    read(place / LOG)


if __name__ == "__main__":
    main(*sys.argv[1:])
