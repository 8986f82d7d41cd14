"""What a model and an objective compute on a few samples. Stored in checkpoints, it identifies the run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scorekit._arrays import no_grad
from scorekit._score import evaluate
from scorekit.learning import draw_for
from scorekit.protocols import Array, ScoreModel
from scorekit.training.rehearsal import few
from scorekit.training.sources.seeding import seeded

if TYPE_CHECKING:
    from scorekit.training.run import Run

__all__ = ["differences", "not_compared", "probe", "text_of"]

_COMPUTED = ("scores", "losses")
_FAR = {"scores": 0.02, "losses": 0.1}  # relative differences that another device or version does not explain


def probe(run: Run) -> dict[str, Any]:
    """``scores`` of the EMA model, ``losses`` of the objective on a few samples, and ``levels``, as arrays of NumPy.

    What cannot be computed again is missing: values that are random or not finite, and the loss of an objective
    that is a plain function, which may depend on the number of its calls.
    """
    found = {"levels": np.asarray([math.nan if level is None else level for level in _levels(run)])}
    for name, compute in zip(_COMPUTED, (_scores, _losses), strict=True):
        try:
            values = [_seeded(run, compute, stream) for stream in ("first", "second")]
        except Exception:  # no memory for a copy, or the objective cannot be called with these few samples
            continue
        if values[0] is not None and np.isfinite(values[0]).all() and np.array_equal(*values):
            found[name] = values[0]
    return found


def _seeded(run: Run, compute: Any, stream: str) -> Any:
    frozen = getattr(run.learner, "frozen", None)
    model = run.learner.model if frozen is None else frozen()
    x, condition = few(run.learner, run.source)
    with seeded(run.owner.name, ("fit", run.seed, "probe", stream)), np.errstate(all="ignore"):
        made = compute(run, model, x, condition)
    return None if made is None else run.owner.to_numpy(made)


def _scores(run: Run, model: ScoreModel, x: Array, condition: Array | None) -> Array | None:
    with no_grad(x)():
        if _levels(run):
            return run.owner.xp.stack([evaluate(model, x, level, condition) for level in _levels(run)])
        try:  # an objective that tells no levels: any level identifies the model
            return evaluate(model, x, None, condition)
        except Exception:
            return evaluate(model, x, 1.0, condition)


def _levels(run: Run) -> list[float | None]:
    return list(dict.fromkeys(getattr(run.objective, "sampling_levels", None) or ()))


def _losses(run: Run, model: ScoreModel, x: Array, condition: Array | None) -> Array | None:
    objective: Any = run.objective
    if not (hasattr(objective, "draw") and hasattr(objective, "losses")):
        return None
    noise = draw_for(objective, x, run.owner.rng(("fit", run.seed, "probe")))
    more = {} if condition is None else {"condition": condition}
    return objective.losses(model, x, noise=noise, **more)


def differences(then: Mapping[str, Any], now: Mapping[str, Any], *, exact: bool) -> str | None:
    """The difference between the probes of a checkpoint and of this run, in words; None if there is none."""
    levels = then.get("levels", now["levels"])
    if not np.array_equal(levels, now["levels"], equal_nan=True):
        return f"the noise levels of the objective were {levels.tolist()}, now {now['levels'].tolist()}"
    for name in _COMPUTED:  # another model has other losses as well
        far = _far(then[name], now[name], _FAR[name], exact) if name in then and name in now else None
        if far is not None:
            return _DIFFERENT[name].format(far)
    return None


_DIFFERENT = {
    "scores": "with the weights of the checkpoint the model gives other scores than then (relative difference {}): it "
    "was made with other options, such as sigma_data or an activation",
    "losses": "with the weights of the checkpoint the objective gives other losses than then (relative difference {}): "
    "it has other noise levels, another weighting, or another function inside",
}


def not_compared(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which of the model and the objective could not be compared; empty if both were."""
    whose = zip(("the model", "the objective"), _COMPUTED, strict=True)
    return " and ".join(who for who, name in whose if not (name in then and name in now))


def _far(then: Any, now: Any, far: float, exact: bool) -> str | None:
    """The relative difference as text if it is more than rounding, else None."""
    if then.shape != now.shape:
        return f"shape {then.shape}, now {now.shape}"
    tolerance = float(np.sqrt(np.finfo(now.dtype).eps)) if exact else far
    scale = max(float(np.linalg.norm(then)), float(np.linalg.norm(now)))
    difference = float(np.linalg.norm(then.astype(float) - now))
    return f"{difference / scale:.2g}" if difference > tolerance * scale else None


def text_of(objective: Any) -> str:
    """The repr of an objective, without the addresses of functions in it.

    >>> text_of(iter([]))
    '<list_iterator object>'
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(objective))
