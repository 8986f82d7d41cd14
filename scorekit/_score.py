"""Calls of score models: to which parameters sigma and the condition are passed, and in which form.

A network (any object with ``parameters()``) always gets sigma as an array ``(n,)`` like ``x``. A plain function gets a
float if the whole batch has one level. All calls of models in scorekit go through this module.
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
from scorekit.registry import array_namespace, framework_of

__all__ = [
    "Call",
    "check_conditional",
    "check_score",
    "evaluate",
    "inside",
    "part_of",
    "refuse_other_framework",
    "score_function",
    "takes_condition",
    "takes_sigma",
]


class Call:
    """``model`` as a function of ``(x, sigma, condition)``; made by :func:`score_function`."""

    __slots__ = ("_name", "_signature", "model")

    def __init__(self, model: Callable[..., Array], name: str = "model") -> None:
        self.model, self._name = model, name
        self._signature = _signature_of(model, name)

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        signature = self._signature
        if sigma is not None and signature.per_sample:
            sigma = per_row(sigma, x)
        condition = self._checked(condition, x)
        try:
            return signature.call(self.model, x, sigma, condition)
        except ScorekitError as error:
            refuse_other_framework(self.model, x, "the samples", error, called=self._name)
            raise
        except Exception as error:
            refuse_other_framework(self.model, x, "the samples", error, called=self._name)
            if sigma is None and signature.sigma != "nowhere" and "None" in str(error):
                raise InvalidTypeError(_explained_without_level(error, self.model)) from error
            unexplained = sigma is None or signature.sigma == "nowhere" or inside(self.model) is not None
            if unexplained or type(error) not in _OF_THE_MODEL:
                raise
            raise InvalidTypeError(_explained(error, self.model, x, sigma, condition)) from error

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
                f"a condition was passed, but {_name(self.model)} takes none: expected a model s(x, sigma, condition). "
                "Leave the condition out, or add a third parameter to the model."
            )
        return tiled(condition, x)


def score_function(model: ScoreModel, name: str = "model") -> Call:
    """``model`` as a function of ``(x, sigma, condition)``; for a function of ``x`` alone, sigma is not passed.

    Sigma is passed to the second positional parameter if it is named sigma, has no default, or has the default None;
    or to a keyword-only parameter ``sigma``; else it is not passed. So ``lambda x, a=a: …`` is a function of ``x``
    alone. The condition is passed to the parameter ``condition``, or to the third positional one by the same rule.
    ``name`` is the name of the argument in messages.

    Raises:
        TypeError: ``model`` is not callable, is a class or an objective, takes no positional argument, or more than
            three.

    >>> import numpy as np
    >>> score_function(lambda x: -x)(np.ones((1, 2)), 0.5).tolist()
    [[-1.0, -1.0]]
    """
    given: object = model
    if isinstance(given, type):
        raise InvalidTypeError(f"{name} is the class {given.__name__}: expected an instance, {given.__name__}(…).")
    if not callable(given):
        raise InvalidTypeError(
            f"{name} is a {describe(given)}: expected a function s(x, sigma) or s(x).{part_of(given)}"
        )
    if hasattr(given, "losses"):
        raise InvalidTypeError(
            f"{name} is a {describe(given)}, an objective: expected a function s(x, sigma) or s(x), for instance the "
            "model that fit trained with it."
        )
    return Call(model, name)


def refuse_other_framework(
    model: Any, x: Array, name: str, cause: Exception | None = None, *, called: str = "model", way: str | None = None
) -> None:
    """Raise an error if the network belongs to another framework than ``x``.

    The message calls ``x`` by ``name`` and the network ``called``, and says in which way to convert ``x``.

    >>> import numpy as np
    >>> from scorekit_numpy import MLP
    >>> refuse_other_framework(MLP(2), np.zeros((3, 2)), "x")  # the same framework
    """
    network = model
    while inside(network) is not None:
        network = inside(network)
    wanted, given = framework_of(network), framework_of(x)
    if wanted is None or given is None or wanted == given or not callable(getattr(network, "parameters", None)):
        return
    variable = name if name.isidentifier() else "x"
    ways = {"torch": f"torch.as_tensor({variable})", "numpy": f"{variable}.numpy()"}
    way = way or f"Convert {'the data' if name == 'data' else name}: {ways.get(wanted, f'an array of {wanted}')}."
    raise InvalidTypeError(
        f"{called} is a {wanted} network, a {describe(network)}, and {name} {'is' if name == 'x' else 'are'} a "
        f"{describe(x)}: expected one framework. {way}"
    ) from cause


def part_of(given: Any) -> str:
    """A sentence that names the part of an object that is a model: of a result, or of a distribution."""
    parts = [name for name in ("model", "score") if callable(getattr(given, name, None))]
    return f" Pass its .{parts[0]}." if parts else ""


def check_conditional(model: ScoreModel, asked: str, instead: str) -> None:
    """Raise ``TypeError`` if the model takes no sigma; ``asked`` and ``instead`` are the reason and the alternative."""
    if not takes_sigma(model):
        way = "write it as forward(x, sigma)" if hasattr(model, "parameters") else "write lambda x, sigma: model(x)"
        raise InvalidTypeError(
            f"model is a function of x alone, and {asked}: expected a function s(x, sigma). {instead} "
            f"To ignore the level on purpose, {way}."
        )


def takes_condition(model: Any) -> bool:
    """Whether the model, or the model inside a view, has a parameter for the condition."""
    own = getattr(type(model), "takes_condition", None)
    if own is not None:  # a network has this attribute
        return bool(model.takes_condition)
    inner = inside(model)
    return _signature_of(model).condition != "nowhere" if inner is None else takes_condition(inner)


def inside(model: Any) -> Any:
    """The model inside a view (an object with ``is_view``); None for any other object."""
    return model.inner if getattr(type(model), "is_view", False) else None


def takes_sigma(model: Any) -> bool:
    """Whether the model takes sigma; for a view with ``uses_sigma`` False, whether the model inside takes it."""
    own = getattr(type(model), "takes_sigma", None)
    if own is not None:  # a network has this attribute
        return bool(model.takes_sigma)
    if inside(model) is not None and not model.uses_sigma:
        return takes_sigma(inside(model))
    return _signature_of(model).sigma != "nowhere"


class _Signature(NamedTuple):
    """How a model is called: ``sigma`` and ``condition`` are passed by "position", by "keyword" or "nowhere"."""

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


def _signature_of(model: Any, name: str = "model") -> _Signature:
    """The signature, cached per function or per class, because reading it takes 20 microseconds."""
    key = model if isinstance(model, FunctionType) else type(model)
    if key is not model and not _calls_by_class(model):
        return _read_signature(model, name)
    found = _known_signatures.get(key)
    if found is None:
        found = _known_signatures[key] = _read_signature(model, name)
    return found


def _calls_by_class(model: Any) -> bool:
    """Whether all instances of the class take the same arguments; not so for bound methods, partials and C wrappers."""
    own = "forward" in getattr(model, "__dict__", {}) or _wrapped(model) is not None
    return isinstance(type(model).__call__, FunctionType) and not own


def _read_signature(model: Callable[..., Any], name: str) -> _Signature:
    per_sample = getattr(type(model), "per_sample", None)
    if not isinstance(per_sample, bool):
        per_sample = callable(getattr(model, "parameters", None))
    try:
        parameters = _read_parameters(model)
    except (TypeError, ValueError):  # some callables written in C have no signature
        return _Signature("position", "nowhere", False, per_sample)
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    anything = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    if not positional and not anything:
        raise InvalidTypeError(
            f"{name}, a {describe(model)}, takes no argument by position: expected a function s(x, sigma) or s(x)."
        )
    _check_required(parameters, positional, name)
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    sigma = _place_of_sigma(parameters, positional, anything, free)
    return _Signature(sigma, *_place_of_condition(parameters, positional, anything, free, sigma), per_sample)


def _check_required(parameters: Mapping[str, Any], positional: list[Any], name: str) -> None:
    """Raise an error if a call with x, sigma and a condition would miss an argument."""
    required = [p.name for p in parameters.values() if p.default is p.empty and p.kind not in _ANY]
    lacking = [p for p in required if p not in {*(q.name for q in positional[:3]), "sigma", "condition"}]
    if lacking:
        raise InvalidTypeError(
            f"{name} takes the arguments {', '.join(required)}: expected a function s(x, sigma), s(x) or s(x, sigma, "
            f"condition). Give the others values first: functools.partial({name}, {lacking[-1]}=…)."
        )


_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _place_of_sigma(parameters: Mapping[str, Any], positional: list[Any], anything: bool, free: bool) -> str:
    """A parameter named sigma gets sigma, wherever it stands; without one, the second positional parameter if open."""
    named = parameters.get("sigma")
    if named is not None:
        return "position" if positional[1:2] == [named] else "keyword"
    second = positional[1] if len(positional) > 1 else None
    if anything or (second is not None and second.name != "condition" and _is_open(second)):
        return "position"
    return "keyword" if free else "nowhere"


def _place_of_condition(
    parameters: Mapping[str, Any], positional: list[Any], anything: bool, free: bool, sigma: str
) -> tuple[str, bool]:
    """How the condition is passed, and whether it is required: by its name, else in the first place that is open."""
    named = parameters.get("condition")
    if named is not None:
        third = sigma == "position" and named.kind is named.POSITIONAL_ONLY
        return ("position" if third else "keyword"), named.default is named.empty
    after = positional[2 if sigma == "position" else 1 :]
    if sigma != "nowhere" and after and after[0].name != "sigma" and _is_open(after[0]):
        return "position", after[0].default is after[0].empty
    if anything:
        return "position", False
    return ("keyword", False) if free else ("nowhere", False)


def _is_open(parameter: inspect.Parameter) -> bool:
    """Whether a positional parameter has no default, or the default None."""
    return parameter.default is None or parameter.default is parameter.empty


def _read_parameters(model: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of the call; for a module, whose ``__call__`` takes any arguments, those of its ``forward``."""
    parameters = inspect.signature(model).parameters
    forward = getattr(model, "forward", None)
    if callable(forward) and _takes_anything(parameters):
        parameters = inspect.signature(forward).parameters
        wrapped = _wrapped(model)
        if wrapped is not None and _takes_anything(parameters):
            return _read_parameters(wrapped)
    return parameters


