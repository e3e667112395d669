"""A model behind HTTP: it answers, writes down what it answered, and takes in what was right.

    GET  /health     whether it can answer, and with which version
    GET  /model      the columns, the classes, and what is known about the version
    POST /predict    {"id": …, "features": {name: number, …}}  →  id, version, label, probability
    POST /feedback   {"id": …, "label": …}                     →  id

An answer is sent after the record of it is on the disk: what a client has been told, the log knows.
Records that wait while the disk is busy are written together. A version that is promoted while the
service runs answers from the next question on.
"""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from companion.deploy.files import LOG, STORE
from companion.deploy.records import Log, read
from companion.deploy.store import Store
from companion.deploy.tabular import Classifier
from companion.deploy.wire import Refused, feedback_of, question_of, read_json

__all__ = ["create_app"]

_MOST_WAITING = 1000  # records; more than the disk can take in a second are refused
_ROUTES = "GET /health, GET /model, POST /predict and POST /feedback"


class Models:
    """The current version of a store, read anew when another one is promoted."""

    def __init__(self, store):
        self._store, self._stamp = store, None
        self.version, self.model, self.facts, self.problem = None, None, {}, None

    def refresh(self):
        """Look whether another version is current. One that is damaged leaves the old in place."""
        stamp = self._store.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            version = self._store.current()
            tensors, facts = self._store.read(version)
            self.model = Classifier.of(tensors, facts)
            self.version, self.facts, self.problem = version, facts, None
        except ValueError as error:
            self.problem = str(error)

    def ready(self):
        """Return the model, or refuse."""
        self.refresh()
        if self.model is None:
            why = self.problem or "none has been promoted yet"
            raise Refused(503, f"there is no model to answer with: {why}")
        return self.model


class Recorder:
    """Writes records for many requests at a time and tells each when its own is on the disk."""

    def __init__(self, path):
        self._log, self._waiting = Log(path), []
        self._wake, self._closing = asyncio.Event(), False
        self.known = {record["id"] for record in read(path)[0] if record["kind"] == "question"}
        self._task = asyncio.create_task(self._run())

    async def add(self, record):
        """Return when the record is on the disk."""
        if len(self._waiting) >= _MOST_WAITING:
            raise Refused(503, f"{_MOST_WAITING} requests wait for the disk; try again later")
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((record, written))
        self._wake.set()
        await written

    async def close(self):
        """Write what waits and close the log."""
        self._closing = True
        self._wake.set()
        await self._task
        self._log.close()

    async def _run(self):
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            problem = None
            try:
                await asyncio.to_thread(self._log.append, [record for record, _ in batch])
            except OSError as error:
                problem = Refused(503, f"the answer could not be recorded: {error.strerror}")
            for _, written in batch:
                if not written.done():  # a client that hung up no longer waits
                    written.set_exception(problem) if problem else written.set_result(None)


def create_app(folder, *, largest_body=64 * 1024, patience=10.0):
    """Make the service for a folder with a store and a log.

    Args:
        folder: Holds `store`, see `companion.deploy.store`, and `records.log`, which is made.
        largest_body: Bytes that a request may send.
        patience: Seconds that a client may take to send its body.

    Returns:
        The FastAPI application. It opens the log when it starts and closes it when it ends.
    """
    folder = Path(folder)
    models = Models(Store(folder / STORE))

    @asynccontextmanager
    async def lifespan(app):
        models.refresh()
        app.state.recorder = Recorder(folder / LOG)
        yield
        await app.state.recorder.close()

    app = FastAPI(title="A small model service", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(HTTPException, _wrong_route)

    _reading(app, models)
    _writing(app, models, largest_body, patience)
    return app


def _reading(app, models):
    """Add what changes nothing."""

    @app.get("/health")
    async def health():
        models.refresh()
        status = "ok" if models.problem is None and models.model else "degraded"
        return {"status": status, "version": models.version, "problem": models.problem}

    @app.get("/model")
    async def model():
        return {**models.ready().facts(), "version": models.version, "facts": models.facts}


def _writing(app, models, largest_body, patience):
    """Add what leaves a record."""

    async def document(request):
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, f"content-type: got {kind!a}; expected 'application/json'")
        return read_json(await _body(request, largest_body, patience))

    @app.post("/predict")
    async def predict(request: Request):
        sent = await document(request)
        model = models.ready()
        identifier, row = question_of(sent, model.names)
        chance = float(model.probability(row))
        answer = {
            "id": identifier,
            "version": models.version,
            "label": model.classes[int(chance > 0.5)],
            "probability": chance,
        }
        features = dict(zip(model.names, row.tolist(), strict=True))
        recorder = request.app.state.recorder
        await recorder.add({"kind": "question", **answer, "features": features})
        recorder.known.add(identifier)
        return JSONResponse(answer)

    @app.post("/feedback")
    async def feedback(request: Request):
        sent = await document(request)
        identifier, label = feedback_of(sent, models.ready().classes)
        recorder = request.app.state.recorder
        if identifier not in recorder.known:
            raise Refused(404, f"id: {identifier!r} was never asked about; expected an answer's id")
        await recorder.add({"kind": "feedback", "id": identifier, "label": label})
        return JSONResponse({"id": identifier})


async def _body(request, largest, patience):
    """Read the body, and no more of it than is allowed, whatever its header announces."""
    data, size = bytearray(), 0
    try:
        async with asyncio.timeout(patience):
            async for part in request.stream():
                size += len(part)
                if size <= largest:
                    data += part
                elif size > 16 * largest:
                    break  # until here it was read and dropped, so that the client hears the answer
    except TimeoutError:
        raise Refused(408, f"body: not there after {patience:g} seconds") from None
    except ClientDisconnect:
        raise Refused(400, "body: the client hung up") from None
    if size > largest:
        raise Refused(413, f"body: larger than {largest} bytes; expected one question at a time")
    return bytes(data)


async def _refusal(request, error):
    hang_up = {"connection": "close"} if error.status in (408, 413) else None
    return JSONResponse({"error": error.message}, error.status, headers=hang_up)


async def _wrong_route(request, error):
    sent = f"{request.method} {request.url.path}"
    message = f"{ascii(sent)[1:-1][:200]}: {error.detail}; expected one of {_ROUTES}"
    return JSONResponse({"error": message}, error.status_code, headers=error.headers)
