"""Networks of variance-preserving processes at the noise levels of this library.

Such a network sees x = a(t) x̄ with x̄ = clean + sigma z, and is told its time t. Here are a(t) and t for a level sigma.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.learning import check_positive
from scorekit_torch.conversion import readable

__all__ = ["PROCESSES", "Timesteps", "Variance", "check_betas", "discrete_levels", "preserved", "times_of"]

Array: TypeAlias = Any

PROCESSES = ("ve", "vp", "subvp", "ddpm")

_STEPS = 1000  # of DDPM; continuous times in [0, 1] are embedded as 999 t
_TOLERANCE = 1e-4  # a level may lie outside by this share of itself, which is rounding


def preserved(sigma: Any) -> Any:
    """The scale a = 1/√(1 + sigma²), with which data of variance one keep it."""
    return (1 + sigma * sigma) ** -0.5


def check_betas(betas: Sequence[float]) -> tuple[float, float]:
    """β(0) and β(1), positive."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise InvalidTypeError(f"betas is {betas!r}: expected two numbers, as (0.1, 20.0).")
    first, last = (check_positive(beta, "an entry of betas") for beta in betas)
    return first, last


def discrete_levels(betas: tuple[float, float]) -> Any:
    """The levels of DDPM, ascending: √(1/ᾱ_i − 1), ᾱ_i = Π (1 − β_j), with 1000 β_j from β(0) to β(1)."""
    kept = np.cumprod(1 - np.linspace(betas[0] / _STEPS, betas[1] / _STEPS, _STEPS))
    return np.sqrt(1 / kept - 1)


class Timesteps:
    """The step of a discrete process for any level between its levels: linear in log sigma between two steps.

    Args:
        sigmas: ascending levels.
        steps: what the network is told at each.
    """

    def __init__(self, sigmas: Sequence[float], steps: Sequence[float]) -> None:
        self.lowest, self.highest = float(sigmas[0]), float(sigmas[-1])
        self._columns = np.log(sigmas).tolist(), [float(step) for step in steps]
        self._placed: dict[torch.device, tuple[Array, Array]] = {}

    def __call__(self, sigma: Any) -> Any:
        """The step, a float for a float and ``(n,)`` in float64 for ``(n,)``.

        Raises:
            ValueError: a level is outside of those that the network knows.
        """
        check_between(sigma, self.lowest, self.highest)
        if not isinstance(sigma, torch.Tensor):
            return float(np.interp(math.log(sigma), *self._columns))
        logs, steps = self._on(sigma.device)
        at = sigma.double().log()
        k = torch.searchsorted(logs, at).clamp(1, len(logs) - 1)
        part = ((at - logs[k - 1]) / (logs[k] - logs[k - 1])).clamp(0, 1)
        return torch.lerp(steps[k - 1], steps[k], part)

    def scale(self, sigma: Any) -> Any:
        """The scale a at a level."""
        return preserved(sigma)

    def _on(self, device: torch.device) -> tuple[Array, Array]:
        if device not in self._placed:
            logs, steps = (torch.tensor(c, dtype=torch.float64, device=device) for c in self._columns)
            self._placed[device] = logs, steps
        return self._placed[device]

    def __deepcopy__(self, _memo: Any) -> Timesteps:
        return self  # nothing in it changes


class Variance:
    """a(t) and 999 t of the VP and sub-VP processes with β(t) from ``betas[0]`` to ``betas[1]``, t in [0, 1].

    With B = ∫β from 0 to t: a = e^(−B/2), and sigma² = e^B − 1 for VP, sigma = 2 sinh(B/2) for sub-VP.

    Reference: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, Score-Based Generative Modeling through Stochastic
    Differential Equations, 2021, arXiv:2011.13456.
    """

    lowest = 0.0

    def __init__(self, betas: tuple[float, float], sub: bool) -> None:
        self._betas, self._sub = betas, sub
        self.highest = self._sigma(sum(betas) / 2)

    def _sigma(self, integral: float) -> float:
        return 2 * math.sinh(integral / 2) if self._sub else math.sqrt(math.expm1(integral))

    def at(self, t: float) -> float:
        """The level at time t."""
        first, last = self._betas
        return self._sigma(first * t + (last - first) * t * t / 2)

    def scale(self, sigma: Any) -> Any:
        """The scale a at a level."""
        return 2 / (sigma + (4 + sigma * sigma) ** 0.5) if self._sub else preserved(sigma)

    def __call__(self, sigma: Any) -> Any:
        """999 t, a float for a float and ``(n,)`` in float64 for ``(n,)``; raises ``ValueError`` for t > 1."""
        check_between(sigma, self.lowest, self.highest)
        first, last = self._betas
        if not isinstance(sigma, torch.Tensor):
            return float(self(torch.tensor(sigma, dtype=torch.float64)))
        wide = sigma.double()
        integral = 2 * torch.asinh(wide / 2) if self._sub else torch.log1p(wide * wide)
        return (_STEPS - 1) * 2 * integral / (first + (first**2 + 2 * (last - first) * integral).sqrt())


def times_of(process: str, betas: tuple[float, float]) -> Timesteps | Variance | None:
    """The times of a network of this process; None for ``"ve"``, whose networks are told sigma."""
    if process == "ddpm":
        return Timesteps(discrete_levels(betas), range(_STEPS))
    return None if process == "ve" else Variance(betas, process == "subvp")


def check_between(sigma: Any, lowest: float, highest: float) -> None:
    """Raise ``ValueError`` for a level outside of those of a network, if it can be read."""
    if isinstance(sigma, torch.Tensor) and not readable(sigma):
        return
    least, most = (sigma, sigma) if isinstance(sigma, float) else (float(sigma.min()), float(sigma.max()))
    if least < lowest * (1 - _TOLERANCE) or most > highest * (1 + _TOLERANCE):
        raise InvalidValueError(
            f"sigma {least if least < lowest * (1 - _TOLERANCE) else most:g} is outside of the levels of this network, "
            f"{lowest:.4g} to {highest:.4g}: its times end there. Sample with sk.noise.Geometric({highest:.4g}, "
            f"{max(lowest, 1e-2):.4g}, levels)."
        )
