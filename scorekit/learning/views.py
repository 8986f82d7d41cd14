"""The base class of views: the parameters of a view are those of the model that it wraps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from scorekit._score import part_of, score_function
from scorekit._tables import short
from scorekit.errors import InvalidTypeError, describe
from scorekit.protocols import Array, Parametric, Sigma

__all__ = ["View", "classes_of", "innermost", "network_in", "trainable", "units_of", "with_innermost", "without_units"]

_LONGEST = 120
"""Longest text of one field in a repr."""


@dataclass(frozen=True, repr=False)
class View(ABC):
    """A score model that wraps another callable, in the field named by ``_inner``.

    A view passes sigma and the condition to the wrapped model unchanged. ``uses_sigma`` is False for a view that does
    not use sigma otherwise.

    >>> import scorekit as sk
    >>> isinstance(sk.models.Preconditioned(lambda x, sigma: -x, 1.0), View)
    True
    """

    _inner: ClassVar[str]
    is_view: ClassVar[bool] = True
    per_sample: ClassVar[bool] = False
    uses_sigma: ClassVar[bool] = True
    has_units: ClassVar[bool] = False
    """Whether the wrapped model has other units of x, as in ``sk.models.standardized``."""

    def __repr__(self) -> str:
        """The fields, with arrays as their shapes. The text of a long network is cut."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        shown = (f"{k}={v!r}" if isinstance(v, View) else f"{k}={short(v, _LONGEST)}" for k, v in values.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    @abstractmethod
    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, *event)``."""

    @property
    def inner(self) -> Any:
        """The wrapped model."""
        return getattr(self, self._inner)

    @property
    def training(self) -> bool | None:
        """The training mode of a wrapped module; None if there is no module."""
        return getattr(self.inner, "training", None)

    def check_inner(self, *, a_score: bool = True) -> None:
        """Raise ``TypeError`` if the wrapped object is no function of x, sigma and a condition.

        The same if it is standardized and must be no score.
        """
        if not callable(self.inner):
            raise InvalidTypeError(
                f"{self._inner} is a {describe(self.inner)}: expected a function of (x, sigma).{part_of(self.inner)}"
            )
        score_function(self.inner, self._inner)
        if not a_score and units_of(self.inner) is not None:
            name = type(self).__name__
            raise InvalidTypeError(
                f"{self._inner} is standardized, so {name} would scale it twice: put the view of standardized data "
                f"outside, sk.models.standardized({name}(…), mean, scale)."
            )

    def parameters(self) -> dict[str, Array]:
        """The parameters of the wrapped model, by name."""
        return self._trainable().parameters()

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """The same view of the same model with other parameters."""
        return replace(self, **{self._inner: self._trainable().with_parameters(parameters)})

    def _trainable(self) -> Parametric:
        if not isinstance(self.inner, Parametric):
            raise InvalidTypeError(
                f"{self._inner} is a {describe(self.inner)}, which has no parameters() and with_parameters(): "
                "there is nothing to train. Wrap a network, for example scorekit_numpy.MLP."
            )
        return self.inner


def innermost(model: Any) -> Any:
    """The model inside all views.

    >>> import scorekit as sk
    >>> innermost(sk.models.at(sk.models.EnergyModel(abs), 0.5))
    <built-in function abs>
    """
    while isinstance(model, View):
        model = model.inner
    return model


def network_in(model: Any) -> Any:
    """The model inside all views and all wrappers of learners (objects with ``is_view``).

    >>> import scorekit as sk
    >>> network_in(sk.models.at(abs, 0.5))
    <built-in function abs>
    """
    while getattr(type(model), "is_view", False):
        model = model.inner
    return model


def units_of(model: Any) -> Any:
    """The view of ``sk.models.standardized`` in a model; None without one.

    >>> import scorekit as sk
    >>> units_of(sk.models.at(sk.models.standardized(abs, 0.0, 2.0), 0.5)).scale
    2.0
    """
    while getattr(type(model), "is_view", False):
        if getattr(type(model), "has_units", False):
            return model
        model = model.inner
    return None


def without_units(model: Any) -> Any:
    """The same model without the view of ``sk.models.standardized``: a score of standardized x.

    >>> import scorekit as sk
    >>> without_units(sk.models.standardized(abs, 0.0, 2.0))
    <built-in function abs>
    """
    if getattr(type(model), "has_units", False):
        return model.inner
    if isinstance(model, View):
        return replace(model, **{model._inner: without_units(model.inner)})
    return without_units(model.inner)  # a wrapper of a learner


def trainable(model: Any) -> dict[str, Array]:
    """The trainable parameters of the network inside all views, by name; empty if it does not list them.

    >>> from scorekit_numpy import MLP
    >>> list(trainable(MLP(2, hidden=())))
    ['layers.0.weight', 'layers.0.bias']
    """
    network, found = innermost(model), {}
    if hasattr(network, "named_parameters"):
        found = dict(network.named_parameters())
    elif isinstance(network, Parametric):
        found = network.parameters()
    return {name: value for name, value in found.items() if getattr(value, "requires_grad", True)}


def classes_of(model: Any) -> int | None:
    """The number of classes of the network inside all views; None without an integer ``classes``.

    >>> from scorekit_numpy import MLP
    >>> classes_of(MLP(2, hidden=(4,), classes=3)), classes_of(MLP(2, hidden=(4,)))
    (3, None)
    """
    classes = getattr(innermost(model), "classes", None)
    return classes if isinstance(classes, int) and not isinstance(classes, bool) else None


def with_innermost(model: Any, other: Any) -> Any:
    """The same views around another model.

    >>> import scorekit as sk
    >>> with_innermost(sk.models.EnergyModel(abs), max).energy
    <built-in function max>
    """
    if not isinstance(model, View):
        return other
    return replace(model, **{model._inner: with_innermost(model.inner, other)})
