"""Checks before the first step that the objective can train the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from scorekit._arrays import event_size, per_row
from scorekit._checks import warn
from scorekit._score import takes_sigma
from scorekit.errors import InvalidValueError, ScorekitError
from scorekit.learning.process_group import process_group_of
from scorekit.learning.views import innermost, trainable
from scorekit.models import EnergyModel
from scorekit.objectives._base import CheckedScore
from scorekit.protocols import Learner
from scorekit.registry import array_namespace
from scorekit.training.edges import edge_of
from scorekit.training.kinks import Segments, derivatives_jump, is_cut, score_jumps, segments_of
from scorekit.training.sources import Source
from scorekit.training.trial import Trial, other_conditions, still_in_training

__all__ = ["check_learnable"]

_NAMED = 5  # parameters that a warning names
_OTHERS = 8  # conditions of other samples that are tried
_BLIND = 64  # from this dimension on a network can infer the noise level from the sample
_SMOOTH = "a smooth activation (softplus, SiLU, GELU or tanh)"


def check_learnable(
    learner: Learner, objective: Any, source: Source, levels: tuple[float | None, ...], null: Any = None
) -> None:
    """Raise ``ValueError`` if the objective cannot train the model; warn if it can train only a part of it.

    ``null`` is the null condition, if training replaces conditions by it.

    Warns:
        RuntimeWarning: parameters that get no gradient, a network that ignores sigma or its condition, an energy whose
            score jumps, data that end abruptly.
    """
    try:
        trial = Trial(learner, objective, source, levels)
    except ScorekitError:
        raise
    except Exception:  # in evaluation mode, where a framework may choose other kernels: the first step decides
        return
    still = _still(trial)
    still = still and still_in_training(learner, objective, source, still, null)
    found = [_named(still, trial), _derivatives(trial, objective), _sigma(trial, levels)]
    found += [_condition(trial, learner, source), _edge(objective, source)]
    if process_group_of(learner).rank == 0:
        for message in filter(None, found):
            warn(message)


# ---------------------------------------------------------------- parameters


def _still(trial: Trial) -> list[str]:
    """The parameters that get no gradient in the trial."""
    if trial.names and len(trial.still) == len(trial.names):
        raise InvalidValueError(
            f"the score depends on none of the {len(trial.names)} parameters of the model ({_listed(trial.names)}): it "
            "is cut from them (detach, no_grad, .data, .numpy()). Compute the score from the parameters without these."
        )
    return _without_constant(trial)


def _named(still: list[str], trial: Trial) -> str | None:
    if not still:
        return None
    return (
        f"{len(still)} of {len(trial.names)} parameters get no gradient and will not be trained: {_listed(still)}. The "
        "score does not use them, or it is cut from them (detach, no_grad, .data, .numpy()). If this is intended, "
        "remove them, or set their requires_grad to False."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _without_constant(trial: Trial) -> list[str]:
    """The parameters without a gradient. A constant added to an energy, usually its last bias, is not one of them."""
    if not trial.still or not _is_gradient_field(trial):
        return trial.still
    shapes = {name: tuple(value.shape) for name, value in trainable(trial.model).items()}
    vectors = [name for name in trial.still if len(shapes[name]) < 2]
    return [name for name in trial.still if name not in vectors[-1:]]


def _is_gradient_field(trial: Trial) -> bool:
    """Whether the Jacobian of the score is symmetric, uᵀJv = vᵀJu, as that of an energy."""
    x = trial.x
    u, v = (trial.owner.rng(("trial", "symmetry", k)).normal(tuple(x.shape), like=x) for k in range(2))

    def form(a: Any, b: Any) -> Any:
        pulled = trial.owner.vjp(lambda y: CheckedScore(trial.model, trial.condition)(y, trial.sigma), x, a)[1]
        return trial.host(pulled * b).reshape(x.shape[0], -1).sum(axis=1)

    one, two = form(u, v), form(v, u)
    return bool(np.abs(one).max() > 0 and np.abs(one - two).max() <= 1e-3 * np.abs(one).max())


# ---------------------------------------------------------------- derivatives


def _derivatives(trial: Trial, objective: Any) -> str | None:
    energy = any(isinstance(part, EnergyModel) for part in trial.parts())
    random = not trial.same(trial.model, trial.sigma)  # dropout in evaluation mode: nothing can be compared
    name = type(objective).__name__
    if getattr(objective, "takes_trace", False):
        segments = None if random else segments_of(trial)
        if segments is not None:
            _refuse_jumps(segments, name, energy)
        return None
    segments = segments_of(trial) if energy and not random else None
    if segments is None or not score_jumps(segments):
        return None
    return (
        f"the score of this energy jumps, as with ReLU: {name} is differentiated with respect to the parameters, "
        f"autodiff misses the jumps, and the energy will be wrong. Use {_SMOOTH} in the energy."
    )


def _refuse_jumps(segments: Segments, name: str, energy: bool) -> None:
    what = "energy" if energy else "score"
    try:
        jump = derivatives_jump(segments)
    except ScorekitError:
        raise
    except Exception as error:
        if _in_training(segments):
            return
        raise InvalidValueError(
            f"the second derivatives of this {what}, which {name} needs, cannot be computed ({type(error).__name__}: "
            f"{error}). Use other functions in the model, or DenoisingScoreMatching."
        ) from error
    if jump:
        order = "the second derivatives of this energy" if energy else "the derivatives of this score"
        other = "" if energy else ", or DenoisingScoreMatching, which takes no trace"
        raise InvalidValueError(
            f"{order} jump, as with ReLU, LeakyReLU, Hardtanh, max pooling, abs or clamp. {name} differentiates a "
            "trace with respect to the parameters, and autodiff misses the jumps: the model would learn nothing, or a "
            f"wrong score. Use {_SMOOTH}{other}."
        )
    if is_cut(segments):
        raise InvalidValueError(
            f"the score changes with x, and its derivative with respect to x, which {name} needs, does not show this: "
            "the score is cut from x (detach, no_grad, .data, .numpy()), or rounded. Compute it from x without these, "
            "or use DenoisingScoreMatching."
        )


def _in_training(segments: Segments) -> bool:
    """Whether the derivatives exist in training mode, where a framework may choose other kernels."""
    network = innermost(segments.trial.model)
    if not hasattr(network, "train"):
        return False
    network.train()
    segments.trial.forget()
    try:
        derivatives_jump(Segments(segments.trial, segments.a, segments.b, segments.rows))
    except Exception:
        return False
    finally:
        network.eval()
        segments.trial.forget()
    return True


# ---------------------------------------------------------------- inputs


def _sigma(trial: Trial, levels: tuple[float | None, ...]) -> str | None:
    """The network gives one output at the largest and the smallest level."""
    network = trial.parts()[-1]
    bare, blind = len(trial.parts()) == 1, not takes_sigma(network)
    if len(set(levels)) < 2 or (bare and blind) or (not bare and event_size(trial.x) >= _BLIND):
        return None
    rows = [per_row(level, trial.x) for level in levels]
    if not blind and not trial.same(network, *rows):
        return None
    view = "" if bare else f" inside {type(trial.parts()[0]).__name__}"
    return (
        f"the network{view} ignores sigma: its output is the same at sigma = {levels[0]:g} and {levels[-1]:g}, where "
        "the scores differ. Use sigma in its forward (for an MLP conditional=True), or train at one level, with "
        "DenoisingScoreMatching(sigma)."
    )


def _condition(trial: Trial, learner: Learner, source: Source) -> str | None:
    """The score is the same with the conditions of other samples."""
    if trial.condition is None:
        return None
    xp = array_namespace(trial.condition)
    drawn = (other_conditions(learner, source, trial.x.shape[0], k) for k in range(_OTHERS))
    others = [c for c in drawn if bool(xp.any(c != trial.condition))]
    if not others or not all(trial.same(trial.parts()[0], trial.sigma, conditions=c) for c in others):
        return None
    return (
        "the model ignores its condition: its score is the same with the conditions of other samples. Use the "
        "condition in its forward, or pass the samples alone."
    )


# ---------------------------------------------------------------- data


def _edge(objective: Any, source: Source) -> str | None:
    place = edge_of(source, objective) if getattr(objective, "takes_trace", False) else None
    if place is None:
        return None
    return (
        f"{place}, where the density is not small. {type(objective).__name__} integrates by parts and leaves out the "
        "boundary term of p·s (Hyvärinen 2005), so it learns a wrong score. Transform the data to the whole line (the "
        "log of positive values, the logit of values in [0, 1]), or use DenoisingScoreMatching."
    )
