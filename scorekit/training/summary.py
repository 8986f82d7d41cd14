"""The lines that ``print`` shows of the result of a run."""

from __future__ import annotations

from scorekit.training.history import History
from scorekit.training.trend import Trend

__all__ = ["summary_lines"]

_STATES = {
    "flat": "flat over the last half",
    "falling": "still falling over the last half",
    "rising": "rising over the last half",
    "diverged": "diverged: it is higher than it was",
    "too short": "too few steps to say more",
}


def summary_lines(history: History, step: int, interrupted: bool, saved: int | None) -> tuple[str, str, str]:
    r"""Three lines: the steps, the loss, and what to type next.

    >>> history = History()
    >>> history.append(step=1, loss=0.5, grad_norm=2.0, seconds=0.1, applied=True)
    >>> print(*summary_lines(history, 1, False, None), sep="\n")
    fit: 1 step in 0.1 s, no checkpoint
    loss 0.5 → 0.5: too few steps to say more
    next: fit(…, steps=10)
    """
    trend = history.trend()
    return _steps(history, step, interrupted, saved), _loss(trend), f"next: {_next(trend, step, interrupted, saved)}"


def _steps(history: History, step: int, interrupted: bool, saved: int | None) -> str:
    skipped = int((~history.applied).sum())
    parts = [
        f"fit: {step:,} step{'' if step == 1 else 's'} in {_time(history.last()['seconds'] if len(history) else 0.0)}",
        "stopped before the last step" if interrupted else "",
        f"{skipped:,} skipped because they were not finite" if skipped else "",
        "no checkpoint" if saved is None else f"checkpoint of step {saved:,}",
    ]
    return ", ".join(filter(None, parts))


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.3g} min" if minutes < 60 else f"{hours:.3g} h"


def _loss(trend: Trend) -> str:
    error = f" ± {trend.error:.1g}" if trend.error == trend.error else ""
    over = f" (last {trend.last:,} steps)" if trend.last > 1 else ""
    return f"loss {trend.start:.4g} → {trend.end:.4g}{error}{over}: {_STATES[trend.verdict]}"


def _next(trend: Trend, step: int, interrupted: bool, saved: int | None) -> str:
    if trend.verdict in ("diverged", "rising"):
        return (
            "fit with a learning_rate three times smaller, or with learning_rate=WarmupCosine(rate, steps); the "
            "weights of this run are worse than earlier ones"
        )
    where = "" if saved is None else f" and the same checkpoint folder continues from step {saved:,}"
    if interrupted and saved is not None:
        return f"fit with the same arguments{where}"
    if trend.verdict == "too short":
        return f"fit(…, steps={10 * max(step, 1)})"
    if trend.verdict == "falling" or interrupted:
        return f"fit(…, steps={2 * step}){where}"
    return "result.model is the trained score model; sk.save(result.model, folder) keeps it"
