"""The noise levels on which a network was trained, as an attribute of the network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from scorekit.learning.views import network_in

__all__ = ["set_trained_levels", "trained_levels_of"]


def trained_levels_of(model: Any) -> tuple[float, float] | None:
    """The attribute ``trained_levels`` of the network inside all views: ``(sigma_min, sigma_max)``, or None.

    >>> trained_levels_of(lambda x, sigma: -x) is None
    True
    """
    levels = getattr(network_in(model), "trained_levels", None)
    if not isinstance(levels, (tuple, list)) or len(levels) != 2:
        return None
    low, high = levels
    return (float(low), float(high)) if 0 < low <= high else None


def set_trained_levels(model: Any, levels: Sequence[float | None] | None) -> None:
    """Set ``trained_levels`` of the network inside all views to the range of ``levels``; None if there are none.

    A network that takes no new attributes is left as it is.

    >>> from scorekit_numpy import MLP
    >>> network = MLP(2, hidden=(4,))
    >>> set_trained_levels(network, (10.0, 0.1))
    >>> network.trained_levels
    (0.1, 10.0)
    """
    known = [float(level) for level in levels or () if level is not None]
    with suppress(AttributeError, TypeError):
        network_in(model).trained_levels = (min(known), max(known)) if known else None
