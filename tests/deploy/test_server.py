"""The service as a real process: started, loaded, stopped, killed, and left by its parent."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from benchmarks.serve import held, highest_rate, load, measure
from companion.deploy import server as server_module
from companion.deploy.files import LOG
from companion.deploy.records import read
from companion.deploy.server import Server, main
from tests.deploy.boxes import measurements, question

ROWS, LABELS = measurements(400, seed=3)


def test_starts_answers_and_stops_in_good_order(folder):
    with Server(folder) as server:
        assert server.url.startswith("http://127.0.0.1:")
        answer = httpx.post(server.url + "/predict", json=question(ROWS[0], id="one"))
        assert answer.status_code == 200
        assert server.stop() == 0
    assert read(folder / LOG)[0][-1]["id"] == "one"
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/health")


def test_an_answer_that_is_on_its_way_is_finished(folder):
    server, answers = Server(folder), []

    def ask():
        with httpx.Client(base_url=server.url) as client:
            answers.extend(client.post("/predict", json=question(row)).json() for row in ROWS[:1])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.stop() == 0
    assert {a["id"] for a in answers} <= {record["id"] for record in read(folder / LOG)[0]}
    assert len(answers) == 8


def test_a_folder_in_use_is_refused_with_the_reason(folder):
    with Server(folder), pytest.raises(RuntimeError, match="being written by another process"):
        Server(folder)


def test_bad_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "missing")])
    assert "is no folder" in capsys.readouterr().err


def test_the_program_itself(folder, monkeypatch):
    """The same as above within this process, where its lines are seen by coverage."""
    said, parent_ends = [], threading.Event()
    monkeypatch.setattr(server_module, "print", lambda *a, **k: said.append(a[0]), raising=False)
    monkeypatch.setattr(server_module, "_parent_writes", lambda: not parent_ends.wait(20))
    thread = threading.Thread(target=lambda: said.append(main([str(folder), "--with-parent"])))
    thread.start()
    for _ in range(200):
        if said:
            break
        time.sleep(0.05)
    assert httpx.get(said[0] + "/health").json()["status"] == "ok"
    parent_ends.set()
    thread.join(20)
    assert said[1:] == [0]


def test_ends_with_the_process_that_started_it(folder):
    program = (
        "import time\nfrom companion.deploy.server import Server\n"
        f"server = Server({str(folder)!r})\nprint(server.url, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().strip()
    assert httpx.get(url + "/health").status_code == 200
    parent.kill()
    parent.communicate()
    for _ in range(100):
        try:
            httpx.get(url + "/health")
        except httpx.TransportError:
            return
        time.sleep(0.05)
    pytest.fail("the service is still there five seconds after its parent was killed")


def test_nothing_acknowledged_is_lost_when_it_is_killed(folder):
    """Clients ask and label without pause while the service is killed at random moments."""
    draw, told = random.Random(), {}
    for round_ in range(3):
        server = Server(folder)
        client = threading.Thread(target=_ask_until_it_dies, args=(server.url, told, round_))
        client.start()
        time.sleep(draw.uniform(0.05, 0.4))
        assert server.kill() == -signal.SIGKILL
        client.join()
        records, _ = read(folder / LOG)
        kept = {(r["kind"], r["id"]): r for r in records}
        for key, expected in told.items():
            assert expected.items() <= kept[key].items(), key
    assert len(told) > 20


def _ask_until_it_dies(url, told, round_):
    with httpx.Client(base_url=url) as client:
        try:
            for place, (row, label) in enumerate(zip(ROWS, LABELS, strict=True)):
                key = f"{round_}-{place}"
                answer = client.post("/predict", json=question(row, id=key)).json()
                told["question", key] = answer
                feedback = {"id": key, "label": str(label)}
                client.post("/feedback", json=feedback).raise_for_status()
                told["feedback", key] = feedback
        except httpx.TransportError:
            pass


def test_a_body_without_a_length_is_refused_over_the_wire(folder):
    with Server(folder) as server:
        pieces = (b" " * 10_000 for _ in range(50))
        headers = {"content-type": "application/json"}
        answer = httpx.post(server.url + "/predict", content=pieces, headers=headers)
        assert answer.status_code == 413 and "expected" in answer.json()["error"]
        assert answer.headers["connection"] == "close"
        assert httpx.get(server.url + "/health").json()["status"] == "ok"


def test_the_load_of_the_benchmark(folder, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.serve.LADDER", (20, 1_000_000))
    monkeypatch.setattr("benchmarks.serve.SECONDS", 0.2)
    with Server(folder) as server:
        before = len(read(folder / LOG)[0])
        found = asyncio.run(load(server.url, rate=100, seconds=0.3, seed=0))
        assert found["errors"] == 0 and found["requests"] == 30
        assert len(read(folder / LOG)[0]) == before + 30
        assert 0 < found["p50"] <= found["p99"] <= found["p100"]
        assert measure(server.url, 20, seed=0, seconds=0.2)["requests"] == 4
        monkeypatch.setattr("benchmarks.serve.held", lambda found: found["wanted"] < 100)
        monkeypatch.setattr(
            "benchmarks.serve.measure", lambda url, rate, seed: {"wanted": rate, "reached": rate}
        )
        assert highest_rate(server.url, seed=0) == 20
    assert "errors 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "kept"),
    [({}, True), ({"errors": 1}, False), ({"p99": 0.2}, False), ({"reached": 150}, False)],
)
def test_when_the_bar_is_kept(change, kept):
    assert held({"wanted": 200, "reached": 199, "errors": 0, "p99": 0.02} | change) is kept


def test_errors_are_counted(folder):
    with Server(folder) as server:
        killer = threading.Timer(0.3, os.kill, (server.pid, signal.SIGKILL))
        killer.start()
        found = asyncio.run(load(server.url, rate=50, seconds=0.8, seed=0))
        killer.join()
    assert 0 < found["errors"] < 40 and found["examples"]
