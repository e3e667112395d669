"""The service of the life cycle under load: 200 requests a second, and as many as it can take.

The requests come from a process of their own, at moments that are drawn beforehand, independent of
each other (an *open loop*: nobody waits with a question until another one's is answered). Latency
counts from the moment that a request was due, not from when it was sent: a service that stands
still for a second delays all that were due in this second, and is charged for each.

Each answer is written to the log and flushed to the disk before it is sent. A round measures the
99th percentile of the latency at 200 a second; every fifth round also climbs a ladder of rates as
long as that percentile stays below 100 ms with no error. Both are shown as ratios to their bar.

    python -m benchmarks.serve [--rounds N] [--json FILE]
    python -m benchmarks.serve --load URL RATE SECONDS SEED     one measurement, as JSON
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.side_by_side import Comparison, main

RATE, LATENCY = 200, 0.1  # the bars: requests a second, and seconds for 99 of 100 of them
SECONDS = 4.0  # of load in a measurement
LADDER = (300, 400, 500, 600, 700, 800, 1000, 1250, 1500, 2000)  # requests a second
_TIMEOUT = 10.0


class Connections:
    """Connections to the service that are kept open and used again, as many as it takes."""

    def __init__(self, url, body):
        host, port = url.removeprefix("http://").split(":")
        self._address = host, int(port)
        head = (
            f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._request, self._idle = head.encode() + body, []
        self.opened = 0

    async def ask(self):
        """Send the question; return the HTTP status of the answer."""
        if not self._idle:
            self.opened += 1
            self._idle.append(await asyncio.open_connection(*self._address))
        reader, writer = self._idle.pop()
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split()[0])
        await reader.readexactly(size)
        self._idle.append((reader, writer))
        return int(head.split(maxsplit=2)[1])


async def load(url, rate, seconds, seed):
    """Ask at a rate for some seconds; return what came of it."""
    rng = np.random.default_rng(seed)
    # A Poisson process, of which we ask that it has exactly this many events in this time.
    due = np.sort(rng.uniform(0, seconds, size=round(rate * seconds)))
    names = json.loads(await _get(url, "/model"))["names"]
    features = dict(zip(names, rng.uniform(1, 10, len(names)).tolist(), strict=True))
    connections = Connections(url, json.dumps({"features": features}).encode())
    latencies, late, errors = np.zeros(len(due)), np.zeros(len(due)), []
    start = time.perf_counter() + 0.05

    async def one(number):
        try:
            status = await asyncio.wait_for(connections.ask(), _TIMEOUT)
            if status != 200:
                errors.append(status)
        except (OSError, EOFError, TimeoutError) as error:
            errors.append(repr(error))
        latencies[number] = time.perf_counter() - start - due[number]

    tasks = []
    for number, moment in enumerate(due):
        if (wait := moment - (time.perf_counter() - start)) > 0:
            await asyncio.sleep(wait)
        late[number] = time.perf_counter() - start - moment
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    spent = time.perf_counter() - start
    return {
        "wanted": rate,
        "reached": len(due) / spent,
        "requests": len(due),
        "errors": len(errors),
        "examples": [str(error) for error in errors[:3]],
        "connections": connections.opened,
        **{f"p{q}": float(np.percentile(latencies, q)) for q in (50, 99, 100)},
        "sender_p99": float(np.percentile(late, 99)),
    }


async def _get(url, path):
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


def measure(url, rate, seed, seconds=SECONDS):
    """Run `load` in a process of its own, print and return the result."""
    command = [sys.executable, "-m", "benchmarks.serve", "--load", url, str(rate), str(seconds)]
    output = subprocess.run([*command, str(seed)], check=True, capture_output=True, text=True)
    found = json.loads(output.stdout)
    print(
        f"  wanted {found['wanted']:5.0f}/s  reached {found['reached']:6.1f}/s"
        f"  p50 {1000 * found['p50']:6.2f} ms  p99 {1000 * found['p99']:7.2f} ms"
        f"  max {1000 * found['p100']:7.2f} ms  errors {found['errors']}"
        f"  connections {found['connections']}"
    )
    return found


def prepare(folder):
    """Put a first version, trained on scikit-learn's breast cancer data, into a folder."""
    from sklearn.datasets import load_breast_cancer

    from companion.deploy import cycle

    data = load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    classes = ["benign", "malignant"]
    labels = np.where(data.target == 1, *classes)
    cycle.import_archive(folder, names, data.data, labels)
    cycle.run(folder, 1, names=names, classes=classes)


def held(found):
    """Whether a measurement keeps the bar: no error, p99 below 100 ms, and the rate reached."""
    kept = found["errors"] == 0 and found["p99"] < LATENCY
    return kept and found["reached"] > 0.9 * found["wanted"]


def highest_rate(url, seed):
    """Climb the ladder as long as the bar is kept; return the rate that was really reached."""
    best = 0.0
    for rate in LADDER:
        found = measure(url, rate, seed)
        if not held(found):
            break
        best = found["reached"]
    return best


def build(rounds=15, threads=None):
    """Measure; the number of threads is the service's own business: it has one."""
    from companion.deploy.server import Server

    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        with Server(folder) as server:
            measure(server.url, RATE, seed=0, seconds=1.0)  # thrown away
            fixed = [measure(server.url, RATE, seed) for seed in range(rounds)]
            errors = sum(found["errors"] for found in fixed)
            if errors or min(found["reached"] for found in fixed) < 0.9 * RATE:
                raise SystemExit(f"{RATE} requests a second: {errors} errors, {fixed}")
            rates = [highest_rate(server.url, seed) for seed in range(max(1, rounds // 5))]
    latencies = tuple(found["p99"] for found in fixed)
    bar = f"{1000 * LATENCY:.0f} ms"
    yield Comparison(
        f"service, {RATE} requests a second",
        bar,
        {bar: (LATENCY,) * len(latencies), "99th percentile of the latency": latencies},
        {"99th percentile of the latency": 1.0},
    )
    bar = f"{RATE} requests a second"
    yield Comparison(
        f"service, highest rate with p99 below {1000 * LATENCY:.0f} ms",
        bar,
        {bar: (1 / RATE,) * len(rates), "the rate": tuple(1 / max(rate, 1e-9) for rate in rates)},
        {"the rate": 1.0},
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        address, *numbers = sys.argv[2:]
        print(json.dumps(asyncio.run(load(address, *map(float, numbers[:2]), int(numbers[2])))))
    else:
        sys.exit(main(build))
