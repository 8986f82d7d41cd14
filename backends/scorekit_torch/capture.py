"""Model evaluations captured as a CUDA graph and replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe, reason_of
from scorekit.learning import as_sigma, check_batch, check_condition, evaluate, trained_levels_of, units_of
from scorekit.protocols import ScoreModel

__all__ = ["CapturedModel"]

Array: TypeAlias = Any

_WARM_UP = 3  # evaluations in which libraries choose their kernels and take their workspace, which no graph may record


class CapturedModel:
    """A score model on a CUDA device, captured once as a CUDA graph and replayed at each call.

    With small batches, kernel launch overhead dominates on a GPU; a CUDA graph launches all kernels at once. The values
    equal those of the model. It is for samplers and cannot be differentiated.

    The first call at a noise level runs the model itself, which may raise an error for that level; later calls replay
    the graph. Changes of the weights in place take effect. After a change of device or mode, capture the model again.

    Args:
        model: a score model that reads no value back from the device, as all networks of this package; not compiled.
        x: a batch on a CUDA device. Each call must be with one of the same shape, dtype and device.
        sigma: a noise level, a number > 0 or ``(n,)``, that the model knows; None for a model that is called without.
        condition: the condition of each sample, first axis n; None for an unconditional model. Each call must
            have one of the same shape and dtype.

    Raises:
        TypeError: ``x`` is not on a CUDA device; the model is standardized; the model does what no graph can record;
            a batch to be differentiated.
        ShapeError, ValueError: a call that differs from the recorded one.

    Reference: CUDA Graphs in the CUDA C++ Programming Guide, NVIDIA.

    >>> CapturedModel(lambda x: -x, torch.zeros(5, 2))
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidTypeError: x is on the device cpu: only a CUDA device can record graphs. ...
    """

    per_sample = False  # sigma may be a number or an array (n,)

    def __init__(self, model: ScoreModel, x: Array, sigma: Any = None, condition: Array | None = None) -> None:
        _check_device(check_batch(x))
        if units_of(model) is not None:
            raise InvalidTypeError(
                "the model is standardized: capture the model inside, and write sk.models.standardized(CapturedModel("
                "model.inner, …), mean, scale)."
            )
        level, told = as_sigma(sigma, x), check_condition(condition, x)
        self._told: Any = None if told is None else told.detach().clone()
        self._model, self._x = model, x.detach().clone()
        self._sigma: Any = None if level is None else x.new_empty(x.shape[0])
        self._known = _numbers(level)
        self._fill(x, level, told)
        self._graph, self._score = _recorded(lambda: evaluate(model, self._x, self._sigma, self._told), x.device)

    @property
    def trained_levels(self) -> tuple[float, float] | None:
        """The noise levels on which the network was trained."""
        return trained_levels_of(self._model)

    def __repr__(self) -> str:
        return f"CapturedModel({self._model!r}, x of shape {tuple(self._x.shape)} on {self._x.device})"

    def __call__(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        """The score at ``x``, an array of its own."""
        self._check(x, sigma, condition)
        level, told = as_sigma(sigma, x), check_condition(condition, x)
        asked = _numbers(level)
        if not asked <= self._known:
            with torch.no_grad():
                score = evaluate(self._model, x, level, told)
            self._known |= asked
            return score
        self._fill(x, level, told)
        self._graph.replay()
        return self._score.clone()

    def _fill(self, x: Array, level: Any, told: Array | None) -> None:
        """The arguments, where the graph reads them."""
        self._x.copy_(x.detach())
        if told is not None:
            self._told.copy_(told.detach())
        if isinstance(level, float):
            self._sigma.fill_(level)
        elif level is not None:
            self._sigma.copy_(level)

    def _check(self, x: Array, sigma: Any, condition: Array | None) -> None:
        if describe(condition) != describe(self._told):
            raise ShapeError(
                f"condition is a {describe(condition)}: this model was recorded with a {describe(self._told)}, and is "
                "called so."
            )
        if describe(x) != describe(self._x) or x.device != self._x.device:
            raise ShapeError(
                f"x is a {describe(x)} on {getattr(x, 'device', 'cpu')}: this model was recorded for a "
                f"{describe(self._x)} on {self._x.device}. Record another: CapturedModel(model, x, sigma)."
            )
        if (sigma is None) != (self._sigma is None):
            raise InvalidValueError(
                f"sigma is {sigma!r}: this model was recorded {'without' if self._sigma is None else 'with'} a noise "
                "level, and is called so."
            )
        if torch.is_grad_enabled() and x.requires_grad:
            raise InvalidTypeError("x requires a gradient, and a recorded evaluation has none: use the model itself.")


def _check_device(x: Array) -> None:
    if not getattr(x, "is_cuda", False):
        where = getattr(x, "device", "cpu")
        raise InvalidTypeError(f"x is on the device {where}: only a CUDA device can record graphs. Use the model.")


def _numbers(level: Any) -> set[float]:
    """The different levels in a checked sigma."""
    if level is None:
        return set()
    return {level} if isinstance(level, float) else set(level.detach().reshape(-1).tolist())


def _recorded(run: Callable[[], Array], device: torch.device) -> tuple[torch.cuda.CUDAGraph, Array]:
    """The graph of ``run``, and the tensor in which each replay leaves its result."""
    graph = torch.cuda.CUDAGraph()
    here = torch.cuda.current_stream(device)
    # the outer stream is set again even where recording fails; casts of autocast that are kept would not be replayed
    with torch.cuda.device(device), torch.cuda.stream(here), torch.no_grad(), _autocast_that_keeps_nothing():
        beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            for _ in range(_WARM_UP):
                run()
        here.wait_stream(beside)
        try:
            with torch.cuda.graph(graph, stream=beside):  # the default is a stream of one device, for all of them
                score = run()
        except RuntimeError as error:
            raise InvalidTypeError(
                f"the model cannot be recorded ({reason_of(error.__context__ or error)}): it must not read values "
                "back from the device, nor copy any to it. Use the model itself."
            ) from error
    return graph, score


def _autocast_that_keeps_nothing() -> torch.autocast:
    dtype = torch.get_autocast_dtype("cuda")
    return torch.autocast("cuda", dtype, torch.is_autocast_enabled("cuda"), cache_enabled=False)
