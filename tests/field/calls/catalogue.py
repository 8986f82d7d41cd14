"""The catalogue: every subject, every argument, every odd value of its role."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from field.calls.odd import Kit
from field.calls.subjects import Subject, subjects

KITS = ("numpy", "torch")


class Call(NamedTuple):
    """One odd call. ``words`` must be in its message; if ``works``, its result must be that of ``expected``."""

    name: str
    argument: str
    value: Any
    run: Callable[[], Any]
    words: tuple[str, ...]
    works: bool
    expected: Callable[[], Any]


def kit(name):
    """Arrays of a framework, and of the other one."""
    import torch

    tensor = torch.as_tensor
    return Kit(name, np.asarray, tensor) if name == "numpy" else Kit(name, tensor, np.asarray)


def calls(frameworks=KITS):
    """All calls."""
    return [call for name in frameworks for subject in subjects(kit(name)) for call in _of(subject, kit(name))]


def _of(subject: Subject, tools):
    base = cache(partial(_run, subject, {}))
    for argument, role in subject.roles.items():
        good = subject.arguments.get(argument)
        for odd in role(good, tools):
            if odd.works and (not subject.runs or good is None):
                continue
            yield Call(
                f"{tools.name}: {subject.name}({argument}={odd.label})",
                subject.spoken.get(argument, argument),
                odd.value,
                partial(_run, subject, {argument: odd.value}),
                odd.words,
                odd.works,
                base,
            )


def _run(subject, changed):
    """Call with copies, so that no call sees what another one has changed."""
    import matplotlib.pyplot as plt

    try:
        return subject.call(**({key: _copied(value) for key, value in subject.arguments.items()} | changed))
    finally:
        plt.close("all")


def _copied(value):
    return copy.copy(value) if isinstance(value, np.ndarray) else value
