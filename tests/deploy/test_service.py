import asyncio
import json

import httpx
import pytest
from fastapi.testclient import TestClient

from companion.deploy import cycle, service
from companion.deploy.files import LOG, STORE
from companion.deploy.records import LogError, read
from companion.deploy.service import create_app
from companion.deploy.store import Store
from companion.deploy.tabular import Classifier
from tests.deploy.boxes import CLASSES, NAMES, measurements, question

ROWS, LABELS = measurements(20, seed=1)
JSON = {"content-type": "application/json"}


@pytest.fixture
def client(folder):
    with TestClient(create_app(folder, largest_body=1000), raise_server_exceptions=True) as client:
        yield client


def model_of(folder, version=1):
    return Classifier.of(*Store(folder / STORE).read(version))


def test_answers_are_the_models_and_are_on_the_disk(client, folder):
    for place, row in enumerate(ROWS):
        answer = client.post("/predict", json=question(row, id=f"box-{place}")).json()
        expected = float(model_of(folder).probability(row))
        label = CLASSES[int(expected > 0.5)]
        assert answer == {
            "id": f"box-{place}",
            "version": 1,
            "label": label,
            "probability": pytest.approx(expected, abs=1e-14),
        }
        last = read(folder / LOG)[0][-1]
        assert last == {"kind": "question", **answer, **question(row)}


def test_feedback_is_on_the_disk(client, folder):
    asked = client.post("/predict", json=question(ROWS[0])).json()["id"]
    assert client.post("/feedback", json={"id": asked, "label": "large"}).json() == {"id": asked}
    assert read(folder / LOG)[0][-1] == {"kind": "feedback", "id": asked, "label": "large"}
    refused = client.post("/feedback", json={"id": "never", "label": "large"})
    assert refused.status_code == 404 and "never asked about" in refused.json()["error"]


def test_an_id_of_an_earlier_run_is_known(folder):
    for _ in range(2):
        with TestClient(create_app(folder)) as client:
            feedback = client.post("/feedback", json={"id": "archive-3", "label": "small"})
            assert feedback.status_code == 200


def test_health_and_model(client):
    assert client.get("/health").json() == {"status": "ok", "version": 1, "problem": None}
    model = client.get("/model").json()
    assert (model["names"], model["classes"], model["version"]) == (NAMES, CLASSES, 1)
    assert model["facts"]["turn"] == 1


BAD = {
    "malformed": ({"content": b"{", "headers": JSON}, 400),
    "not a number": ({"content": b'{"features": {"height": NaN}}', "headers": JSON}, 400),
    "latin-1": ({"content": b'{"id": "\xe9"}', "headers": JSON}, 400),
    "surrogate": (
        {"content": b'{"id": "\\ud800", "features": {"\\ud800": 1}}', "headers": JSON},
        422,
    ),
    "deep": ({"content": b"[" * 900, "headers": JSON}, 400),
    "a list": ({"json": [1, 2]}, 422),
    "a text": ({"json": question([1, 2, 3]) | {"features": "1, 2, 3"}}, 422),
    "too few": ({"json": {"features": {"height": 1}}}, 422),
    "too many": ({"json": {"features": question([1, 2, 3])["features"] | {"age": 1}}}, 422),
    "a text for a number": ({"json": {"features": dict.fromkeys(NAMES, "1")}}, 422),
    "negative": ({"json": {"features": dict.fromkeys(NAMES, -1)}}, 422),
    "too large": ({"json": {"features": dict.fromkeys(NAMES, "x" * 400)}}, 413),
    "a form": ({"data": {"height": 1}}, 415),
    "no body": ({}, 415),
    "empty body": ({"content": b"", "headers": JSON}, 400),
}


@pytest.mark.parametrize("path", ["/predict", "/feedback"])
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_with_a_reason_and_leave_no_trace(client, folder, path, name):
    sent, status = BAD[name]
    before = (folder / LOG).read_bytes()
    answer = client.post(path, **sent)
    assert answer.status_code == status
    assert "expected" in answer.json()["error"] and len(answer.json()["error"]) < 300
    assert (folder / LOG).read_bytes() == before
    assert client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/predictt", 404),
        ("GET", "/docs", 404),
        ("GET", "/%ff%00", 404),
        ("GET", "/predict", 405),
        ("DELETE", "/feedback", 405),
        ("POST", "/health", 405),
    ],
)
def test_wrong_routes_name_the_right_ones(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert "expected one of GET /health" in answer.json()["error"]


def test_a_body_in_pieces_is_stopped_at_the_limit(client):
    asked_for = []

    def pieces(count):
        for number in range(count):
            asked_for.append(number)
            yield b" " * 100

    assert client.post("/predict", content=pieces(20), headers=JSON).status_code == 413
    fine = json.dumps(question(ROWS[0])).encode()
    assert client.post("/predict", content=iter([fine]), headers=JSON).status_code == 200


def asgi(folder, receive, **settings):
    """Send a POST /predict whose body comes from `receive`; return the messages of the answer."""
    app, sent = create_app(folder, **settings), []
    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b""}
    scope |= {"headers": [(b"content-type", b"application/json")], "asgi": {"version": "3.0"}}

    async def send(message):
        sent.append(message)

    async def go():
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(go())
    return sent


