"""Score models as they are called: where a model takes sigma, and whether what it returns can be a score."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, cast

from scorekit.errors import InvalidTypeError, ShapeError
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace, describe

__all__ = ["check_conditional", "check_score", "evaluate", "score_function"]


def score_function(model: ScoreModel) -> Callable[[Array, Sigma], Array]:
    """``model`` as a function of exactly ``(x, sigma)``; a function of ``x`` alone ignores sigma.

    Sigma goes to the second positional parameter, if that is called sigma, has no default, or the default None;
    to a keyword-only parameter ``sigma``; else nowhere. So ``lambda x, a=a: …`` is a function of ``x`` alone.
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
    place = _place_of_sigma(model)
    if place == "position":
        return cast(Callable[[Array, Sigma], Array], model)
    keyed = cast(Callable[..., Array], model)
    if place == "keyword":
        return lambda x, sigma: keyed(x, sigma=sigma)
    return lambda x, sigma: keyed(x)


def check_conditional(model: ScoreModel, asked: str, instead: str) -> None:
    """Refuse a function of ``x`` alone where there are levels: who ``asked`` for what, and what to use ``instead``."""
    if _place_of_sigma(model) == "nowhere":
        raise InvalidTypeError(
            f"model is a function of x alone, and {asked}: expected a function s(x, sigma). {instead} "
            "If it is to ignore the level, say so: lambda x, sigma: model(x)."
        )


_known_places: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def _place_of_sigma(model: ScoreModel) -> str:
    """Where a call of ``model`` takes sigma: by ``"position"``, by ``"keyword"`` or ``"nowhere"``.

    A signature is read once a function and once a class of objects: reading costs 20 microseconds.
    """
    key = model if isinstance(model, FunctionType) else type(model)
    if key is not model and not _calls_by_class(model):
        return _read_place(model)
    place = _known_places.get(key)
    if place is None:
        place = _known_places[key] = _read_place(model)
    return place


def _calls_by_class(model: Any) -> bool:
    """Do all objects of this class take the same arguments? Bound methods, partials and wrappers in C do not."""
    return isinstance(type(model).__call__, FunctionType) and "forward" not in getattr(model, "__dict__", {})


def _read_place(model: Callable[..., Any]) -> str:
    try:
        parameters = _read_parameters(model)
    except (TypeError, ValueError):  # some callables written in C have no signature
        return "position"
    if _has_place(list(parameters.values())):
        return "position"
    if not any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters.values()):
        raise InvalidTypeError("model takes no argument by position: expected a function s(x, sigma) or s(x).")
    keyed = "sigma" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return "keyword" if keyed else "nowhere"


def _read_parameters(model: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a call; of a module, whose ``__call__`` takes anything, those of its ``forward``."""
    parameters = inspect.signature(model).parameters
    forward = getattr(model, "forward", None)
    if callable(forward) and all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
        return inspect.signature(forward).parameters
    return parameters


def _has_place(parameters: list[inspect.Parameter]) -> bool:
    """Is there a second positional parameter that is meant for sigma?"""
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < 2:
        return False
    second = positional[1]
    return second.name == "sigma" or second.default is None or second.default is second.empty


def evaluate(model: ScoreModel, x: Array, sigma: Sigma = None) -> Array:
    """``model(x, sigma)``, refused when it is not shaped and typed like ``x``."""
    return check_score(score_function(model)(x, sigma), x)


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
