"""The base class of views: the parameters of a view are those of the model that it wraps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from scorekit.errors import InvalidTypeError, describe
from scorekit.protocols import Array, Parametric, Sigma

__all__ = ["View", "classes_of", "innermost", "trainable", "with_innermost"]


@dataclass(frozen=True)
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

    def check_inner(self) -> None:
        """Raise ``TypeError`` if the wrapped object is not callable."""
        if not callable(self.inner):
            raise InvalidTypeError(f"{self._inner} is a {describe(self.inner)}: expected a function of (x, sigma).")

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
