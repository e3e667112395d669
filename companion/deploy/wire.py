"""What clients may send: every refusal names the field, what came, and what would be accepted.

{"id": "patient-17", "features": {"mean radius": 14.1, …}}    asks (the id may be left out)
{"id": "patient-17", "label": "benign"}                      tells what was right
"""

import json
import math
import re
import uuid

import numpy as np

__all__ = ["Refused", "feedback_of", "question_of", "read_json"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID_RULE = "1 to 64 letters, digits, dots, dashes or underscores"
_SHOWN = 60  # characters of what was sent that a message repeats


class Refused(Exception):
    """A request that is not answered: an HTTP status and a message for whoever sent it."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def read_json(body):
    """Return the JSON object in a request's body.

    Args:
        body: Bytes.

    Raises:
        Refused: If they are no JSON object in UTF-8, or hold NaN, Infinity or a name twice.
    """
    try:
        found = json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_each_once
        )
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"body: {_short(error)}; expected a JSON object in UTF-8") from None
    if not isinstance(found, dict):
        raise Refused(422, f"body: got {_shown(found)}; expected a JSON object such as {{…}}")
    return found


def question_of(document, names):
    """Return the pair (id, row) of a question to a model.

    Args:
        document: What `read_json` returned.
        names: The columns of the model, d of them.

    Returns:
        The id, a new one if there was none, and the float64 array (d,) in the order of `names`.

    Raises:
        Refused: With status 422, if a field is missing, unknown, or not as it should be.
    """
    _fields(document, required={"features"}, optional={"id"})
    features = document["features"]
    if not isinstance(features, dict):
        raise Refused(
            422, f"features: got {_shown(features)}; expected an object of {len(names)} numbers"
        )
    missing = [name for name in names if name not in features]
    unknown = [name for name in features if name not in names]
    if missing or unknown:
        raise Refused(
            422,
            f"features: {len(missing)} missing {_list(missing)}, {len(unknown)} unknown "
            f"{_list(unknown)}; expected the {len(names)} that GET /model lists",
        )
    row = np.array([_number(name, features[name]) for name in names])
    return _identifier(document.get("id", uuid.uuid4().hex)), row


def feedback_of(document, classes):
    """Return the pair (id, label) of a feedback.

    Raises:
        Refused: With status 422, if a field is missing, unknown, or not as it should be.
    """
    _fields(document, required={"id", "label"}, optional=set())
    if document["label"] not in list(classes):
        raise Refused(
            422, f"label: got {_shown(document['label'])}; expected one of {list(classes)}"
        )
    return _identifier(document["id"]), document["label"]


def _fields(document, required, optional):
    missing, unknown = required - set(document), set(document) - required - optional
    if missing or unknown:
        raise Refused(
            422,
            f"body: missing {_list(sorted(missing))}, unknown {_list(sorted(unknown))}; "
            f"expected the fields {sorted(required)}"
            + (f" and perhaps {sorted(optional)}" if optional else ""),
        )


def _number(name, value):
    # True is an integer in Python, and float("12") would take a text.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(422, f"features, {_shown(name)}: got {_shown(value)}; expected a number")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or value < 0:
        raise Refused(
            422,
            f"features, {_shown(name)}: got {_shown(value)}; expected a finite number, 0 or more",
        )
    return value


def _identifier(value):
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Refused(422, f"id: got {_shown(value)}; expected {_ID_RULE}")
    return value


def _no_constant(name):
    raise ValueError(f"{name} is no number in JSON")


def _each_once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in the same object")
    return found


def _shown(value):
    """Write a value in ASCII, so that it can be sent back whatever it was."""
    return _short(ascii(value))


def _short(text):
    text = str(text).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"


def _list(names):
    return _short("[" + ", ".join(ascii(name) for name in names) + "]")
