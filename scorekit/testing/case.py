"""A score model with an input, for all checks of the model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from scorekit._score import evaluate, takes_sigma
from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError, reason_of
from scorekit.learning.views import View, trainable
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import backend_of

__all__ = ["Case", "attempt"]

_RELATIVE = {"float32": 1e-3, "float64": 1e-7}


class Case:
    """Copies of a model and an input, so that the checks change neither (for example running means)."""

    def __init__(self, model: ScoreModel, x: Array, sigma: Sigma) -> None:
        self.owner = backend_of(x)
        self.model = _copied(model)
        self.x = self.owner.asarray(np.array(self.owner.to_numpy(x)), like=x)
        self.sigma = sigma
        self.tolerance = _RELATIVE.get(str(x.dtype).rpartition(".")[2], 1e-2)

    def score(self, x: Array) -> Array:
        """The score at ``x``, at the noise level of the case."""
        return self.at(x, self.sigma)

    def traced(self, x: Array) -> Array:
        """The score for use inside a derivative; errors are not rewritten."""
        return evaluate(self.model, x, self.sigma)

    def at(self, x: Array, sigma: Sigma) -> Array:
        """The score at ``x``; errors of the model are rewritten with the arguments of the call."""
        try:
            return evaluate(self.model, x, sigma)
        except ScorekitError as error:
            if error.__cause__ is None:
                raise
            raise self._explained(x, sigma, error.__cause__) from error.__cause__
        except Exception as error:
            raise self._explained(x, sigma, error) from error

    def _explained(self, x: Array, sigma: Sigma, error: BaseException) -> ScorekitError:
        what = reason_of(error)
        for value in self.parameters().values():
            if str(value.device) != str(x.device):
                return InvalidTypeError(
                    f"the model has parameters on {value.device} and x is on {x.device}: move one of them ({what})."
                )
            if value.dtype != x.dtype:
                return InvalidTypeError(
                    f"the model has {value.dtype} parameters and x is {x.dtype}: convert one of them ({what})."
                )
        hint = " If it depends on the noise level, pass one: check_score_model(model, x, sigma=0.5)."
        return InvalidValueError(
            f"the model fails at x of shape {tuple(x.shape)} with {_level(sigma)} ({what})."
            f"{hint if sigma is None and takes_sigma(self.model) else ''}"
        )

    def numpy(self, x: Array) -> Any:
        """``x`` on the host, in float64."""
        return np.array(self.owner.to_numpy(x), dtype=np.float64)

    def differs(self, a: Any, b: Any) -> float:
        """The largest difference of two arrays relative to their magnitude; 0 if they agree within the tolerance."""
        scale = max(np.abs(a).max(), np.abs(b).max(), 1e-30)
        worst = float(np.abs(a - b).max() / scale)
        return worst if worst > self.tolerance else 0.0

    def directions(self) -> tuple[Array, Array]:
        """Two fixed directions in the space of ``x``."""
        stream = self.owner.rng(0)
        return stream.normal(tuple(self.x.shape), like=self.x), stream.normal(tuple(self.x.shape), like=self.x)

    def insides(self) -> Iterator[Any]:
        """The model and the models inside its views."""
        inside: Any = self.model
        yield inside
        while isinstance(inside, View):
            inside = inside.inner
            yield inside

    def parameters(self) -> dict[str, Array]:
        """The trainable parameters of the innermost network, by name; empty if it does not list them."""
        return trainable(self.model)


def attempt(what: str, derive: Callable[[], Any]) -> Any:
    """The result of ``derive``; if it fails, an error that names ``what`` and the reason."""
    try:
        return derive()
    except ScorekitError:
        raise
    except Exception as error:
        raise InvalidValueError(
            f"{what} cannot be computed ({type(error).__name__}: {error}): write the model with functions of "
            "sk.array_namespace(x), which are differentiable."
        ) from error


def _copied(model: Any) -> Any:
    try:
        return copy.deepcopy(model)
    except Exception:  # a model that cannot be copied is checked itself
        return model


def _level(sigma: Sigma) -> str:
    if sigma is None:
        return "no sigma"
    return f"a scalar sigma {sigma}" if isinstance(sigma, float) else f"sigma of shape {tuple(sigma.shape)}"