def _takes_anything(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())


def _wrapped(model: Any) -> Any:
    """The module inside a wrapper of a framework, such as a compiled or a data-parallel module; None without one."""
    return next((m for m in (getattr(model, name, None) for name in ("_orig_mod", "module")) if callable(m)), None)


_OF_THE_MODEL = (TypeError, AttributeError, IndexError, ValueError, RuntimeError)


def _explained(error: Exception, model: Any, x: Array, sigma: Sigma, condition: Array | None) -> str:
    """A message with the arguments of the call, and how to write a model that gets sigma in another form."""
    shared = getattr(sigma, "ndim", 0) == 0
    level = f"sigma = {float(sigma):g}, a float" if shared else f"sigma of shape ({x.shape[0]},)"
    told = "" if condition is None else f" and a condition, a {describe(condition)}"
    raised = (
        f"{_name(model)} raised {type(error).__name__} ({str(error).strip()}) when it was called with x, a "
        f"{describe(x)}, {level}{told}"
    )
    if shared:
        return (
            f"{raised}. A function gets a float if the batch has one level. If it needs an array of shape (n,), as a "
            "lambda around a network does, write sk.models.per_sample(model)."
        )
    column = ", ".join(["-1"] + ["1"] * (x.ndim - 1))
    return (
        f"{raised}. If sigma does not combine with x, write sk.expand(sigma, x), which has the shape of "
        f"sigma.reshape({column})."
    )


