"""scorekit: score matching and score-based generative modeling, tested against exact results.

Use ``import scorekit as sk`` and ``sk.<name>``. Subpackages are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from scorekit._version import __version__ as __version__
from scorekit.errors import (
    CheckpointError,
    DatasetError,
    DivergedError,
    InvalidTypeError,
    InvalidValueError,
    MissingBackendError,
    NonFiniteError,
    RunError,
    ScorekitError,
    ShapeError,
)
from scorekit.protocols import Backend, Distribution, Learner, Objective, Rng, Sampler, ScoreModel
from scorekit.registry import array_namespace, backend, backend_of, backends, rng

if TYPE_CHECKING:
    from scorekit import (
        datasets,
        distributions,
        experiments,
        learning,
        metrics,
        models,
        noise,
        objectives,
        plot,
        samplers,
        testing,
        training,
    )
    from scorekit._arrays import expand
    from scorekit.storage import load, save
    from scorekit.training import fit

_ROOMS = (
    "datasets",
    "distributions",
    "experiments",
    "learning",
    "metrics",
    "models",
    "noise",
    "objectives",
    "plot",
    "samplers",
    "testing",
    "training",
)
_FROM_ROOMS = {"expand": "_arrays", "fit": "training", "load": "storage", "save": "storage"}

__all__ = [
    "Backend",
    "CheckpointError",
    "DatasetError",
    "Distribution",
    "DivergedError",
    "InvalidTypeError",
    "InvalidValueError",
    "Learner",
    "MissingBackendError",
    "NonFiniteError",
    "Objective",
    "Rng",
    "RunError",
    "Sampler",
    "ScoreModel",
    "ScorekitError",
    "ShapeError",
    "array_namespace",
    "backend",
    "backend_of",
    "backends",
    "datasets",
    "distributions",
    "expand",
    "experiments",
    "fit",
    "learning",
    "load",
    "metrics",
    "models",
    "noise",
    "objectives",
    "plot",
    "rng",
    "samplers",
    "save",
    "testing",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"scorekit.{name}")
    if name in _FROM_ROOMS:
        return getattr(importlib.import_module(f"scorekit.{_FROM_ROOMS[name]}"), name)
    raise AttributeError(f"module 'scorekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
