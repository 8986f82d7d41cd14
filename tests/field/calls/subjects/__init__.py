"""Every public function and class, with arguments that work and the role of each.

A new public function needs one line in one of these files: ``test_messages.py`` fails until it has one. Objectives,
samplers, noise and densities are read from ``scorekit._catalogue``: a new class is covered as soon as it is registered.
"""

from __future__ import annotations

from field.calls.subjects import datasets, experiments, metrics, models, networks, plots, registered, training
from field.calls.subjects.shared import Subject

__all__ = ["Subject", "subjects"]

BOTH = (registered.classes, registered.methods, models.models, metrics.metrics, training.training, networks.networks)
NUMPY = (datasets.datasets, plots.plots, experiments.noise, experiments.storage, experiments.experiments)


def subjects(kit):
    """All subjects on the arrays of a framework."""
    makers = (*BOTH, *NUMPY) if kit.name == "numpy" else BOTH
    return [subject for make in makers for subject in make(kit)]