def _explained_without_level(error: Exception, model: Any) -> str:
    return (
        f"{_name(model)} raised {type(error).__name__} ({str(error).strip()}) when it was called without a noise "
        "level, sigma=None: expected a function that takes None. To call it at one level write "
        "sk.models.at(model, sigma); to go through levels use AnnealedLangevin, or NoiseConditional in training."
    )


def _name(model: Any) -> str:
    """The name of a model for messages."""
    return getattr(model, "__name__", type(model).__name__)


def evaluate(
    model: ScoreModel, x: Array, sigma: Sigma = None, condition: Array | None = None, name: str = "model"
) -> Array:
    """``model(x, sigma, condition)``, checked to have the shape and dtype of ``x``; ``name`` is for messages.

    Raises:
        ShapeError: the result has another shape.
        TypeError: the result has another framework or dtype.

    >>> import numpy as np
    >>> evaluate(lambda x, sigma: -x / sigma, np.ones((1, 2)), 0.5).tolist()
    [[-2.0, -2.0]]
    """
    return check_score(score_function(model, name)(x, sigma, condition), x, name)


def check_score(s: Array, x: Array, name: str = "model") -> Array:
    """``s``, checked to have the framework, shape and dtype of ``x``.

    A result in half precision, as from a network under autocast, is converted to the dtype of ``x``.
    """
    shape = getattr(s, "shape", None)
    if shape is None:
        raise InvalidTypeError(f"{name} returned a {describe(s)} for x, a {describe(x)}: expected an array like x.")
    if tuple(shape) != tuple(x.shape):
        raise ShapeError(
            f"{name} returned shape {tuple(shape)} for x of shape {tuple(x.shape)}: a score has one entry per entry "
            "of x. For an energy or log-density wrap it: EnergyModel(f)."
        )
    xp = array_namespace(x=x, score=s)
    if s.dtype != x.dtype:
        if str(s.dtype).rpartition(".")[2] in ("float16", "bfloat16"):
            return xp.astype(s, x.dtype)
        raise InvalidTypeError(
            f"{name} returned dtype {s.dtype} for x of dtype {x.dtype}: a score keeps the dtype of x. "
            "Convert the model's parameters or x to the same dtype."
        )
    return s