def test_no_more_than_sixteen_times_the_limit_is_read(folder):
    taken = []

    async def receive():
        taken.append(1)
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    sent = asgi(folder, receive, largest_body=2000)
    assert sent[0]["status"] == 413 and len(taken) == 33
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_slow_client_is_sent_away(folder):
    async def receive():
        await asyncio.sleep(30)

    assert asgi(folder, receive, patience=0.05)[0]["status"] == 408


def test_a_client_that_hangs_up_does_no_harm(folder):
    async def receive():
        return {"type": "http.disconnect"}

    assert asgi(folder, receive)[0]["status"] == 400


def test_a_promotion_is_seen_at_once_and_a_rollback_too(client, folder):
    store = Store(folder / STORE)
    tensors, facts = store.read(1)
    version = store.add(tensors | {"weights": -tensors["weights"]}, facts)
    ask = lambda: client.post("/predict", json=question(ROWS[0])).json()  # noqa: E731
    first = ask()
    store.promote(version, "a test")
    second = ask()
    store.roll_back(version, "a test")
    assert [first["version"], second["version"], ask()["version"]] == [1, 2, 1]
    assert first["label"] != second["label"]


def test_a_damaged_version_is_not_taken(client, folder):
    store = Store(folder / STORE)
    tensors, facts = store.read(1)
    version = store.add(tensors | {"bias": tensors["bias"] + 1}, facts)
    store.promote(version, "a test")
    path = folder / STORE / "versions" / "0002" / "model.safetensors"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    assert client.post("/predict", json=question(ROWS[0])).json()["version"] == 1
    health = client.get("/health").json()
    assert health["status"] == "degraded" and "damaged" in health["problem"]


def test_without_a_model_it_says_so(tmp_path):
    with TestClient(create_app(tmp_path)) as client:
        answer = client.post("/predict", json=question(ROWS[0]))
        assert answer.status_code == 503 and "none has been promoted" in answer.json()["error"]
        assert client.get("/health").json()["status"] == "degraded"


def test_what_cannot_be_recorded_is_not_answered(client, folder, monkeypatch):
    def full(self, records):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service.Log, "append", full)
    answer = client.post("/predict", json=question(ROWS[0]))
    assert answer.status_code == 503 and "No space left" in answer.json()["error"]
    monkeypatch.undo()
    assert client.post("/predict", json=question(ROWS[0])).status_code == 200


def test_many_at_a_time_are_written_together_and_none_is_lost(folder, monkeypatch):
    batches, append = [], service.Log.append

    def counting(self, records):
        batches.append(len(records))
        append(self, records)

    monkeypatch.setattr(service.Log, "append", counting)
    app = create_app(folder)

    async def ask_all():
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                sent = (client.post("/predict", json=question(row)) for row in ROWS)
                return [answer.json()["id"] for answer in await asyncio.gather(*sent)]

    ids = asyncio.run(ask_all())
    assert {record["id"] for record in read(folder / LOG)[0]} >= set(ids)
    assert sum(batches) == len(set(ids)) == 20 and len(batches) < 20


def test_too_many_that_wait_are_refused(client, monkeypatch):
    monkeypatch.setattr(service, "_MOST_WAITING", 0)
    answer = client.post("/predict", json=question(ROWS[0]))
    assert answer.status_code == 503 and "try again later" in answer.json()["error"]


def test_two_services_cannot_share_a_log(client, folder):
    with pytest.raises(LogError, match="another process"), TestClient(create_app(folder)):
        pass


def test_what_it_wrote_trains_the_next_version(client, folder):
    start = read(folder / LOG)[1]
    rows, labels = measurements(60, seed=2)
    for row, label in zip(rows, labels, strict=True):
        asked = client.post("/predict", json=question(row)).json()
        client.post("/feedback", json={"id": asked["id"], "label": str(label)})
    result = cycle.run(folder, 2, names=NAMES, classes=CLASSES, since=start)
    assert result["version"] == 2 and not result["promoted"]
