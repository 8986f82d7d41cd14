"""What all views share: the parameters of a view are those of what it wraps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from scorekit.errors import InvalidTypeError, describe
from scorekit.protocols import Array, Parametric, Sigma

__all__ = ["View", "innermost", "with_innermost"]


@dataclass(frozen=True)
class View(ABC):
    """A score model made of another callable, held in the field named by ``_inner``.

    A view hands sigma and the condition on as they come: what it wraps gets them in its own form. ``uses_sigma`` is
    False for a view that does nothing else with sigma.

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
        """What the view wraps."""
        return getattr(self, self._inner)

    @property
    def training(self) -> bool | None:
        """The mode of a module that is wrapped, which decides what it computes; None without one."""
        return getattr(self.inner, "training", None)

    def check_inner(self) -> None:
        """Refuse to wrap what cannot be called."""
        if not callable(self.inner):
            raise InvalidTypeError(f"{self._inner} is a {describe(self.inner)}: expected a function of (x, sigma).")

    def parameters(self) -> dict[str, Array]:
        """The parameters of what is wrapped, by name."""
        return self._trainable().parameters()

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """The same view of the same thing with other parameters."""
        return replace(self, **{self._inner: self._trainable().with_parameters(parameters)})

    def _trainable(self) -> Parametric:
        if not isinstance(self.inner, Parametric):
            raise InvalidTypeError(
                f"{self._inner} is a {describe(self.inner)}, which has no parameters() and with_parameters(): "
                "there is nothing to train. Wrap a network, for instance scorekit_numpy.MLP."
            )
        return self.inner


def innermost(model: Any) -> Any:
    """What stands inside all the views.

    >>> import scorekit as sk
    >>> innermost(sk.models.at(sk.models.EnergyModel(abs), 0.5))
    <built-in function abs>
    """
    while isinstance(model, View):
        model = model.inner
    return model


def with_innermost(model: Any, other: Any) -> Any:
    """The same views around something else.

    >>> import scorekit as sk
    >>> with_innermost(sk.models.EnergyModel(abs), max).energy
    <built-in function max>
    """
    if not isinstance(model, View):
        return other
    return replace(model, **{model._inner: with_innermost(model.inner, other)})
