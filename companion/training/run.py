"""The part of a training run that needs no framework: what is due when, and what it measured."""

import math
import sys
from contextlib import contextmanager

import numpy as np
from tqdm import tqdm

from companion.checks import natural
from companion.claims import in_notebook
from companion.training.history import History

__all__ = ["Run"]


class Run:
    """The plan and the record of one run.

    Args:
        batches: The `Batches` of the run.
        store: The `Store` that keeps its checkpoints.
        schedule: A function of the step that returns what the learning rate is multiplied by.
        clip_norm: The largest norm of all gradients together.
        evaluate: A function of the model that returns measurements by name.
        evaluate_every: Updates between two evaluations; an epoch by default.
        callbacks: Functions callback(step, model, history), called after each update.

    Attributes:
        config: The settings that have to be the same when the run is resumed.
        history: What was measured.
        start: The step to begin with; more than 0 if a checkpoint was restored.
        stopped: Whether a callback ended the run.

    Raises:
        ValueError: If an argument is not of that form.
    """

    def __init__(self, batches, store, schedule, clip_norm, evaluate, evaluate_every, callbacks):
        self.batches, self.store = batches, store
        self.schedule = _checked_function("schedule", schedule)
        self.clip_norm = _checked_norm(clip_norm)
        self.evaluate = _checked_function("evaluate", evaluate)
        if evaluate_every is not None and evaluate is None:
            raise ValueError(f"evaluate_every is {evaluate_every!r}, but evaluate is None")
        self._evaluate_every = _every("evaluate_every", evaluate_every, batches)
        self._checkpoint_every = _every("checkpoint_every", store.every, batches)
        self.callbacks = tuple(callbacks)
        for callback in self.callbacks:
            _checked_function("each of callbacks", callback)
        self.config = batches.config() | {"clip_norm": self.clip_norm}
        self.history = History()
        self.start = 0
        self.stopped = False

    def rate_factor(self, step):
        """Return what the learning rate of a step is multiplied by."""
        if self.schedule is None:
            return 1.0
        factor = float(self.schedule(step))
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"schedule({step}) is {factor}; expected a finite number from 0")
        return factor

    def record_loss(self, step, value):
        """Record the loss of a step.

        Raises:
            FloatingPointError: If it is infinite or not a number.
        """
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the loss is {value} at step {step} (the first is 0); a smaller learning rate, "
                "clip_norm or a look at the data of that step may help"
            )
        self.history.record(step, loss=value)

    def evaluation_due(self, updates):
        """Tell whether an evaluation comes after so many updates."""
        return self.evaluate is not None and self._due(updates, self._evaluate_every)

    def record_evaluation(self, updates, values):
        """Record what `evaluate` returned.

        Raises:
            TypeError: If it is no dict of numbers.
            ValueError: If it uses the name of the training loss.
        """
        if not isinstance(values, dict):
            raise TypeError(f"evaluate returned {values!r}; expected a dict of numbers by name")
        if "loss" in values:
            raise ValueError(
                "evaluate returned the name 'loss', which is the training loss; "
                "expected another one such as 'validation_loss'"
            )
        self.history.record(updates, **values)

    def call_back(self, updates, model):
        """Call every callback and return whether one of them asks to stop.

        Raises:
            TypeError: If one returns anything but None, True or False.
        """
        stop = False
        for callback in self.callbacks:
            answer = callback(updates, model, self.history)
            if answer is not None and not isinstance(answer, bool | np.bool_):
                raise TypeError(
                    f"a callback returned {answer!r}; expected True to stop, or None or False"
                )
            stop = stop or bool(answer)
        return stop

    def checkpoint_due(self, updates):
        """Tell whether a checkpoint comes after so many updates."""
        due = self.stopped or self._due(updates, self._checkpoint_every)
        return self.store.folder is not None and due

    def facts(self, updates):
        """Return what the JSON file of a checkpoint says about the run so far."""
        return {
            "step": updates,
            "epoch": updates // self.batches.per_epoch,
            "stopped": self.stopped,
            "config": self.config,
            "history": self.history.state(),
        }

    def restore(self, facts):
        """Go on where the run was that `facts` describes."""
        self.start, self.stopped = facts["step"], facts["stopped"]
        self.history = History.from_state(facts["history"])

    def steps(self):
        """Return the steps that are left."""
        return range(self.total if self.stopped else self.start, self.total)

    @property
    def total(self):
        """The number of steps of the whole run."""
        return self.batches.total

    @contextmanager
    def progress(self, show=True):
        """Show a progress bar with the loss and samples/s, if there is somebody to look at it.

        Yields:
            A function to be called with each step that is done.
        """
        show = show and (sys.stderr.isatty() or in_notebook())
        options = {} if show else {"disable": True}  # so that TQDM_DISABLE=1 still counts
        samples = 0
        with tqdm(total=self.total, initial=self.start, leave=False, **options) as bar:

            def advance(step):
                nonlocal samples
                samples += self.batches.size(step)
                if not bar.disable:
                    rate = samples / max(bar.format_dict["elapsed"], 1e-9)
                    bar.set_postfix_str(
                        f"loss {self.history.last('loss'):.4g}, {rate:.0f} samples/s", refresh=False
                    )
                bar.update()

            yield advance

    def _due(self, updates, every):
        return updates % every == 0 or updates == self.total


def _every(name, value, batches):
    return batches.per_epoch if value is None else natural(name, value, 1)


def _checked_function(name, value):
    if value is not None and not callable(value):
        raise ValueError(f"{name} is {value!r}; expected a function")
    return value


def _checked_norm(clip_norm):
    if clip_norm is None:
        return None
    number = isinstance(clip_norm, int | float) and not isinstance(clip_norm, bool)
    if not number or not math.isfinite(clip_norm) or clip_norm <= 0:
        raise ValueError(f"clip_norm is {clip_norm!r}; expected a positive number or None")
    return float(clip_norm)
