"""fit: the training loop of all backends."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import numpy as np

from scorekit._allocator import reuse_freed_memory
from scorekit._arrays import check_batch, host
from scorekit._checks import check_arguments, check_count, check_number, check_option
from scorekit._conditions import null_like
from scorekit._score import refuse_other_framework
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning.views import classes_of, innermost
from scorekit.protocols import Array, Objective, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace
from scorekit.training.arguments import check_model, check_names
from scorekit.training.checkpoints import Checkpoints
from scorekit.training.rehearsal import check_reaches, rehearse
from scorekit.training.run import Dropout, FitResult, FitState, Run
from scorekit.training.scales import compare_scales
from scorekit.training.sources import Source, open_source
from scorekit.training.store import Store

__all__ = ["fit"]


def fit(
    model: ScoreModel,
    objective: Objective,
    data: Any,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | Callable[[int], float] = 1e-3,
    optimizer: Any = "adam",
    gradient_clip: float | None = 1.0,
    ema: float | None = 0.999,
    rng: RngLike = 0,
    validation: Any = None,
    condition_dropout: float = 0.0,
    null_condition: Any = None,
    progress: bool = True,
    callbacks: Sequence[Callable[[FitState], bool | None]] = (),
    on_nonfinite: Literal["raise", "skip"] = "raise",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1000,
    keep: int = 3,
    resume: bool = True,
    **options: Any,
) -> FitResult:
    """Minimize an objective over the parameters of a model with minibatches.

    The order of the data and the noise depend only on the seed, the epoch and the step. Equal arguments therefore give
    equal weights, and a resumed run gives the same weights as an uninterrupted one.

    Args:
        model: a model that the backend of the data can train. ``fit`` trains a copy. If the model does not take the
            dtype of the data, and all its weights are float32 and the data float64, or the other way round, the copy
            takes the dtype of the data.
        objective: an objective of ``sk.objectives``, or a callable ``(model, x, rng=…) -> scalar``.
        data: the samples, floating point and finite. One of
            an array ``(n, *event)``, or a pair of an array and conditions with first axis n;
            the batches of an :class:`~scorekit.datasets.ImageData` (:meth:`~scorekit.datasets.ImageData.batches`);
            a dataset with ``len()`` and ``[i]``, whose items are samples, or tuples of a sample and its condition;
            a loader with ``len()`` that yields batches of samples, or tuples of a batch and its conditions, such as a
            ``DataLoader``. When a run resumes, the loader repeats the batches before that step.
            Random numbers that items and loaders draw from the global generators of Python, NumPy and the framework are
            a function of ``rng``. Their own generators are not, except the attribute ``generator`` of a loader.
            Conditions are integers, such as labels ``(n,)``, or real numbers of any shape ``(n, …)``. They are passed
            to the third parameter of the model, ``s(x, sigma, condition)``.
        steps: the total number of optimizer steps, including those before a resume; at least 1. It must be given. One
            epoch is n / batch_size steps, rounded down.
        batch_size: samples per step, 1 to n. None means 128, or n if n is smaller. An incomplete last batch of an epoch
            is dropped. Must be None for a loader.
        learning_rate: a positive number, or a function of the step from 0, such as :class:`WarmupCosine`.
        optimizer: ``"adam"``. With torch also the name of any optimizer of ``torch.optim``, a dict with options such as
            ``{"name": "adamw", "weight_decay": 0.01}``, an optimizer class, or a function of the parameters.
        gradient_clip: the largest norm of the gradient of all parameters; None for no clipping.
        ema: decay of the exponential moving average (EMA) of the weights in ``result.model``; None for the last
            weights.
        rng: an int seed, an Rng (a seed is drawn from it) or None (fresh entropy; not resumable).
        validation: held-out data, an array or a pair with conditions. Their loss is computed 20 times per run with the
            EMA weights and the same noise.
        condition_dropout: the probability in [0, 1) that the condition of a sample is replaced by the null condition,
            for classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598).
        null_condition: the null condition of one sample; None uses the ``null_condition`` of the network.
        progress: show a progress bar with the loss; one line each ten seconds if standard error is a file or a pipe.
        callbacks: functions called with a :class:`FitState` after each step. If one returns True, the run stops.
        on_nonfinite: what to do if the loss or the gradient of a step is not finite, or a sample or condition that a
            dataset or a loader gives: ``"raise"`` an error, which names the step and the sample, or ``"skip"`` the
            step. Neither changes the weights.
        checkpoint: a folder for checkpoints, None for no checkpoints. If it contains a run, the run resumes from its
            newest checkpoint. The model, objective, data, seed, batch size, optimizer, clipping and EMA must be the
            same; you may increase ``steps`` and change the learning rate. The model and the objective are compared by
            what they compute on a few samples. A ``RuntimeWarning`` says which of them cannot be compared, such as an
            objective that is a plain function, and lists changed versions, threads or devices: results may then
            differ slightly. Only one run at a time may use the folder.
        checkpoint_every: steps between checkpoints. The last step, an interruption and an error also write one.
        keep: the number of checkpoints to keep.
        resume: continue a run found in ``checkpoint``. If False, a folder with a run raises an error.
        options: further options of the learner of the backend; with torch ``accumulate``, ``autocast``,
            ``channels_last`` and ``compile`` (:class:`scorekit_torch.learner.TorchLearner`).

    In a program started by ``torchrun`` all processes train one model. Each process computes its rows of every batch.
    Loss and noise of the whole batch are the same as in one process. Only the first process writes files and reports.

    Before the first step, ``fit`` calls the model in evaluation mode as samplers do: at the largest and the smallest
    noise level, on one sample and on several. If this fails, an error is raised before training. It also compares the
    scale of the data with the noise levels and with the preconditioning of the model, and computes on a copy whether
    the objective can train the model.

    Signals, in the main thread: Ctrl-C, SIGTERM and SIGHUP let the step finish, and then a checkpoint is written. This
    also holds if the workers of a ``DataLoader`` receive them. After Ctrl-C ``fit`` returns the result so far, with
    ``interrupted`` True. After SIGTERM and SIGHUP it raises ``SystemExit(128 + signal)``. If the program has its own
    handler of the signal, this is called instead, and then ``fit`` returns. A second signal, more than a second later,
    has its usual effect. Ignored signals, as under ``nohup``, stay ignored.

    Errors: if a step, a callback or the data raise an exception, a checkpoint of the last complete step is written, and
    the exception has an attribute ``result``, the :class:`FitResult` so far. Its type and traceback do not change.

    Threads: several fits at once give the results that each gives alone. While layers, transforms or datasets draw from
    the global generators of Python, NumPy or torch, these are seeded, and only one fit is in such a part at a time.

    Returns:
        A :class:`FitResult`. If a checkpoint cannot be written, for instance because the disk is full, a
        ``RuntimeWarning`` gives the folder and the reason, and training continues. If the last one could not be
        written, ``result.saved`` is less than ``result.step``, and the weights are only in ``result.model``.

    Raises:
        TypeError: the data have conditions and the model has no parameter for them; an argument has the wrong type, or
            is not an argument of ``fit``, such as ``lr`` or ``epochs``.
        ValueError: a number is outside its range; labels are not classes of the network; the model cannot be called as
            samplers do; the score depends on no parameter; the objective takes a trace, and the derivatives of the
            score jump (ReLU) or the score is cut from x.
        NonFiniteError: a loss, a gradient or a sample is NaN or infinite, or an outlier spoils a buffer; the message
            gives the step.
        RunError: another of the processes that ``torchrun`` started has an error.
        CheckpointError: the folder cannot be written, contains another run, or only damaged checkpoints.

    Warns:
        RuntimeWarning: once before the first step, if the noise levels do not fit the scale of the data: the largest
            is less than half of the standard deviation of a feature, the smallest is more than that of a sample, or is
            lost to rounding. If ``sigma_data`` is off by more than a factor of 5, or the entries of the data are of the
            order of 10 or more and the network is not scaled. For noise-conditional training, if the scales of
            features are very different, or the data are far from zero. The message gives the numbers and a remedy.
            Also if parameters get no gradient, a network ignores sigma or its condition, the score of an energy jumps,
            or the objective takes a trace and the data end abruptly.

    >>> import numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> data = sk.rng(0).normal((256, 2))
    >>> result = sk.fit(MLP(2, hidden=(16,), conditional=False), sk.objectives.SlicedScoreMatching(), data,
    ...                 steps=20, progress=False)
    >>> result.model(data).shape, len(result.history)
    ((256, 2), 20)
    """
    check_option(on_nonfinite, "on_nonfinite", ("raise", "skip"))
    checkpoint_every, keep = check_count(checkpoint_every, "checkpoint_every"), check_count(keep, "keep")
    check_option(resume, "resume", (True, False))
    check_option(progress, "progress", (True, False))
    reuse_freed_memory()
    seed, named = _seed(rng)
    check_model(model)
    source = open_source(data, batch_size, seed, skip=on_nonfinite == "skip")
    check_names(options, steps, _ARGUMENTS, source)
    refuse_other_framework(model, source.first, "data")
    check_reaches(model, source)
    source.prepare(classes_of(model))
    run = Run(
        source=source,
        objective=_callable(objective),
        validation=_held_out(validation, source),
        dropout=_dropout(condition_dropout, null_condition, model, source),
        steps=check_count(steps, "steps"),
        seed=seed,
        skip=on_nonfinite == "skip",
        learner=source.owner.learner(
            model,
            objective,
            learning_rate=learning_rate,
            optimizer=optimizer,
            gradient_clip=gradient_clip,
            ema=ema,
            **options,
        ),
        callbacks=_callbacks(callbacks),
        options={"optimizer": _name_of(optimizer), "gradient_clip": _plain(gradient_clip), "ema": _plain(ema)},
    )
    rehearse(run.learner, objective, source, seed, None if run.dropout is None else run.dropout.null)
    if run.processes.rank == 0:
        compare_scales(model, objective, source)
    if checkpoint is None:
        return run.go(None, progress)
    writes = run.processes.rank == 0
    store = Store(Checkpoints.open(checkpoint, keep, writes=writes), checkpoint_every, resume, named)
    with store.checkpoints.locked() if writes else nullcontext():
        return run.go(store, progress)


_ARGUMENTS = tuple(name for name in inspect.signature(fit).parameters if name != "options")


def _name_of(optimizer: Any) -> str:
    """The repr of an optimizer; its type name if the repr contains an address."""
    if isinstance(optimizer, type):
        return optimizer.__name__.lower()  # torch.optim.Adam is "adam"
    text = optimizer if isinstance(optimizer, str) else repr(optimizer)
    return type(optimizer).__name__ if " at 0x" in text else text


def _plain(number: float | None) -> float | None:
    return None if number is None else float(number)


def _seed(rng: RngLike) -> tuple[int, bool]:
    """The seed of a run, and whether an equal call would have the same seed."""
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0]), False
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise InvalidValueError(f"rng must be a non-negative seed, got {rng}.")
        return int(rng), True
    if isinstance(rng, Rng):
        return int(rng.integers(0, 2**62, (1,))[0]), True
    raise InvalidTypeError(f"rng is a {describe(rng)}: expected a scorekit Rng, an int seed or None.")


def _callable(objective: Any) -> Objective:
    if isinstance(objective, type):
        name = objective.__name__
        raise InvalidTypeError(f"objective is the class {name}: expected an instance, write {name}(…).")
    if not callable(objective):
        raise InvalidTypeError(
            f"objective is a {describe(objective)}: expected an objective, for instance "
            "sk.objectives.DenoisingScoreMatching(sigma=0.1)."
        )
    if hasattr(type(objective), "takes_sigma"):
        raise InvalidTypeError(
            f"objective is a {describe(objective)}, a network: expected an objective, as in fit(model, objective, "
            "data)."
        )
    if not hasattr(objective, "losses"):
        check_arguments(objective, "objective", ("model", "x", "rng"))
    return objective  # type: ignore[no-any-return]


def _callbacks(callbacks: Any) -> tuple[Callable[[FitState], bool | None], ...]:
    wrong = [c for c in callbacks if not callable(c)] if isinstance(callbacks, (tuple, list)) else [callbacks]
    if wrong:
        raise InvalidTypeError(f"callbacks contain a {describe(wrong[0])}: expected a tuple of functions.")
    for place, callback in enumerate(callbacks):
        check_arguments(callback, f"callbacks[{place}]", ("state",))
    return tuple(callbacks)


def _held_out(validation: Any, source: Source) -> tuple[Array, Array | None] | None:
    """The held-out samples, and their conditions if the data have conditions."""
    if validation is None:
        return None
    pair = isinstance(validation, (tuple, list)) and len(validation) == 2
    x, second = validation if pair else (validation, None)
    array_namespace(data=source.first, validation=x)
    if tuple(check_batch(x, "validation").shape[1:]) != tuple(source.first.shape[1:]):
        raise ShapeError(
            f"validation has shape {tuple(x.shape)}, data {tuple(source.first.shape)}: expected the same event shape."
        )
    if (second is None) != (source.condition is None):
        have, lack = ("data", "validation") if second is None else ("validation", "data")
        raise InvalidTypeError(f"{have} has conditions and {lack} has none: expected pairs (x, condition) in both.")
    told, known = source.checked(second, x, "the second item of validation"), source.checked_first()
    if told is not None and known is not None and (told.shape[1:], told.dtype) != (known.shape[1:], known.dtype):
        raise ShapeError(
            f"the second item of validation is a {describe(told)}, that of the data a {describe(known)}: expected "
            "conditions of the same shape and dtype."
        )
    return x, told


def _dropout(p: Any, null: Any, model: ScoreModel, source: Source) -> Dropout | None:
    number = check_number(p, "condition_dropout")
    if not 0 <= number < 1:
        raise InvalidValueError(f"condition_dropout must be a probability in [0, 1), got {number}.")
    if number == 0:
        if null is not None:
            raise InvalidValueError("null_condition needs condition_dropout > 0: set it, or omit null_condition.")
        return None
    if source.condition is None:
        raise InvalidValueError(f"condition_dropout is {number}, and the data have no conditions: pass (x, condition).")
    null = getattr(innermost(model), "null_condition", None) if null is None else null
    if null is None:
        raise InvalidValueError(
            "condition_dropout needs a null condition: pass null_condition=…, for instance zeros with the shape of one "
            "condition, or a network with the attribute null_condition."
        )
    _check_null(null, source)
    return Dropout(number, null)


def _check_null(null: Any, source: Source) -> None:
    """The null condition has the shape and the kind of a condition; for a network with classes it is one it knows."""
    known = source.checked_first()
    assert known is not None
    null_like(null, known)
    if array_namespace(known).isdtype(known.dtype, "integral"):
        values, last = host(null), source.classes
        if (values % 1).any() or isinstance(null, bool):
            raise InvalidTypeError(f"null_condition is {null!r}: expected integers, as the conditions are.")
        if last is not None and not 0 <= float(values) <= last:
            raise InvalidValueError(
                f"null_condition is {null!r}: expected an integer from 0 to {last}, usually {last}."
            )
