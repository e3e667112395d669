"""Claims: sentences of the course that the code next to them proves.

A claim cell states a sentence and the condition that makes it true. The sentence is shown with a
tick and the measured value, or the cell fails. The site collects all claims in a ledger.
"""

import html
import math
import re
import sys
from numbers import Number

import numpy as np

__all__ = ["CLAIM_MIME", "claim", "in_notebook"]

CLAIM_MIME = "application/vnd.companion.claim+json"

# Enough to read a claim in Jupyter, Colab and on GitHub; the site's style sheet refines it.
_STYLE = "border-left: 4px solid #2e7d4f; padding: 0.35em 0.8em; margin: 0.3em 0"


def claim(text, condition, *, measured=None, source=None):
    """State a sentence and require the condition that makes it true.

    Args:
        text: The sentence, as it may be quoted on its own.
        condition: A Python or NumPy boolean, normally written as a comparison with a threshold.
        measured: The value that was measured: a number, a string, or a tuple of these. It is
            shown, and named when the claim fails.
        source: The passage of the source documents that the claim tests, such as "D2 §4.3".

    Raises:
        AssertionError: If the condition is false; names the sentence and the measured value.
        TypeError: If the condition is not a boolean or `measured` cannot be shown.
        ValueError: If the sentence is empty or a measured number is not finite.
    """
    text = _checked_text(text)
    value = None if measured is None else _format(measured)
    if not isinstance(condition, bool | np.bool_):
        raise TypeError(
            f"condition of the claim {text!r} is {condition!r} of type {type(condition).__name__}; "
            "expected True or False, such as the result of one comparison"
        )
    if not condition:
        found = "nothing was measured" if value is None else f"measured {value}"
        raise AssertionError(f"Claim does not hold: {text} ({found})")
    _show(text, value, source)


def in_notebook():
    """Tell whether the code runs in a Jupyter kernel, where rich output can be shown."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def _checked_text(text):
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"text of a claim is {text!r}; expected a sentence that is not empty")
    return " ".join(text.split())


def _format(measured):
    """Write a measured value with four significant digits."""
    if isinstance(measured, str):
        return measured
    if isinstance(measured, tuple | list):
        return ", ".join(_format(value) for value in measured)
    if isinstance(measured, bool | np.bool_):
        return str(bool(measured))
    if hasattr(measured, "item") and np.size(measured) == 1:
        measured = measured.item()  # a NumPy scalar, or an array or tensor with one element
    if isinstance(measured, int):
        return f"{measured:,}" if abs(measured) >= 10_000 else str(measured)
    if not isinstance(measured, Number) or isinstance(measured, complex):
        raise TypeError(
            f"measured is {measured!r} of type {type(measured).__name__}; "
            "expected a number, a string, or a tuple of these"
        )
    if not math.isfinite(measured):
        raise ValueError(f"measured is {measured}; expected a finite number")
    return f"{float(measured):.4g}"


def _show(text, value, source):
    details = "" if value is None else f" (measured {value})"
    plain = f"✓ {text}{details}" + (f" [{source}]" if source else "")
    if not in_notebook():
        print(plain)
        return
    from IPython.display import display

    identifier = "claim-" + re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80].rstrip("-")
    payload = {"text": text, "measured": value, "source": source, "id": identifier}
    display(
        {"text/plain": plain, "text/html": _html(payload), CLAIM_MIME: payload},
        raw=True,
    )


def _html(payload):
    escaped = {key: html.escape(value or "") for key, value in payload.items()}
    parts = [f'<span class="claim-text">✓ {escaped["text"]}</span>']
    if payload["measured"] is not None:
        parts.append(f'<span class="claim-measured">measured {escaped["measured"]}</span>')
    if payload["source"]:
        parts.append(f'<span class="claim-source">{escaped["source"]}</span>')
    body = " · ".join(parts)
    return f'<div class="companion-claim" id="{escaped["id"]}" style="{_STYLE}">{body}</div>'
