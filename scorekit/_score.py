"""The one function through which every model is called: where it takes sigma and the condition, and in what form.

A network (anything with ``parameters()``) always gets sigma as an array ``(n,)`` like ``x``. A plain function gets a
float where one level is shared by the whole batch. Nothing else in scorekit calls a model.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

from scorekit._arrays import per_row
from scorekit._conditions import tiled
from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError, ShapeError, describe
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace

__all__ = [
    "Call",
    "check_conditional",
    "check_score",
    "evaluate",
    "inside",
    "score_function",
    "takes_condition",
    "takes_sigma",
]


class Call:
    """``model`` as a function of ``(x, sigma, condition)``; made by :func:`score_function`."""

    __slots__ = ("_signature", "model")

    def __init__(self, model: Callable[..., Array]) -> None:
        self.model = model
        self._signature = _signature_of(model)

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        signature = self._signature
        if sigma is not None and signature.per_sample:
            sigma = per_row(sigma, x)
        condition = self._checked(condition, x)
        try:
            return signature.call(self.model, x, sigma, condition)
        except ScorekitError:
            raise
        except Exception as error:
            if sigma is None or type(error) not in _OF_THE_MODEL or inside(self.model) is not None:
                raise
            raise InvalidTypeError(_explained(error, self.model, x, sigma)) from error

    def _checked(self, condition: Array | None, x: Array) -> Array | None:
        if condition is None:
            if self._signature.requires_condition:
                raise InvalidValueError(
                    f"{_name(self.model)} takes a condition, and was called without one: write "
                    "sk.models.condition(model, c) to fix it for a sampler, or objective(model, x, condition=c)."
                )
            return None
        if self._signature.condition == "nowhere":
            raise InvalidTypeError(
                f"a condition was given, and {_name(self.model)} takes none: expected a model s(x, sigma, condition). "
                "Leave the condition out, or give the model a third parameter."
            )
        return tiled(condition, x)


def score_function(model: ScoreModel) -> Call:
    """``model`` as a function of exactly ``(x, sigma, condition)``; a function of ``x`` alone ignores sigma.

    Sigma goes to the second positional parameter, if that is called sigma, has no default, or the default None;
    to a keyword-only parameter ``sigma``; else nowhere. So ``lambda x, a=a: …`` is a function of ``x`` alone. The
    condition goes to the parameter ``condition``, or to the third positional one under the same rule.

    >>> import numpy as np
    >>> score_function(lambda x: -x)(np.ones((1, 2)), 0.5).tolist()
    [[-1.0, -1.0]]
    """
    given: object = model
    if not callable(given):
        parts = [name for name in ("model", "score") if callable(getattr(given, name, None))]
        hint = f" Give its .{parts[0]}." if parts else ""
        raise InvalidTypeError(f"model is a {describe(model)}: expected a function s(x, sigma) or s(x).{hint}")
    if isinstance(model, type):
        raise InvalidTypeError(
            f"model is the class {model.__name__}: expected one of its objects, {model.__name__}(…)."
        )
    return Call(model)


def check_conditional(model: ScoreModel, asked: str, instead: str) -> None:
    """Refuse a function of ``x`` alone where there are levels: who ``asked`` for what, and what to use ``instead``."""
    if not takes_sigma(model):
        raise InvalidTypeError(
            f"model is a function of x alone, and {asked}: expected a function s(x, sigma). {instead} "
            "If it is to ignore the level, say so: lambda x, sigma: model(x)."
        )


def takes_condition(model: Any) -> bool:
    """Does a call of the model, or of what a view wraps, have a parameter for the condition?"""
    own = getattr(type(model), "takes_condition", None)
    if own is not None:  # a network that was made with conditions or without says so
        return bool(model.takes_condition)
    inner = inside(model)
    return _signature_of(model).condition != "nowhere" if inner is None else takes_condition(inner)


def inside(model: Any) -> Any:
    """What a view (``is_view``) calls, its ``inner``; None for anything else, whatever it calls ``inner``."""
    return model.inner if getattr(type(model), "is_view", False) else None


def takes_sigma(model: Any) -> bool:
    """A view that does nothing with sigma itself (``uses_sigma`` False) asks what it wraps."""
    if inside(model) is not None and not model.uses_sigma:
        return takes_sigma(inside(model))
    return _signature_of(model).sigma != "nowhere"


class _Signature(NamedTuple):
    """How a model is called: ``sigma`` and ``condition`` by "position", by "keyword" or "nowhere"."""

    sigma: str
    condition: str
    requires_condition: bool
    per_sample: bool

    def call(self, model: Callable[..., Array], x: Array, sigma: Sigma, condition: Array | None) -> Array:
        if self.sigma == "position" and condition is None:
            return model(x, sigma)
        by_position = [sigma] if self.sigma == "position" else []
        by_keyword = {"sigma": sigma} if self.sigma == "keyword" else {}
        if condition is not None:
            if self.condition == "position":
                by_position.append(condition)
            else:
                by_keyword["condition"] = condition
        return model(x, *by_position, **by_keyword)


_known_signatures: weakref.WeakKeyDictionary[Any, _Signature] = weakref.WeakKeyDictionary()


def _signature_of(model: Any) -> _Signature:
    """A signature is read once a function and once a class of objects: reading costs 20 microseconds."""
    key = model if isinstance(model, FunctionType) else type(model)
    if key is not model and not _calls_by_class(model):
        return _read_signature(model)
    found = _known_signatures.get(key)
    if found is None:
        found = _known_signatures[key] = _read_signature(model)
    return found


def _calls_by_class(model: Any) -> bool:
    """Do all objects of this class take the same arguments? Bound methods, partials and wrappers in C do not."""
    return isinstance(type(model).__call__, FunctionType) and "forward" not in getattr(model, "__dict__", {})


def _read_signature(model: Callable[..., Any]) -> _Signature:
    per_sample = getattr(model, "per_sample", None)
    if per_sample is None:
        per_sample = callable(getattr(model, "parameters", None))
    try:
        parameters = _read_parameters(model)
    except (TypeError, ValueError):  # some callables written in C have no signature
        return _Signature("position", "nowhere", False, per_sample)
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    anything = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    if not positional and not anything:
        raise InvalidTypeError("model takes no argument by position: expected a function s(x, sigma) or s(x).")
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    sigma = _place_of_sigma(parameters, positional, anything, free)
    return _Signature(sigma, *_place_of_condition(parameters, positional, anything, free, sigma), per_sample)


def _place_of_sigma(parameters: Mapping[str, Any], positional: list[Any], anything: bool, free: bool) -> str:
    second = positional[1] if len(positional) > 1 else None
    if anything or (second is not None and second.name != "condition" and _is_open(second, "sigma")):
        return "position"
    return "keyword" if "sigma" in parameters or free else "nowhere"


def _place_of_condition(
    parameters: Mapping[str, Any], positional: list[Any], anything: bool, free: bool, sigma: str
) -> tuple[str, bool]:
    """Where the condition goes, and whether a call must have one."""
    named = parameters.get("condition")
    if named is not None:
        third = sigma == "position" and named.kind is named.POSITIONAL_ONLY
        return ("position" if third else "keyword"), named.default is named.empty
    if sigma == "position" and len(positional) > 2 and _is_open(positional[2], "condition"):
        return "position", positional[2].default is positional[2].empty
    if anything:
        return "position", False
    return ("keyword", False) if free else ("nowhere", False)


def _is_open(parameter: inspect.Parameter, name: str) -> bool:
    """Is a positional parameter meant to be filled by a caller who knows nothing of it?"""
    return parameter.name == name or parameter.default is None or parameter.default is parameter.empty


def _read_parameters(model: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a call; of a module, whose ``__call__`` takes anything, those of its ``forward``."""
    parameters = inspect.signature(model).parameters
    forward = getattr(model, "forward", None)
    if callable(forward) and all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
        return inspect.signature(forward).parameters
    return parameters


