"""fit: the one training loop, for every backend."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import numpy as np

from scorekit._allocator import reuse_freed_memory
from scorekit._arrays import check_batch
from scorekit._checks import check_count, check_number, check_option
from scorekit._conditions import null_like
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning.views import innermost
from scorekit.protocols import Array, Objective, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace
from scorekit.training.checkpoints import Checkpoints
from scorekit.training.rehearsal import check_reaches, rehearse
from scorekit.training.run import Dropout, FitResult, FitState, Run, Store, name_of
from scorekit.training.sources import Source, open_source

__all__ = ["fit"]


def fit(
    model: ScoreModel,
    objective: Objective,
    data: Any,
    *,
    steps: int,
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
    """Minimize an objective over the parameters of a model, by minibatches.

    The order of the data and the noise of a step are functions of the seed, the epoch and the step, and of nothing
    else: equal arguments give equal weights, and a run that was stopped and resumed gives those of one that was not.

    Args:
        model: a model that the data's backend can train.
        objective: an objective of ``sk.objectives``, or any callable ``(model, x, rng=…) -> scalar``.
        data: where the samples come from, floating point and finite:
            an array ``(n, *event)``, or a pair of an array and conditions, whose first axis is n too;
            a dataset: ``len()`` and ``[i]``, whose items are samples, or tuples of a sample and its condition;
            a loader: ``len()`` and batches of such items at each pass, such as a ``DataLoader``. What was passed
            already is loaded again when a run resumes.
            What items and loaders draw from the global generators of Python, NumPy and the framework comes from ``rng``
            too, so that it resumes; generators that they hold themselves do not, but for a loader's ``generator``.
            Conditions are integers, such as labels ``(n,)``, or real numbers of any shape ``(n, …)``. They reach the
            third parameter of the model, ``s(x, sigma, condition)``; a model without one is refused.
        steps: optimizer steps in all, those of a resumed run included.
        batch_size: samples a step, 1 to n; None takes 128, or all when there are fewer. An epoch drops the remainder.
            A loader has its own.
        learning_rate: positive, or a function of the step from 0, such as :class:`WarmupCosine`.
        optimizer: ``"adam"``; on tensors the name of any optimizer of ``torch.optim``, alone or with options,
            ``{"name": "adamw", "weight_decay": 0.01}``, its class, or a function of the parameters.
        gradient_clip: the largest norm of the whole gradient; None for no clipping.
        ema: decay of the averaged weights that ``result.model`` has; None for the last weights.
        rng: an int seed, an Rng (a seed is drawn from it) or None (fresh entropy; not resumable).
        validation: held-out data, an array or a pair with conditions; its loss is taken 20 times a run, with the
            averaged weights and the same noise.
        condition_dropout: the probability in [0, 1) with which the condition of a sample is replaced by the null one,
            for classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598).
        null_condition: the condition of one sample that stands for none; None takes the ``null_condition`` of the
            network.
        progress: show a bar with loss and rate.
        callbacks: called with a :class:`FitState` after each step; one that returns True stops the run.
        on_nonfinite: a step whose loss or gradient is not finite changes nothing; then ``"raise"``, or ``"skip"`` it.
        checkpoint: a folder for checkpoints, None for none. With one, the run resumes from its newest checkpoint: its
            objective, data, seed, batch size, optimizer, clip and average must be the same; ``steps`` may grow, and the
            learning rate is taken as given now. One process at a time: another one is refused. A ``RuntimeWarning``
            names versions, threads or devices that have changed: then the bits may differ.
        checkpoint_every: steps between checkpoints; the last step and a stop write one too.
        keep: how many checkpoints stay.
        resume: continue a run found in ``checkpoint``. False refuses a folder that holds one.
        options: what the learner of the data's backend offers beyond this; on tensors ``accumulate``, ``autocast``,
            ``channels_last`` and ``compile`` (:class:`scorekit_torch.learner.TorchLearner`).

    In a program started by ``torchrun`` all processes train one model: each takes its rows of every batch, the loss is
    that of the whole batch with the noise that it has in one process, and the first process alone writes and reports.

    Returns:
        A :class:`FitResult`. After Ctrl-C ``fit`` returns too, with what was learned so far and ``interrupted`` True: a
        script that goes on to use the model should look. A checkpoint that cannot be written, on a full disk for
        instance, never costs what was learned: a ``RuntimeWarning`` names folder and reason, training goes on from
        where it stands, and the next one is tried. When that was the last one, ``result.saved`` is less than
        ``result.step``, and the weights are in ``result.model`` alone.

    Before the first step the calls are made that come after the last one: the model in its evaluation mode, at the
    largest and the smallest noise level, on one sample and on several. What fails there raises before any work is done.

    Raises:
        TypeError: the data have a second item and no parameter of the model takes it; an argument of the wrong kind.
        ValueError: a value outside its range; labels that are no classes of the network; the model cannot be called as
            samplers will call it.
        NonFiniteError: a loss or gradient is NaN or infinite; the message names the step and the loss.
        CheckpointError: the folder cannot be written, holds another run, or only damaged checkpoints.

    >>> import numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> data = sk.rng(0).normal((256, 2))
    >>> result = sk.fit(MLP(2, hidden=(16,), conditional=False), sk.objectives.SlicedScoreMatching(), data,
    ...                 steps=20, progress=False)
    >>> result.model(data).shape, len(result.history)
    ((256, 2), 20)
    """
    check_option(on_nonfinite, "on_nonfinite", ("raise", "skip"))
    check_count(checkpoint_every, "checkpoint_every")
    check_count(keep, "keep")
    check_option(resume, "resume", (True, False))
    check_option(progress, "progress", (True, False))
    reuse_freed_memory()
    seed, named = _seed(rng)
    source = open_source(data, batch_size, seed)
    check_reaches(model, source)
    source.prepare(getattr(innermost(model), "classes", None))
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
        options={"optimizer": name_of(optimizer), "gradient_clip": _plain(gradient_clip), "ema": _plain(ema)},
    )
    rehearse(run.learner, objective, source, seed)
    if checkpoint is None:
        return run.go(None, progress)
    writes = run.processes.rank == 0
    store = Store(Checkpoints.open(checkpoint, keep, writes=writes), checkpoint_every, resume, named)
    with store.checkpoints.locked() if writes else nullcontext():
        return run.go(store, progress)


def _plain(number: float | None) -> float | None:
    return None if number is None else float(number)


def _seed(rng: RngLike) -> tuple[int, bool]:
    """The seed of a run, and whether the same call would have it again."""
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
        raise InvalidTypeError(f"objective is the class {name}: expected an objective, write {name}(…) to make one.")
    if not callable(objective):
        raise InvalidTypeError(
            f"objective is a {describe(objective)}: expected an objective, for instance "
            "sk.objectives.DenoisingScoreMatching(sigma=0.1)."
        )
    return objective  # type: ignore[no-any-return]


def _callbacks(callbacks: Any) -> tuple[Callable[[FitState], bool | None], ...]:
    wrong = [c for c in callbacks if not callable(c)] if isinstance(callbacks, (tuple, list)) else [callbacks]
    if wrong:
        raise InvalidTypeError(f"callbacks hold a {describe(wrong[0])}: expected a tuple of functions of a FitState.")
    return tuple(callbacks)


def _held_out(validation: Any, source: Source) -> tuple[Array, Array | None] | None:
    """The held-out samples and their conditions, which they have when the data have."""
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
        raise InvalidTypeError(
            f"{have} come with conditions and {lack} without: expected pairs (x, condition) in both."
        )
    return x, source.checked(second, x)


def _dropout(p: Any, null: Any, model: ScoreModel, source: Source) -> Dropout | None:
    number = check_number(p, "condition_dropout")
    if not 0 <= number < 1:
        raise InvalidValueError(f"condition_dropout must lie in [0, 1), got {number}: a probability.")
    if number == 0:
        if null is not None:
            raise InvalidValueError("null_condition is given and condition_dropout is 0: it would not be used.")
        return None
    if source.condition is None:
        raise InvalidValueError(f"condition_dropout is {number}, and the data have no conditions: give (x, condition).")
    null = getattr(innermost(model), "null_condition", None) if null is None else null
    if null is None:
        raise InvalidValueError(
            "condition_dropout needs the condition that stands for none: give null_condition=…, for instance zeros of "
            "the shape of one condition, or a network with the attribute null_condition."
        )
    null_like(null, source.checked_first())
    return Dropout(number, null)
