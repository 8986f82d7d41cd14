"""Adam with gradient clipping and EMA, for models with explicit parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from autograd import value_and_grad

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning import (
    OptimizerConfig,
    check_option,
    check_same_arrays,
    check_whole,
    draw_for,
    loss_of,
    rows_of,
    score_function,
)
from scorekit.protocols import Objective, Parametric, Rng, ScoreModel, StepInfo
from scorekit_numpy.autodiff import TRACES

__all__ = ["NumpyLearner"]

Array: TypeAlias = Any

_PARTS = ("weights", "average", "moment1", "moment2")
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class _Traced:
    """The network for the objective: one object for all steps, with the parameters of the current step."""

    is_view, per_sample, uses_sigma = True, False, False

    def __init__(self, network: Parametric) -> None:
        self.inner: Any = network

    def __call__(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        return score_function(self.inner)(x, sigma, condition)

    def __getattr__(self, name: str) -> Any:
        """Other attributes of the network, such as its own ``divergence``."""
        return getattr(self.inner, name)


class NumpyLearner:
    """Train a :class:`~scorekit.protocols.Parametric` model with Adam (Kingma and Ba, 2015, arXiv:1412.6980).

    All parameters are in one vector, so a step is one fused update for any number of layers. The EMA is
    θ̄ ← m θ̄ + (1 − m) θ with m = min(ema, (1 + t)/(10 + t)) after t updates: short runs average over about their last
    tenth, long runs with the decay ``ema``.

    Args:
        model: a model with ``parameters()`` and ``with_parameters()``.
        objective: any objective.
        learning_rate: a positive number, or a function of the step (from 0).
        optimizer: only ``"adam"``.
        gradient_clip: largest norm of the whole gradient, positive; None for no clipping.
        ema: decay of the EMA, in [0, 1); None for no EMA, then :attr:`model` has the last weights.

    Raises:
        TypeError: ``model`` has no ``parameters()`` and ``with_parameters()``, or parameters of several dtypes.
        ValueError: ``model`` has no parameters, or an option is out of range.
    """

    def __init__(
        self,
        model: ScoreModel,
        objective: Objective,
        *,
        learning_rate: float | Callable[[int], float] = 1e-3,
        optimizer: str = "adam",
        gradient_clip: float | None = 1.0,
        ema: float | None = 0.999,
    ) -> None:
        check_option(optimizer, "optimizer", ("adam",))
        self._optimizer_config = OptimizerConfig(learning_rate, gradient_clip, ema)
        self._network = _parametric(model)
        self._traced = _Traced(self._network)
        self._objective = objective
        self._lay_out(self._network.parameters())
        self._gradient = value_and_grad(self._loss)

    def match(self, x: Array) -> bool:
        """Give the parameters the dtype of ``x``, float32 or float64; whether it did. Only before the first step."""
        differs = x.dtype.kind == "f" and x.dtype != self._theta.dtype
        if differs:
            parameters = {name: value.astype(x.dtype) for name, value in self._network.parameters().items()}
            self._network = self._network.with_parameters(parameters)
            self._lay_out(parameters)
        return bool(differs)

    def _lay_out(self, parameters: dict[str, Array]) -> None:
        if not parameters:
            raise InvalidValueError("the model has no parameters: there is nothing to train.")
        dtypes = {value.dtype for value in parameters.values()}
        if len(dtypes) > 1:
            raise InvalidTypeError(
                f"the model's parameters have dtypes {sorted(map(str, dtypes))}: expected one. Convert them to one."
            )
        self._shapes = {name: tuple(value.shape) for name, value in parameters.items()}
        self._theta = np.concatenate([np.ravel(value) for value in parameters.values()])
        self._average = self._theta.copy()
        self._moment1, self._moment2 = np.zeros_like(self._theta), np.zeros_like(self._theta)
        self._steps = 0
        self._complete = True  # False while a step changes the state

    def _named(self, vector: Array) -> dict[str, Array]:
        named, start = {}, 0
        for name, shape in self._shapes.items():
            stop = start + int(np.prod(shape))
            named[name] = vector[start:stop].reshape(shape)
            start = stop
        return named

    def _loss(self, values: tuple[Array, ...], x: Array, noise: Any, condition: Array | None) -> Array:
        self._traced.inner = self._network.with_parameters(dict(zip(self._shapes, values, strict=True)))
        loss = loss_of(self._objective, self._traced, x, noise, condition)
        if getattr(loss, "shape", None) != ():
            raise ShapeError(f"objective returned a {describe(loss)}: expected a scalar array, the loss of the batch.")
        return loss

    def step(
        self, x: Array, rng: Rng, *, condition: Array | None = None, start: int = 0, total: int | None = None
    ) -> StepInfo:
        """Make one step of Adam on ``x``; if the loss or the gradient is not finite, change nothing."""
        rate = self._optimizer_config.rate(self._steps)
        noise = rows_of(draw_for(self._objective, x, rng, total), start, start + x.shape[0])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the results are checked below
            with TRACES:
                loss, gradients = self._gradient(tuple(self._named(self._theta).values()), x, noise, condition)
            gradient = np.concatenate([np.ravel(g) for g in gradients])
            norm = float(np.sqrt(np.sum(np.square(gradient, dtype=np.float64))))
        if not (np.isfinite(loss) and np.isfinite(norm)):
            return StepInfo(float(loss), norm, applied=False)
        gradient *= self._optimizer_config.clip_factor(norm)
        self._complete = False
        self._adam(gradient, rate)
        self._follow()
        self._complete = True
        return StepInfo(float(loss), norm, applied=True)

    def _adam(self, gradient: Array, rate: float) -> None:
        self._steps += 1
        self._moment1 += (1 - _BETA1) * (gradient - self._moment1)
        self._moment2 += (1 - _BETA2) * (gradient * gradient - self._moment2)
        first = rate / (1 - _BETA1**self._steps)
        root = np.sqrt(self._moment2 / (1 - _BETA2**self._steps))
        self._theta -= first * self._moment1 / (root + _EPSILON)

    def _follow(self) -> None:
        self._average += (1 - self._optimizer_config.ema_decay(self._steps)) * (self._theta - self._average)

    @property
    def model(self) -> ScoreModel:
        """A copy of the model with the EMA weights; later steps do not change it."""
        return self._network.with_parameters(self._named(self._average.copy()))  # type: ignore[return-value]

    def state_dict(self) -> dict[str, Array]:
        """Weights, EMA and moments by parameter name, and the number of steps."""
        check_whole(self._complete)
        return self._state()

    def _state(self) -> dict[str, Array]:
        named = {f"{part}.{name}": v.copy() for part in _PARTS for name, v in self._named(self._vector(part)).items()}
        return named | {"steps": np.asarray(self._steps)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load a state from :meth:`state_dict`; a mismatch raises ``CheckpointError`` and changes nothing."""
        check_same_arrays(state, self._state())
        for part in _PARTS:
            self._vector(part)[:] = np.concatenate([np.ravel(state[f"{part}.{name}"]) for name in self._shapes])
        self._steps, self._complete = int(state["steps"]), True

    def _vector(self, part: str) -> Array:
        vectors = (self._theta, self._average, self._moment1, self._moment2)
        return dict(zip(_PARTS, vectors, strict=True))[part]


def _parametric(model: ScoreModel) -> Parametric:
    if not isinstance(model, Parametric):
        raise InvalidTypeError(
            f"model is a {type(model).__name__} without parameters() and with_parameters(): the numpy backend cannot "
            "train it. Use scorekit_numpy.MLP, alone or inside the views of sk.models, or add both methods to it."
        )
    return model