_OF_THE_MODEL = (TypeError, AttributeError, IndexError, ValueError, RuntimeError)


def _explained(error: Exception, model: Any, x: Array, sigma: Sigma) -> str:
    """What the model was called with, and which of two things to write when that is not what it expects."""
    n, shape = x.shape[0], tuple(x.shape)
    raised = f"{_name(model)} raised {type(error).__name__} ({str(error).strip()})"
    if getattr(sigma, "ndim", 0) == 0:
        return (
            f"{raised} when it was called with x of shape {shape} and sigma = {float(sigma):g}, a float. A function "
            "gets a float where one level is shared by the batch. If it wants an array of shape (n,), as a lambda "
            "around a network does, write sk.models.per_sample(model)."
        )
    column = ", ".join(["-1"] + ["1"] * (x.ndim - 1))
    return (
        f"{raised} when it was called with x of shape {shape} and sigma of shape ({n},), one level for each sample. "
        f"To combine them write sk.expand(sigma, x), which has the shape of sigma.reshape({column})."
    )


def _name(model: Any) -> str:
    """What a message calls a model."""
    return getattr(model, "__name__", type(model).__name__)


def evaluate(model: ScoreModel, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
    """``model(x, sigma, condition)``, refused when it is not shaped and typed like ``x``.

    >>> import numpy as np
    >>> evaluate(lambda x, sigma: -x / sigma, np.ones((1, 2)), 0.5).tolist()
    [[-2.0, -2.0]]
    """
    return check_score(score_function(model)(x, sigma, condition), x)


def check_score(s: Array, x: Array) -> Array:
    """``s`` itself, if it can be the score at ``x``: same framework, shape and dtype.

    A half-precision answer, which is what a network under autocast gives, is widened to the dtype of ``x``.
    """
    shape = getattr(s, "shape", None)
    if shape is None:
        raise InvalidTypeError(f"model returned a {describe(s)} for x, a {describe(x)}: expected an array like x.")
    if tuple(shape) != tuple(x.shape):
        raise ShapeError(
            f"model returned shape {tuple(shape)} for x of shape {tuple(x.shape)}: a score has one entry per entry "
            "of x. For an energy or log-density wrap it: EnergyModel(f)."
        )
    xp = array_namespace(x=x, score=s)
    if s.dtype != x.dtype:
        if str(s.dtype).rpartition(".")[2] in ("float16", "bfloat16"):
            return xp.astype(s, x.dtype)
        raise InvalidTypeError(
            f"model returned dtype {s.dtype} for x of dtype {x.dtype}: a score keeps the dtype of x. "
            "Convert the model's parameters, or x, so that both agree."
        )
    return s
